import { describe, expect, it } from '@jest/globals';

import { hashApiKey } from '../../src/auth/api-key.js';
import { createAuthentication } from '../../src/auth/authenticate.js';
import { readConfig } from '../../src/config/config.js';
import type { AuthConfig } from '../../src/config/auth.js';
import type { Database } from '../../src/database/database.js';
import type { Logger } from '../../src/logger.js';
import { embedded } from '../support/engines.js';
import { keysRequired, useGateway } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';
import {
  apiKeyRow,
  expectNotLogged,
  expectUnauthenticated,
  exportIds,
  keyNamed,
  listExports,
  refusal,
  signToken,
  tokenSecret,
  tokensAccepted,
} from './credentials.js';

const [keyOfA, keyOfB, temporary] = [keyNamed('A'), keyNamed('B'), keyNamed('temporary')];
const [revoked, expired, unknown] = [keyNamed('revoked'), keyNamed('expired'), keyNamed('unknown')];
/** Node accepts headers of up to 16 KB. */
const huge = `egk_${'x'.repeat(8_192)}`;
const token = await signToken({ org_id: 'org_a' });
const forged = await signToken({ org_id: 'org_a' }, { secret: `${tokenSecret}!` });
const bearer = (text: string) => ['Authorization', `Bearer ${text}`];
const [past, future] = [new Date(Date.now() - 1_000), new Date(Date.now() + 3_600_000)];

function startWith(config: AuthConfig, warnings: string[]) {
  const database = {
    catalog: new Map(),
    query: () => Promise.resolve([]),
  } as unknown as Database;
  const logger = { warn: (text: string) => warnings.push(text) } as unknown as Logger;
  return createAuthentication(config, database, { logger, onFailed: () => undefined });
}

describe('authentication', () => {
  const gateway = useGateway(embedded, {
    config: tokensAccepted(),
    keys: [
      apiKeyRow(keyOfA, 'org_a'),
      apiKeyRow(keyOfB, 'org_b'),
      apiKeyRow(revoked, 'org_a', { revokedAt: past }),
      apiKeyRow(expired, 'org_a', { expiresAt: past }),
      apiKeyRow(temporary, 'org_a', { expiresAt: future }),
    ],
    exports: ['org_a', 'org_b', 'org_demo'].map((organizationId, index) =>
      exportRow(index, { organizationId }),
    ),
  });

  const list = async (...headers: string[]) => exportIds(await listExports(gateway, headers));

  it('lists the exports of the organization of the key or token only', async () => {
    expect(await list('X-API-Key', keyOfA)).toEqual([exportId(0)]);
    expect(await list('x-api-key', keyOfB)).toEqual([exportId(1)]);
    expect(await list('X-API-Key', temporary)).toEqual([exportId(0)]);
    for (const other of ['', 'Basic eDp5', 'Negotiate', token, 'Bearer', 'Bearer a b']) {
      expect(await list('X-API-Key', keyOfB, 'Authorization', other)).toEqual([exportId(1)]);
    }
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer ']) {
      expect(await list('Authorization', `${scheme} ${token}`)).toEqual([exportId(0)]);
    }
    expect(await list('X-API-Key', '', 'Authorization', `Bearer ${token}`)).toEqual([exportId(0)]);
  });

  it.each<[credentials: string, cause: RegExp, ...headers: string[]]>([
    ['no credentials', /^no credentials$/],
    ['an empty key', /^no credentials$/, 'X-API-Key', ''],
    ['a key in a cookie', /^no credentials$/, 'Cookie', `X-API-Key=${keyOfA}`],
    ['an unknown key', /^unknown API key$/, 'X-API-Key', unknown],
    ['a revoked key', /^API key key_\w+ is revoked$/, 'X-API-Key', revoked],
    ['an expired key', /^API key key_\w+ has expired$/, 'X-API-Key', expired],
    ['a repeated key', /^unknown API key$/, 'X-API-Key', keyOfA, 'X-API-Key', keyOfA],
    ['a key of 8 KB', /^unknown API key$/, 'X-API-Key', huge],
    ['a key in lower case', /^unknown API key$/, 'X-API-Key', keyOfA.toLowerCase()],
    ['the hash of a key', /^unknown API key$/, 'X-API-Key', hashApiKey(keyOfA)],
    ['bytes that are not ASCII', /^unknown API key$/, 'X-API-Key', '\u00ff\u0080%'],
    ['a key and a forged token', /signature/, 'X-API-Key', keyOfA, ...bearer(forged)],
    ['an unknown key and a token', /^unknown API key$/, 'X-API-Key', unknown, ...bearer(token)],
    ['a key as a token', /Invalid/, ...bearer(keyOfA)],
    ['a forged token', /signature/, ...bearer(forged)],
    ['no token', /not a bearer token$/, 'Authorization', 'Bearer'],
    ['a token without a scheme', /not a bearer token$/, 'Authorization', token],
    ['two tokens', /not a bearer token$/, 'Authorization', `Bearer ${token} ${token}`],
    ['a key as a password', /not a bearer token$/, 'Authorization', `Basic ${btoa(`x:${keyOfA}`)}`],
  ])(
    'rejects %s with the response to all invalid credentials',
    async (_name, cause, ...headers) => {
      await expectUnauthenticated(gateway, headers, cause);
    },
  );

  it('rejects a valid key beside a valid token, and says that it is one too many', async () => {
    const response = await listExports(gateway, ['X-API-Key', keyOfA, ...bearer(token)]);
    const message = expect.stringMatching(/^Send an X-API-Key header or a bearer token, not both/);
    const { errors } = JSON.parse(response.text) as { errors: unknown };
    expect(response.status).toBe(401);
    expect(errors).toEqual([{ message, extensions: { code: 'UNAUTHENTICATED' } }]);
    const cause = 'an API key and a token, both valid';
    expect(response.logged).toContainEqual(expect.objectContaining({ cause }));
  });

  it('looks up a known or unknown key from the database once', async () => {
    const headers = ['X-API-Key', keyNamed('never seen')];
    const lookup = /^SELECT .+ FROM api_keys WHERE key_hash = \?$/;
    const { statements } = await listExports(gateway, headers);
    expect(statements).toEqual([expect.stringMatching(lookup)]);
    const second = await listExports(gateway, headers);
    expect(second).toMatchObject({ status: 401, text: refusal, statements: [] });

    await listExports(gateway, ['X-API-Key', keyOfA]);
    const known = await listExports(gateway, ['X-API-Key', keyOfA]);
    expect(known.statements).toEqual([expect.stringContaining(' FROM exports ')]);
  });

  it.each([
    ['an incomplete body', { body: '{' }],
    ['a body that is too large', { body: 'x'.repeat(300_000) }],
    ['a GET without a query', {}],
  ])('authenticates before it parses %s, and names the scheme', async (_, request) => {
    const headers = { 'www-authenticate': 'Bearer' };
    expect(await gateway.send(request)).toMatchObject({ status: 401, text: refusal, headers });
  });

  it('logs no key, no hash of a key, no token and no signature', () => {
    expect(gateway.log.length).toBeGreaterThan(20);
    expectNotLogged(gateway, [keyOfA, keyOfB, revoked, expired, temporary, unknown, huge]);
    expectNotLogged(gateway, [keyOfA.toLowerCase(), hashApiKey(keyOfA)]);
    expectNotLogged(gateway, [token, token.slice(-43), forged, forged.slice(-43), tokenSecret]);
  });
});

describe('a gateway with API keys only', () => {
  const gateway = useGateway(embedded, {
    config: keysRequired,
    keys: [apiKeyRow(keyOfA, 'org_a')],
    exports: [exportRow(0, { organizationId: 'org_a' })],
  });

  it('rejects a bearer token because no JWT key is configured, but not beside a key', async () => {
    await expectUnauthenticated(gateway, bearer(token), /^no JWT key is configured$/);
    const response = await listExports(gateway, ['X-API-Key', keyOfA, ...bearer(token)]);
    expect(exportIds(response)).toEqual([exportId(0)]);
  });

  it.each(['/health/live', '/health/ready', '/metrics'])(
    'responds to %s without credentials',
    async (path) => {
      expect((await gateway.send({ path })).status).toBe(200);
    },
  );

  it('opens GraphiQL with a form for a key and without the id of an export', async () => {
    const { status, text, statements } = await gateway.send({ headers: ['accept', 'text/html'] });
    expect([status, statements]).toEqual([200, []]);
    expect(text).toContain('<label for="key">API key or token</label>');
    expect(text).toContain('query OneExport');
    expect(text).not.toMatch(/exp_[1-9A-HJ-NP-Za-km-z]{22}|org_a|egk_/);
  });
});

it('does not start when neither a usable key nor a token could authenticate a client', async () => {
  const started = startWith({ kind: 'required', jwt: null }, []);
  await expect(started).rejects.toThrow(/^AUTH is required, but no client could authenticate\. /);
});

const jwks = { JWT_JWKS_URL: 'https://login.example.com/jwks' };
it.each<[warnings: number, settings: Record<string, string>]>([
  [1, jwks],
  [0, { ...jwks, JWT_ISSUER: 'https://login.example.com' }],
  [0, { ...jwks, JWT_AUDIENCE: 'exports' }],
  [0, { JWT_SECRET: tokenSecret }],
])('logs %d warnings at the start with the settings %j', async (count, settings) => {
  const warnings: string[] = [];
  await startWith(readConfig({ AUTH: 'required', ...settings }).auth, warnings);
  const warning = expect.stringMatching(/^JWT_JWKS_URL .+ set JWT_AUDIENCE, or JWT_ISSUER/);
  expect(warnings).toEqual(Array(count).fill(warning));
});

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { hashApiKey } from '../../src/auth/api-key.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { createDatabaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { until } from '../support/until.js';
import { describeWith } from '../support/describe-with.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { createTestDatabase } from '../support/test-database.js';
import {
  addKeys,
  apiKeyRow,
  askWith,
  expectNotLogged,
  expectRefusal,
  idsIn,
  keyNamed,
  refusal,
} from './credentials.js';

const keyOfA = keyNamed('A');
const keyOfB = keyNamed('B');
const revoked = keyNamed('revoked');
const expired = keyNamed('expired');
const lasting = keyNamed('lasting');
const unknown = keyNamed('unknown');
/** A header is at most some 16 KB. */
const huge = `egk_${'x'.repeat(8_192)}`;
const required = { auth: { kind: 'required', jwt: null } } as const;
const AN_HOUR = 3_600_000;

describe.each(engines)('an API key on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await provide();
    await addKeys(database, [
      apiKeyRow(keyOfA, 'org_a'),
      apiKeyRow(keyOfB, 'org_b'),
      apiKeyRow(revoked, 'org_a', { revokedAt: new Date(Date.now() - 1_000) }),
      apiKeyRow(expired, 'org_a', { expiresAt: new Date(Date.now() - 1_000) }),
      apiKeyRow(lasting, 'org_a', { expiresAt: new Date(Date.now() + AN_HOUR) }),
    ]);
    gateway = await startGateway(database, { config: required });
    await insertRows(gateway.source, {
      exports: [
        exportRow(0, { organizationId: 'org_a' }),
        exportRow(1, { organizationId: 'org_b' }),
        exportRow(2, { organizationId: 'org_demo' }),
      ],
    });
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  it('shows the exports of its organization and no others', async () => {
    expect(idsIn(await askWith(gateway, ['X-API-Key', keyOfA]))).toEqual([exportId(0)]);
    expect(idsIn(await askWith(gateway, ['x-api-key', keyOfB]))).toEqual([exportId(1)]);
    expect(idsIn(await askWith(gateway, ['X-API-Key', lasting]))).toEqual([exportId(0)]);
  });

  it.each([
    { what: 'no credentials', headers: [], cause: /^no credentials are given$/ },
    { what: 'an empty key', headers: ['X-API-Key', ''], cause: /^no credentials are given$/ },
    { what: 'an unknown key', headers: ['X-API-Key', unknown], cause: /^no such API key$/ },
    {
      what: 'a revoked key',
      headers: ['X-API-Key', revoked],
      cause: /^API key key_\w+ is revoked$/,
    },
    {
      what: 'an expired key',
      headers: ['X-API-Key', expired],
      cause: /^API key key_\w+ has expired$/,
    },
    {
      what: 'the key twice',
      headers: ['X-API-Key', keyOfA, 'X-API-Key', keyOfA],
      cause: /^no such API key$|more than once/,
    },
    {
      what: 'the keys of two organizations',
      headers: ['X-API-Key', keyOfA, 'X-API-Key', keyOfB],
      cause: /^no such API key$|more than once/,
    },
    {
      what: 'a key and a token',
      headers: ['X-API-Key', keyOfA, 'Authorization', 'Bearer x.y.z'],
      cause: /^both X-API-Key and Authorization are given$/,
    },
    {
      what: 'a key as a bearer token',
      headers: ['Authorization', `Bearer ${keyOfA}`],
      cause: /^no JWT_… setting, so tokens cannot be checked$/,
    },
    {
      what: 'a key as a password',
      headers: ['Authorization', `Basic ${Buffer.from(`x:${keyOfA}`).toString('base64')}`],
      cause: /^Authorization is not of Bearer$/,
    },
    { what: 'a key in a cookie', headers: ['Cookie', `X-API-Key=${keyOfA}`], cause: /^no cred/ },
    { what: 'a key of 8 KB', headers: ['X-API-Key', huge], cause: /^no such API key$/ },
    {
      what: 'a key in other letter case',
      headers: ['X-API-Key', keyOfA.toLowerCase()],
      cause: /^no such API key$/,
    },
    {
      what: 'a key with something behind it',
      headers: ['X-API-Key', `${keyOfA}\u00a0`],
      cause: /^no such API key$/,
    },
    {
      what: 'a key cut short',
      headers: ['X-API-Key', keyOfA.slice(0, -1)],
      cause: /^no such API key$/,
    },
    {
      what: 'the hash of a key',
      headers: ['X-API-Key', hashApiKey(keyOfA)],
      cause: /^no such API key$/,
    },
    { what: 'SQL', headers: ['X-API-Key', "' OR '1'='1"], cause: /^no such API key$/ },
    { what: 'other bytes', headers: ['X-API-Key', '\u00ff\u0080%'], cause: /^no such API key$/ },
  ])('refuses $what as it refuses everyone', async ({ headers, cause }) => {
    await expectRefusal(gateway, headers, cause);
  });

  it('costs its look-up once, and a refusal no more than that', async () => {
    const first = await askWith(gateway, ['X-API-Key', keyNamed('never seen')]);
    expect(first.statements).toEqual([
      expect.stringMatching(/^SELECT .+ FROM api_keys WHERE key_hash = \?$/),
    ]);
    const second = await askWith(gateway, ['X-API-Key', keyNamed('never seen')]);
    expect(second).toMatchObject({ status: 401, text: refusal, statements: [] });
    await askWith(gateway, ['X-API-Key', keyOfA]);
    const known = await Promise.all(
      Array.from({ length: 10 }, () => askWith(gateway, ['X-API-Key', keyOfA])),
    );
    for (const answer of known) {
      expect(idsIn(answer)).toEqual([exportId(0)]);
      expect(answer.statements.filter((sql) => sql.includes('api_keys'))).toEqual([]);
    }
  });

  it('is needed before anything of a request is looked at', async () => {
    for (const body of ['{', '[]', '{"query":"{ nonsense }"}', '{"query":"{ __typename }"}', '']) {
      expect(await askWith(gateway, [], body)).toMatchObject({ status: 401, text: refusal });
    }
    for (const path of ['?query={__typename}', '']) {
      const response = await fetch(`${gateway.origin}/graphql${path}`);
      expect([response.status, await response.text()]).toEqual([401, refusal]);
    }
  });

  it('is never written to the log, nor is its hash', () => {
    expect(gateway.log.length).toBeGreaterThan(20);
    expectNotLogged(gateway, [keyOfA, keyOfB, revoked, expired, lasting, unknown, huge]);
    expectNotLogged(gateway, [keyOfA.toLowerCase(), hashApiKey(keyOfA), "' OR '1'='1"]);
  });
});

describe('without credentials', () => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    const [embedded] = engines;
    if (embedded === undefined) throw new Error('No engine');
    database = await embedded.provide();
    await addKeys(database, [apiKeyRow(keyOfA, 'org_a')]);
    gateway = await startGateway(database, { config: required });
    await insertRows(gateway.source, {
      exports: [exportRow(0, { organizationId: 'org_a' })],
      files: [fileRow(0, ExportFileKind.JSON)],
    });
    await mkdir(join(gateway.filesDirectory, 'exports', exportId(0)), { recursive: true });
    await writeFile(join(gateway.filesDirectory, 'exports', exportId(0), 'json'), '[]');
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  it.each(['/health/live', '/health/ready', '/metrics'])('%s is answered', async (path) => {
    expect((await fetch(`${gateway.origin}${path}`)).status).toBe(200);
  });

  it('a file is sent to whoever has its link', async () => {
    const { data } = await gateway.query<{ export: { jsonUrl: string } }>(
      'query ($id: ID!) { export(id: $id, includeJson: true) { jsonUrl } }',
      { id: exportId(0) },
      { 'x-api-key': keyOfA },
    );
    // The link names neither the organization nor the key.
    expect(data.export.jsonUrl).not.toMatch(/org_a|egk_/);
    const response = await fetch(data.export.jsonUrl);
    expect([response.status, await response.text()]).toEqual([200, '[]']);
    const bare = data.export.jsonUrl.replace(/signature=[^&]+/, 'signature=');
    expect((await fetch(bare, { headers: { 'x-api-key': keyOfA } })).status).toBe(403);
  });

  it('GraphiQL opens, with a place for a key and no export of anybody', async () => {
    const response = await fetch(`${gateway.origin}/graphql`, { headers: { accept: 'text/html' } });
    expect(response.status).toBe(200);
    const page = await response.text();
    // The script's props: the headers of the editor, as JSON in JSON.
    expect(page).toContain(`"headers":${JSON.stringify('{\n  "X-API-Key": ""\n}')}`);
    expect(page).toContain('query OneExport');
    expect(page).not.toMatch(/exp_[1-9A-HJ-NP-Za-km-z]{22}/);
    expect(page).not.toMatch(/org_a|egk_/);
    // Nor is any export read for it.
    expect(
      gateway.log.filter(({ sql }) => typeof sql === 'string' && /ORDER BY created_at/.test(sql)),
    ).toEqual([]);
  });
});

describeWith('mysql', 'a database that is lost', () => {
  it('makes no key wrong: 503, and the key is looked up again', async () => {
    await withProxy(async (gateway, proxy) => {
      await proxy.close();
      const during = await askWith(gateway, ['X-API-Key', keyOfA]);
      expect(during.status).toBe(503);
      expect(during.headers['retry-after']).toBe('1');
      expect(JSON.parse(during.text)).toEqual({
        errors: [
          {
            message: 'The exports cannot be read right now. Try again in a moment.',
            extensions: { code: 'SERVICE_UNAVAILABLE' },
          },
        ],
      });
      expect(during.text).not.toMatch(/127\.0\.0\.1|ECONN|SELECT|api_keys/);
      await proxy.open();
      expect(idsIn(await askWith(gateway, ['X-API-Key', keyOfA]))).toEqual([]);
      expectNotLogged(gateway, [keyOfA]);
    });
  });

  it('while a key is being looked up leaves nothing of it in the log', async () => {
    await withProxy(async (gateway, proxy) => {
      proxy.freeze();
      const logBefore = gateway.log.length;
      const asked = askWith(gateway, ['X-API-Key', keyOfA]);
      await until(
        () => gateway.log.slice(logBefore).some(({ sql }) => sql !== undefined) || undefined,
      );
      await proxy.close();
      expect((await asked).status).toBe(503);
      expectNotLogged(gateway, [keyOfA]);
    });
  });

  async function withProxy(
    work: (gateway: Gateway, proxy: DatabaseProxy) => Promise<void>,
  ): Promise<void> {
    const database = await createTestDatabase();
    const proxy = await createDatabaseProxy(database.url);
    await proxy.open();
    const config = { kind: 'mysql', url: proxy.url } as const;
    await addKeys({ config }, [apiKeyRow(keyOfA, 'org_a')]);
    const gateway = await startGateway({ config }, { config: required });
    try {
      await work(gateway, proxy);
    } finally {
      await proxy.open();
      await gateway.close();
      await proxy.close();
      await database.drop();
    }
  }
});

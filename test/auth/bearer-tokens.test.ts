import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { JWK } from 'jose';
import { pino } from 'pino';

import { BearerTokens } from '../../src/auth/bearer-tokens.js';
import { readConfig } from '../../src/config/config.js';
import { until } from '../support/until.js';

const secret = 'a secret of the tests with 40 characters';
const issuer = 'https://login.example.com';
const audience = 'exports';
const strict = { JWT_ISSUER: issuer, JWT_AUDIENCE: audience };

const generateKeys = () => ({
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
});
const keys = generateKeys();
const otherKeys = generateKeys();
const jwk = (key: KeyObject) => key.export({ format: 'jwk' }) as JWK;
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

/** The cause when a verifier does not allow the algorithm of a token, whatever its signature. */
const algorithm = '"alg" .+ not allowed';

const now = () => Math.floor(Date.now() / 1_000);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = (changes: object = {}) => {
  const valid = { org_id: 'org_a', iss: issuer, aud: audience, exp: now() + 600 };
  return { ...valid, ...changes };
};

/** Also signs what jose refuses to sign: with a text as the key, an HMAC for any `alg`. */
function token(
  payload: unknown = claims(),
  key: KeyObject | string = secret,
  header: { alg: string; [name: string]: unknown } = { alg: 'HS256' },
): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  const hash = header.alg === 'EdDSA' ? null : `sha${header.alg.slice(2)}`;
  const signature =
    typeof key === 'string'
      ? createHmac(hash ?? 'sha256', key)
          .update(signed)
          .digest()
      : sign(hash, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

const unsigned = (alg: string) => `${encode({ alg, typ: 'JWT' })}.${encode(claims())}.`;

/** What the verifiers logged, and whether each of their fetches succeeded. */
const log: string[] = [];
const fetches: boolean[] = [];
const write = (line: string) => void log.push((JSON.parse(line) as { msg: string }).msg);
const onLoaded = (isSuccess: boolean) => void fetches.push(isSuccess);

function bearerTokens(settings: Record<string, string>, timeoutMs = 10_000): BearerTokens {
  const { auth } = readConfig({ AUTH: 'required', ...settings });
  if (auth.kind !== 'required' || auth.jwt === null) throw new Error('The settings have no key.');
  return new BearerTokens(auth.jwt, { logger: pino({}, { write }), timeoutMs, onLoaded });
}

/** The organization of the viewer, or the name and the cause of the error. */
async function authenticate(tokens: BearerTokens, text: string): Promise<string> {
  try {
    return (await tokens.authenticate(text)).organization;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${String(error.cause)}` : String(error);
  }
}

async function expectRejected(tokens: BearerTokens, text: string, cause: string): Promise<void> {
  expect(await authenticate(tokens, text)).toMatch(new RegExp(`^UnauthenticatedError: .*${cause}`));
}

const invalidOrganizations: readonly unknown[] = [
  ...['', ' a', 'a ', 'a b', 'é', 'a\n', 'o'.repeat(65), undefined, null, true, 1.5, 2 ** 53],
  ...[[], ['a', 'b'], ['a b'], [['a']], {}, { a: 1, b: 1 }, { 'a b': 1 }],
];

describe('a token that JWT_SECRET verifies', () => {
  const tokens = bearerTokens({ JWT_SECRET: secret, ...strict });

  it.each([
    ['an organization', () => ({ org_id: 'org_b' }), 'org_b'],
    ['the number of an organization', () => ({ org_id: 7 }), '7'],
    ['a list of one organization', () => ({ org_id: ['org_b'] }), 'org_b'],
    ['an organization as the key of an object', () => ({ org_id: { org_b: { id: 1 } } }), 'org_b'],
    ['an organization of 64 characters', () => ({ org_id: 'o'.repeat(64) }), 'o'.repeat(64)],
    ['several audiences', () => ({ aud: ['others', audience] }), 'org_a'],
    ['a start within the clock tolerance', () => ({ nbf: now() + 3 }), 'org_a'],
    ['an expiry within the clock tolerance', () => ({ exp: now() - 2 }), 'org_a'],
  ])('is accepted with %s', async (_name, changes, organization) => {
    expect(await authenticate(tokens, token(claims(changes())))).toBe(organization);
  });

  it.each([
    ['has', 'user_1', 'user_1'],
    ['lacks', undefined, null],
    ['does not hold as text', 7, null],
  ])('identifies its viewer by the `sub` that it %s', async (_name, sub, id) => {
    expect(await tokens.authenticate(token(claims({ sub })))).toMatchObject({ id });
  });

  const own = { alg: 'HS256', jwk: { kty: 'oct', k: Buffer.from('mine').toString('base64url') } };
  const [header = '', , signature = ''] = token().split('.');
  it.each<[what: string, token: string, cause: string]>([
    ['another issuer', token(claims({ iss: 'https://login.example.org' })), '"iss"'],
    ['no issuer', token(claims({ iss: undefined })), '"iss"'],
    ['another audience', token(claims({ aud: 'imports' })), '"aud"'],
    ['no audience', token(claims({ aud: undefined })), '"aud"'],
    ['an expiry in the past', token(claims({ exp: now() - 10 })), 'the token has expired'],
    ['no expiry', token(claims({ exp: undefined })), 'missing required "exp"'],
    ['an expiry that is text', token(claims({ exp: 'never' })), '"exp"'],
    ['a start in the future', token(claims({ nbf: now() + 3_600 })), '"nbf"'],
    ...invalidOrganizations.map((org_id): [string, string, string] => [
      `the organization ${JSON.stringify(org_id)}`,
      token(claims({ org_id, org: 'a' })),
      'no valid claim org_id',
    ]),
    ['alg none', unsigned('none'), algorithm],
    ['no signature', unsigned('HS256'), 'signature'],
    ['HS512 and the secret', token(claims(), secret, { alg: 'HS512' }), algorithm],
    ['an RS256 signature', token(claims(), keys.RS256.privateKey, { alg: 'RS256' }), algorithm],
    ['its own key', token(claims(), 'mine', own), 'signature'],
    ['a critical header', token(claims(), secret, { alg: 'HS256', crit: ['x'], x: 1 }), '"x"'],
    ['another secret', token(claims(), `${secret}!`), 'signature'],
    ['changed claims', `${header}.${encode(claims({ org_id: 'b' }))}.${signature}`, 'signature'],
    ['a changed signature', token().replace(/.{5}$/, 'AAAAA'), 'signature'],
    ['claims that are a list', token([claims()]), 'JSON object'],
    ['empty parts', '..', 'invalid'],
    ['one part', 'garbage', 'Invalid'],
    ['8 KB of text', 'x'.repeat(8_192), 'Invalid'],
  ])('is rejected with %s', async (_name, text, cause) => {
    await expectRejected(tokens, text, cause);
  });

  it('may have any issuer and audience unless they are configured', async () => {
    const lenient = bearerTokens({ JWT_SECRET: secret });
    expect(await authenticate(lenient, token(claims({ iss: 'x', aud: 'x' })))).toBe('org_a');
    expect(await authenticate(lenient, token({ org_id: 'org_a', exp: now() + 600 }))).toBe('org_a');
  });

  it('names its organization in JWT_ORGANIZATION_CLAIM only', async () => {
    const claim = 'https://example.com/organization';
    const custom = bearerTokens({ JWT_SECRET: secret, JWT_ORGANIZATION_CLAIM: claim });
    expect(await authenticate(custom, token(claims({ [claim]: 'org_b' })))).toBe('org_b');
    await expectRejected(custom, token(), 'no valid claim https:');
    const inherited = bearerTokens({ JWT_SECRET: secret, JWT_ORGANIZATION_CLAIM: 'constructor' });
    await expectRejected(inherited, token(), 'no valid claim constructor$');
  });
});

const uuid = '9122040d-6c67-4c5b-b112-36a304b66dad';
const namespaced = 'https://exports.example.com/organization';
const plain = { onlyRequestedBy: null, requester: null, canReadFiles: true };
const only = (requester: string) => ({ requester, onlyRequestedBy: requester });
/** What identity providers issue, with the settings for it and the viewer that it stands for. */
it.each<[provider: string, settings: Record<string, string>, issued: object, viewer: object]>([
  [
    'Keycloak, with a list of organizations',
    { JWT_ORGANIZATION_CLAIM: 'organization', JWT_REQUESTER_CLAIM: 'preferred_username' },
    { organization: ['acme'], preferred_username: 'ann', scope: 'openid email' },
    { ...plain, organization: 'acme', ...only('ann') },
  ],
  [
    'Keycloak, with the ids of organizations',
    { JWT_ORGANIZATION_CLAIM: 'organization', JWT_FILES_SCOPE: 'files' },
    { organization: { acme: { id: uuid } }, scope: 'openid files' },
    { ...plain, organization: 'acme' },
  ],
  [
    'Keycloak, with an attribute in a nested claim',
    { JWT_ORGANIZATION_CLAIM: 'tenant.id', JWT_FILES_SCOPE: 'files' },
    { tenant: { id: 42 }, scope: 'openid profiles' },
    { ...plain, organization: '42', canReadFiles: false },
  ],
  [
    'Auth0',
    { JWT_ORGANIZATION_CLAIM: namespaced, JWT_REQUESTER_CLAIM: 'sub', JWT_AUDIENCE: audience },
    { [namespaced]: 'org_Ab1', sub: 'auth0|6f', aud: [audience, 'https://x.auth0.com/userinfo'] },
    { ...plain, id: 'auth0|6f', organization: 'org_Ab1', ...only('auth0|6f') },
  ],
  [
    'Cognito, without an audience',
    { JWT_ORGANIZATION_CLAIM: 'cognito:groups', JWT_ISSUER: issuer, JWT_FILES_SCOPE: 'x/files' },
    { 'cognito:groups': ['acme'], client_id: '3k', aud: undefined, scope: 'x/files x/all' },
    { ...plain, organization: 'acme' },
  ],
  [
    'Azure AD, with delegated permissions',
    { JWT_ORGANIZATION_CLAIM: 'tid', JWT_REQUESTER_CLAIM: 'oid', JWT_ALL_EXPORTS_SCOPE: 'All' },
    { tid: uuid, oid: 'a1', scp: 'Read All' },
    { ...plain, organization: uuid, requester: 'a1' },
  ],
  [
    'Okta, with a list of scopes and no user',
    { JWT_REQUESTER_CLAIM: 'uid', JWT_ALL_EXPORTS_SCOPE: 'all', JWT_FILES_SCOPE: 'files' },
    { scp: ['all', 'files'] },
    { ...plain, organization: 'org_a' },
  ],
  [
    'any provider, whose literal claim precedes a path',
    { JWT_ORGANIZATION_CLAIM: 'org.id', JWT_REQUESTER_CLAIM: 'user.id' },
    { 'org.id': 'literal', org: { id: 'path' }, 'user.id': 7, user: { id: 8 } },
    { ...plain, organization: 'literal', ...only('7') },
  ],
])('a token of %s names its viewer', async (_provider, settings, issued, viewer) => {
  const tokens = bearerTokens({ JWT_SECRET: secret, ...settings });
  const validity = { expiresAt: expect.any(Number), revalidate: expect.any(Function) };
  const found = await tokens.authenticate(token(claims(issued)));
  expect(found).toEqual({ id: null, ...viewer, ...validity });
});

it('tells a viewer when its token expires, with five seconds for the clock of the issuer', async () => {
  const tokens = bearerTokens({ JWT_SECRET: secret });
  const exp = now() + 1;
  const viewer = await tokens.authenticate(token(claims({ exp })));
  expect(viewer.expiresAt).toBe((exp + 5) * 1_000);
  await viewer.revalidate();
  jest.useFakeTimers({ now: viewer.expiresAt });
  const revalidated = viewer.revalidate();
  jest.useRealTimers();
  await expect(revalidated).rejects.toMatchObject({ failure: 'token_expired' });
});

describe('a token with JWT_REQUESTER_CLAIM', () => {
  const requester = { JWT_SECRET: secret, JWT_REQUESTER_CLAIM: 'user.email' };
  const tokens = bearerTokens({ ...requester, JWT_ALL_EXPORTS_SCOPE: 'exports:all' });
  const emails = ['zoë🎉', ' ', 'ann ', '🎉'.repeat(255)];

  it.each(emails)('shows only the exports of %j, as it is written', async (email) => {
    const viewer = await tokens.authenticate(token(claims({ user: { email } })));
    expect(viewer.onlyRequestedBy).toBe(email);
  });

  it.each<object>([
    ...[{}, { user: 'ann' }, { user: ['ann'] }, { user: [{ email: 'ann' }] }, { email: 'ann' }],
    ...['', null, true, ['ann', 'bob'], 'a\0', '\ud800', 'a'.repeat(256), {}, 2 ** 53].map(
      (email) => ({ user: { email } }),
    ),
    ...[
      'exports',
      'exports:all2',
      'exports:all,x',
      ' ',
      ['exports:all x'],
      { 'exports:all': 1 },
    ].map((scope) => ({ scope, scp: scope })),
  ])('is rejected with %j', async (changes) => {
    const cause = 'no valid claim user.email, nor the scope exports:all$';
    await expectRejected(tokens, token(claims(changes)), cause);
    const withoutScope = token(claims({ ...changes, scope: 'exports:all' }));
    await expectRejected(bearerTokens(requester), withoutScope, 'no valid claim user.email$');
  });
});

it.each(['RS256', 'ES256', 'EdDSA'] as const)(
  'a JWT_PUBLIC_KEY for %s accepts only signatures of its private key and algorithm',
  async (alg) => {
    const { publicKey, privateKey } = keys[alg];
    const tokens = bearerTokens({ JWT_PUBLIC_KEY: pem(publicKey) });
    expect(await authenticate(tokens, token(claims(), privateKey, { alg }))).toBe('org_a');
    await expectRejected(tokens, unsigned('none'), algorithm);
    await expectRejected(tokens, unsigned(alg), 'signature');
    const { privateKey: otherKey } = otherKeys[alg];
    await expectRejected(tokens, token(claims(), otherKey, { alg }), 'signature');
    if (alg === 'RS256') {
      await expectRejected(tokens, token(claims(), privateKey, { alg: 'RS384' }), algorithm);
    }
    // An attacker knows the public key, so it must not verify an HMAC.
    const text = pem(publicKey);
    const der = publicKey.export({ type: 'spki', format: 'der' }).toString('latin1');
    const json = JSON.stringify(jwk(publicKey));
    for (const known of [text, text.trim(), text.replaceAll('\n', ''), der, json]) {
      await expectRejected(tokens, token(claims(), known), algorithm);
    }
    await expectRejected(tokens, token(claims(), text, { alg }), 'signature');
  },
);

describe('a token that a JWKS verifies', () => {
  let url: string;
  let requests: number;
  let respond: (response: ServerResponse) => void;
  const server = createServer((_request, response) => {
    requests++;
    respond(response);
  });
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  afterEach(() => void jest.restoreAllMocks());
  const publish = (...published: readonly JWK[]) => {
    respond = (response) => response.end(JSON.stringify({ keys: published }));
  };

  const outage = [
    'The keys of the token issuer (JWKS) cannot be loaded',
    'The keys of the token issuer (JWKS) are loaded again.',
  ];
  const { RS256: rsa, ES256: ec } = keys;
  const first = { ...jwk(rsa.publicKey), kid: 'first', use: 'sig' };
  const second = { ...jwk(ec.publicKey), kid: 'second', use: 'sig' };
  const header = { alg: 'RS256', kid: 'first' };
  const byFirst = (changes = {}) => token(claims(changes), rsa.privateKey, header);
  const bySecond = () => token(claims(), ec.privateKey, { alg: 'ES256', kid: 'second' });
  const byOther = (changes = {}) =>
    token(claims(), otherKeys.RS256.privateKey, { ...header, ...changes });

  /** Publishes these keys for a verifier that has not fetched any. */
  function withKeys(...published: readonly JWK[]): BearerTokens {
    publish(...published);
    return fetchingTokens();
  }

  /** Long enough for a response on a busy machine, and short enough to wait for. */
  const SHORT_TIMEOUT_MS = 500;

  function fetchingTokens(timeoutMs?: number): BearerTokens {
    requests = log.length = fetches.length = 0;
    return bearerTokens({ JWT_JWKS_URL: url, ...strict }, timeoutMs);
  }

  const realNow = Date.now.bind(Date);
  /** Moves the clock to so long after the present. */
  function advanceClock(ms: number): void {
    jest.spyOn(Date, 'now').mockImplementation(() => realNow() + ms);
  }

  it('is accepted with a key of the set; unknown key ids do not fetch the set again', async () => {
    const tokens = withKeys(first);
    for (let i = 0; i < 20; i++) {
      expect(await authenticate(tokens, byFirst())).toBe('org_a');
      await expectRejected(tokens, byOther({ kid: `${i}` }), 'no applicable key');
    }
    expect(requests).toBe(1);
  });

  it('is rejected with another key, alg none, an HMAC or invalid claims', async () => {
    const tokens = withKeys(first);
    await expectRejected(tokens, byOther(), 'signature');
    const own = { jwk: jwk(otherKeys.RS256.publicKey), jku: 'http://127.0.0.1/jwks' };
    await expectRejected(tokens, byOther(own), 'signature');
    await expectRejected(tokens, unsigned('none'), algorithm);
    for (const known of [pem(rsa.publicKey), JSON.stringify(jwk(rsa.publicKey))]) {
      await expectRejected(tokens, token(claims(), known, { ...header, alg: 'HS256' }), algorithm);
    }
    await expectRejected(tokens, byFirst({ exp: now() - 60 }), 'the token has expired');
  });

  it('is rejected with a secret that the set publishes by mistake', async () => {
    const k = Buffer.from(secret).toString('base64url');
    const tokens = withKeys({ kty: 'oct', kid: 'oct', k });
    await expectRejected(tokens, token(claims(), secret, { alg: 'HS256', kid: 'oct' }), algorithm);
  });

  it('is accepted with a key that joined the set 31 seconds ago', async () => {
    const tokens = withKeys(first);
    await expectRejected(tokens, bySecond(), 'no applicable key');
    publish(first, second);
    await expectRejected(tokens, bySecond(), 'no applicable key');
    expect(requests).toBe(1);
    advanceClock(31_000);
    expect(await authenticate(tokens, bySecond())).toBe('org_a');
    expect(await authenticate(tokens, byFirst())).toBe('org_a');
    expect(requests).toBe(2);
  });

  it('is rejected with a key that left the set ten minutes ago', async () => {
    const tokens = withKeys(first);
    const text = byFirst({ exp: now() + 6_000 });
    expect(await authenticate(tokens, text)).toBe('org_a');
    publish(second);
    advanceClock(601_000);
    await expectRejected(tokens, text, 'no applicable key');
  });

  const failures: [failure: string, respond: (response: ServerResponse) => void][] = [
    ['closes connections', (response) => response.destroy()],
    ['redirects', (response) => response.writeHead(302).end()],
    ['sends HTML', (response) => response.end('<html>')],
    ['sends no keys', (response) => response.end('{"keys":"none"}')],
    ['does not respond', () => undefined],
    [
      'sends a byte at a time',
      (response) => {
        const timer = setInterval(() => response.write(' '), 5);
        response.once('close', () => {
          clearInterval(timer);
        });
      },
    ],
  ];

  it.each(failures)(
    'is neither accepted nor rejected while the server of the set %s, which only one fetch tries',
    async (_name, failure) => {
      respond = failure;
      const tokens = fetchingTokens(SHORT_TIMEOUT_MS);
      const unavailable = expect.stringMatching(/^KeySetUnavailableError: /);
      const concurrent = [byFirst(), bySecond()].map((text) => authenticate(tokens, text));
      expect(await Promise.all(concurrent)).toEqual([unavailable, unavailable]);
      expect(await authenticate(tokens, byFirst())).toEqual(unavailable);
      await expectRejected(tokens, unsigned('none'), algorithm);
      expect([requests, fetches]).toEqual([1, [false]]);
    },
  );

  it('is accepted once the server of the set has recovered', async () => {
    respond = (response) => response.destroy();
    const tokens = fetchingTokens();
    expect(await authenticate(tokens, byFirst())).toMatch(/^KeySetUnavailableError: /);
    publish(first);
    advanceClock(5_000);
    expect(await authenticate(tokens, byFirst())).toBe('org_a');
    expect([fetches, log]).toEqual([[false, true], outage]);
  });

  it.each(failures)('is accepted with a known key while the server %s', async (_name, failure) => {
    publish(first);
    const tokens = fetchingTokens(SHORT_TIMEOUT_MS);
    const known = byFirst({ exp: now() + 6_000 });
    expect(await authenticate(tokens, known)).toBe('org_a');
    respond = failure;
    for (const ms of [601_000, 606_000, 612_000]) {
      advanceClock(ms);
      for (let use = 0; use < 3; use++) expect(await authenticate(tokens, known)).toBe('org_a');
      // The set may have the key by now.
      expect(await authenticate(tokens, bySecond())).toMatch(/^KeySetUnavailableError: /);
    }
    expect([fetches, log]).toEqual([[true, false, false, false], outage.slice(0, 1)]);
    publish(second);
    advanceClock(618_000);
    expect(await authenticate(tokens, known)).toBe('org_a');
    await until(() => (fetches.at(-1) === true ? true : undefined));
    await expectRejected(tokens, known, 'no applicable key');
    expect(log).toEqual(outage);
  });
});

import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { exportJWK, SignJWT, type JWK, type JWTPayload } from 'jose';

import type { AuthConfig } from '../../src/config/auth.js';
import { readConfig } from '../../src/config/config.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';
import {
  addKeys,
  apiKeyRow,
  askWith,
  expectNotLogged,
  expectRefusal,
  idsIn,
  keyNamed,
} from './credentials.js';
import { createJwksServer, type JwksServer } from './jwks-server.js';

const secret = 'a secret of the tests with 40 characters';
const issuer = 'https://login.example.com';
const audience = 'exports';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

const now = () => Math.floor(Date.now() / 1_000);
const good = (): JWTPayload => ({
  org_id: 'org_a',
  sub: 'somebody',
  iss: issuer,
  aud: audience,
  exp: now() + 600,
});
/** The good claims with changes; undefined takes a claim away. */
const claims = (changes: JWTPayload): JWTPayload => ({ ...good(), ...changes });

async function sign(
  payload: JWTPayload,
  key: KeyObject | string = secret,
  header: { alg: string; kid?: string } = { alg: 'HS256' },
): Promise<string> {
  const material = typeof key === 'string' ? new TextEncoder().encode(key) : key;
  return new SignJWT(payload).setProtectedHeader(header).sign(material);
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** What jose would not sign. */
function signByHand(header: object, payload: object, key: string, hash = 'sha256'): string {
  const signed = `${part(header)}.${part(payload)}`;
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`;
}

const unsigned = (alg: string) => `${part({ alg, typ: 'JWT' })}.${part(good())}.`;

/** Every token that a test sends: none of them may be in a log. */
const sent: string[] = [];
const bearing = (token: string, scheme = 'Bearer') => {
  sent.push(token);
  return ['Authorization', `${scheme} ${token}`];
};

let database: EngineDatabase;
const gateways: Gateway[] = [];

/** A gateway with AUTH=required and these settings. */
async function gatewayWith(settings: Record<string, string>): Promise<Gateway> {
  const auth: AuthConfig = readConfig({ AUTH: 'required', ...settings }).auth;
  const gateway = await startGateway(database, { config: { auth } });
  gateways.push(gateway);
  return gateway;
}

beforeAll(async () => {
  const [embedded] = engines;
  if (embedded === undefined) throw new Error('No engine');
  database = await embedded.provide();
  const gateway = await gatewayWith({ JWT_SECRET: secret });
  await insertRows(gateway.source, {
    exports: [
      exportRow(0, { organizationId: 'org_a' }),
      exportRow(1, { organizationId: 'org_b' }),
      exportRow(2, { organizationId: 'undefined' }),
      exportRow(3, { organizationId: '7' }),
    ],
  });
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  await database.dispose();
});

describe('a token, checked with JWT_SECRET', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await gatewayWith({
      JWT_SECRET: secret,
      JWT_ISSUER: issuer,
      JWT_AUDIENCE: audience,
    });
  });

  it('shows the exports of the organization it names', async () => {
    expect(idsIn(await askWith(gateway, bearing(await sign(good()))))).toEqual([exportId(0)]);
    const ofB = await sign(claims({ org_id: 'org_b' }));
    expect(idsIn(await askWith(gateway, bearing(ofB)))).toEqual([exportId(1)]);
  });

  it.each(['bearer', 'BEARER', 'Bearer '])('may be sent as %j', async (scheme) => {
    const answer = await askWith(gateway, bearing(await sign(good()), scheme));
    expect(idsIn(answer)).toEqual([exportId(0)]);
  });

  it('may name several audiences, and an organization of 64 characters', async () => {
    const token = await sign(claims({ aud: ['others', audience], org_id: 'o'.repeat(64) }));
    expect(idsIn(await askWith(gateway, bearing(token)))).toEqual([]);
  });

  it('may be from a clock that goes a little wrong', async () => {
    const token = await sign(claims({ nbf: now() + 3, exp: now() + 60 }));
    expect((await askWith(gateway, bearing(token))).status).toBe(200);
    const late = await sign(claims({ exp: now() - 2 }));
    expect((await askWith(gateway, bearing(late))).status).toBe(200);
  });

  const org = /^the token has no claim org_id$/;
  const tampered = async () => {
    const [header, , signature] = (await sign(good())).split('.');
    return `${header ?? ''}.${part(claims({ org_id: 'org_b' }))}.${signature ?? ''}`;
  };
  const missing = (name: string) => {
    const rest = Object.entries(good()).filter(([each]) => each !== name);
    return sign(Object.fromEntries(rest));
  };
  it.each<{ what: string; token: () => string | Promise<string>; cause: RegExp }>([
    { what: 'with alg none', token: () => unsigned('none'), cause: /"alg"/ },
    { what: 'with alg None', token: () => unsigned('None'), cause: /"alg"/ },
    { what: 'with alg NONE', token: () => unsigned('NONE'), cause: /"alg"/ },
    { what: 'with no signature', token: () => unsigned('HS256'), cause: /signature/ },
    {
      what: 'with HS512 and the right secret',
      token: () => signByHand({ alg: 'HS512' }, good(), secret, 'sha512'),
      cause: /"alg"/,
    },
    {
      what: 'with RS256 of a stranger',
      token: () => sign(good(), rsa.privateKey, { alg: 'RS256' }),
      cause: /"alg"/,
    },
    {
      what: 'that brings its own key',
      token: async () =>
        signByHand(
          { alg: 'HS256', jwk: { kty: 'oct', k: Buffer.from('mine').toString('base64url') } },
          good(),
          'mine',
        ),
      cause: /signature/,
    },
    {
      what: 'with extensions nobody knows',
      token: () => signByHand({ alg: 'HS256', crit: ['x'], x: 1 }, good(), secret),
      cause: /./,
    },
    { what: 'of another secret', token: () => sign(good(), `${secret}!`), cause: /signature/ },
    { what: 'whose claims were changed', token: tampered, cause: /signature/ },
    {
      what: 'whose signature was changed',
      token: async () => {
        const token = await sign(good());
        const at = token.lastIndexOf('.') + 1;
        return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      },
      cause: /signature/,
    },
    {
      what: 'of another issuer',
      token: () => sign(claims({ iss: 'https://login.example.org' })),
      cause: /"iss"/,
    },
    {
      what: 'of several issuers',
      token: () => sign(claims({ iss: [issuer] as unknown as string })),
      cause: /"iss"/,
    },
    { what: 'of no issuer', token: () => missing('iss'), cause: /"iss"/ },
    {
      what: 'for another audience',
      token: () => sign(claims({ aud: 'imports' })),
      cause: /"aud"/,
    },
    { what: 'for no audience', token: () => missing('aud'), cause: /"aud"/ },
    { what: 'for an empty audience', token: () => sign(claims({ aud: [] })), cause: /"aud"/ },
    { what: 'that has expired', token: () => sign(claims({ exp: now() - 10 })), cause: /"exp"/ },
    {
      what: 'that expires never, as text',
      token: () => sign(claims({ exp: 'never' as unknown as number })),
      cause: /"exp"/,
    },
    {
      what: 'that is not valid yet',
      token: () => sign(claims({ nbf: now() + 60 })),
      cause: /"nbf"/,
    },
    { what: 'of no organization', token: () => missing('org_id'), cause: org },
    ...[7, true, null, ['org_a'], { id: 'org_a' }, '', ' org_a', 'org_a ', 'org a', 'org_é'].map(
      (value) => ({
        what: `of the organization ${JSON.stringify(value)}`,
        token: () => sign(claims({ org_id: value })),
        cause: org,
      }),
    ),
    {
      what: 'of an organization with 65 characters',
      token: () => sign(claims({ org_id: 'o'.repeat(65) })),
      cause: org,
    },
    {
      what: 'whose organization has a line end',
      token: () => sign(claims({ org_id: 'org_a\n' })),
      cause: org,
    },
    {
      what: 'with the organization in another claim',
      token: async () => sign(claims({ org_id: undefined, organization: 'org_a' })),
      cause: org,
    },
    { what: 'of garbage', token: () => 'garbage', cause: /./ },
    { what: 'of three dots', token: () => '...', cause: /./ },
    { what: 'of empty parts', token: () => '..', cause: /./ },
    { what: 'of five parts', token: () => 'a.b.c.d.e', cause: /./ },
    { what: 'of parts that are no JSON', token: () => 'YQ.YQ.YQ', cause: /./ },
    {
      what: 'whose claims are a list',
      token: () => signByHand({ alg: 'HS256' }, [good()], secret),
      cause: /./,
    },
    { what: 'of 8 KB', token: () => 'x'.repeat(8_192), cause: /./ },
  ])('$what is refused as everyone is', async ({ token, cause }) => {
    await expectRefusal(gateway, bearing(await token()), cause);
  });

  it.each([
    { what: 'no token', headers: ['Authorization', 'Bearer'] },
    { what: 'an empty token', headers: ['Authorization', 'Bearer '] },
    { what: 'a word without a scheme', headers: ['Authorization', 'abc'] },
    { what: 'two tokens', headers: ['Authorization', 'Bearer a.b.c d.e.f'] },
    { what: 'another scheme', headers: ['Authorization', 'Basic YTpi'] },
  ])('is missed in $what', async ({ headers }) => {
    await expectRefusal(gateway, headers, /^Authorization is not of Bearer$/);
  });

  it('is not to be sent with a key', async () => {
    const headers = [...bearing(await sign(good())), 'X-API-Key', keyNamed('A')];
    await expectRefusal(gateway, headers, /^both X-API-Key and Authorization are given$/);
  });

  it('does without a key in the same gateway, and a key without a token', async () => {
    await addKeys(database, [apiKeyRow(keyNamed('B'), 'org_b')]);
    const answer = await askWith(gateway, ['X-API-Key', keyNamed('B'), 'Authorization', '']);
    expect(idsIn(answer)).toEqual([exportId(1)]);
    const token = bearing(await sign(good()));
    expect(idsIn(await askWith(gateway, ['X-API-Key', '', ...token]))).toEqual([exportId(0)]);
  });
});

it('issuer and audience are not asked for where they are not set', async () => {
  const gateway = await gatewayWith({ JWT_SECRET: secret });
  const token = await sign({ org_id: 'org_a', iss: 'anybody', aud: 'anything' });
  expect(idsIn(await askWith(gateway, bearing(token)))).toEqual([exportId(0)]);
});

it('the claim of the organization is the one of JWT_ORGANIZATION_CLAIM, and no other', async () => {
  const claim = 'https://example.com/organization';
  const gateway = await gatewayWith({ JWT_SECRET: secret, JWT_ORGANIZATION_CLAIM: claim });
  const token = await sign({ [claim]: 'org_b', org_id: 'org_a' });
  expect(idsIn(await askWith(gateway, bearing(token)))).toEqual([exportId(1)]);
  await expectRefusal(gateway, bearing(await sign(good())), /^the token has no claim https:/);

  const inherited = await gatewayWith({
    JWT_SECRET: secret,
    JWT_ORGANIZATION_CLAIM: 'constructor',
  });
  await expectRefusal(inherited, bearing(await sign(good())), /no claim constructor$/);
});

describe.each([
  { kind: 'RSA', pair: rsa, alg: 'RS256', others: ['RS384', 'PS256'] },
  { kind: 'EC P-256', pair: ec, alg: 'ES256', others: [] },
  { kind: 'Ed25519', pair: ed, alg: 'EdDSA', others: [] },
])('a token, checked with a JWT_PUBLIC_KEY of $kind', ({ pair, alg, others }) => {
  let gateway: Gateway;
  const pem = pemOf(pair.publicKey);
  beforeAll(async () => {
    gateway = await gatewayWith({ JWT_PUBLIC_KEY: pem });
  });

  it('is good when it is of the private key', async () => {
    const token = await sign(good(), pair.privateKey, { alg });
    expect(idsIn(await askWith(gateway, bearing(token)))).toEqual([exportId(0)]);
  });

  it('is refused when its secret is the public key', async () => {
    const jwk = JSON.stringify(await exportJWK(pair.publicKey));
    const der = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('latin1');
    for (const text of [pem, pem.trim(), pem.replaceAll('\n', ''), jwk, der]) {
      const token = signByHand({ alg: 'HS256', typ: 'JWT' }, good(), text);
      await expectRefusal(gateway, bearing(token), /"alg"/);
    }
  });

  it('is refused with alg none, and when it only says the algorithm', async () => {
    await expectRefusal(gateway, bearing(unsigned('none')), /"alg"/);
    await expectRefusal(gateway, bearing(unsigned(alg)), /./);
    const invalid = signByHand({ alg }, good(), pem);
    await expectRefusal(gateway, bearing(invalid), /signature/);
  });

  it('is refused when it is of another private key, or another algorithm', async () => {
    const type = pair.privateKey.asymmetricKeyType;
    const stranger =
      type === 'rsa'
        ? otherRsa
        : type === 'ec'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : generateKeyPairSync('ed25519');
    const token = await sign(good(), stranger.privateKey, { alg });
    await expectRefusal(gateway, bearing(token), /signature/);
    for (const other of others) {
      const ofKey = await sign(good(), pair.privateKey, { alg: other });
      await expectRefusal(gateway, bearing(ofKey), /"alg"/);
    }
  });
});

describe('a token, checked with the key set of JWT_JWKS_URL', () => {
  let jwks: JwksServer;
  let gateway: Gateway;
  const jwkOf = async (key: KeyObject, kid: string): Promise<JWK> => ({
    ...(await exportJWK(key)),
    kid,
    use: 'sig',
  });
  const byFirst = () => sign(good(), rsa.privateKey, { alg: 'RS256', kid: 'first' });
  const bySecond = () => sign(good(), ec.privateKey, { alg: 'ES256', kid: 'second' });
  const fresh = () => gatewayWith({ JWT_JWKS_URL: jwks.url });

  beforeAll(async () => {
    jwks = await createJwksServer();
    jwks.publish(await jwkOf(rsa.publicKey, 'first'));
    gateway = await fresh();
  });
  afterAll(() => jwks.close());
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Only Date.now: requests go on as ever. */
  function later(ms: number): void {
    const real = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => real() + ms);
  }

  it('is good when its key is in the set, which is fetched once', async () => {
    const tokens = await Promise.all(Array.from({ length: 5 }, byFirst));
    for (const token of tokens) {
      expect(idsIn(await askWith(gateway, bearing(token)))).toEqual([exportId(0)]);
    }
    expect(jwks.fetches).toBe(1);
  });

  it('is refused without a key in the set, and strangers cannot make the set be fetched', async () => {
    const before = jwks.fetches;
    for (let index = 0; index < 20; index++) {
      const token = await sign(good(), otherRsa.privateKey, { alg: 'RS256', kid: `no ${index}` });
      await expectRefusal(gateway, bearing(token), /no applicable key/);
    }
    expect(jwks.fetches).toBe(before);
  });

  it('is refused when it is of another key, with alg none, or with a secret', async () => {
    const kid = 'first';
    const foreign = await sign(good(), otherRsa.privateKey, { alg: 'RS256', kid });
    await expectRefusal(gateway, bearing(foreign), /signature/);
    await expectRefusal(gateway, bearing(unsigned('none')), /"alg"/);
    for (const text of [pemOf(rsa.publicKey), JSON.stringify(await exportJWK(rsa.publicKey))]) {
      const confused = signByHand({ alg: 'HS256', kid }, good(), text);
      await expectRefusal(gateway, bearing(confused), /"alg"/);
    }
    const own = {
      alg: 'RS256',
      kid,
      jwk: await exportJWK(otherRsa.publicKey),
      jku: 'http://127.0.0.1/jwks',
    };
    const bringsKey = await new SignJWT(good()).setProtectedHeader(own).sign(otherRsa.privateKey);
    await expectRefusal(gateway, bearing(bringsKey), /signature/);
  });

  it('is refused with a secret that stands in the set by mistake', async () => {
    jwks.publish({ kty: 'oct', kid: 'oct', k: Buffer.from(secret).toString('base64url') });
    const token = await sign(good(), secret, { alg: 'HS256', kid: 'oct' });
    await expectRefusal(await fresh(), bearing(token), /"alg"/);
  });

  it('is held to issuer and audience', async () => {
    jwks.publish(await jwkOf(rsa.publicKey, 'first'));
    const strict = await gatewayWith({
      JWT_JWKS_URL: jwks.url,
      JWT_ISSUER: issuer,
      JWT_AUDIENCE: audience,
    });
    expect(idsIn(await askWith(strict, bearing(await byFirst())))).toEqual([exportId(0)]);
    for (const [name, changes] of [
      ['iss', { iss: 'x' }],
      ['aud', { aud: 'x' }],
      ['exp', { exp: now() - 60 }],
    ] as const) {
      const token = await sign(claims(changes), rsa.privateKey, { alg: 'RS256', kid: 'first' });
      await expectRefusal(strict, bearing(token), new RegExp(`"${name}"`));
    }
  });

  it('is good when its key came into the set later: half a minute later at most', async () => {
    jwks.publish(await jwkOf(rsa.publicKey, 'first'));
    const rotating = await fresh();
    jwks.fetches = 0;
    expect((await askWith(rotating, bearing(await byFirst()))).status).toBe(200);
    await expectRefusal(rotating, bearing(await bySecond()), /no applicable key/);

    jwks.publish(await jwkOf(rsa.publicKey, 'first'), await jwkOf(ec.publicKey, 'second'));
    expect(jwks.fetches).toBe(1);
    later(31_000);
    expect(idsIn(await askWith(rotating, bearing(await bySecond())))).toEqual([exportId(0)]);
    expect((await askWith(rotating, bearing(await byFirst()))).status).toBe(200);
    expect(jwks.fetches).toBe(2);
  });

  it('is refused once its key has left the set for ten minutes', async () => {
    jwks.publish(await jwkOf(rsa.publicKey, 'first'));
    const rotating = await fresh();
    const token = await sign(claims({ exp: now() + 6_000 }), rsa.privateKey, {
      alg: 'RS256',
      kid: 'first',
    });
    expect((await askWith(rotating, bearing(token))).status).toBe(200);
    jwks.publish(await jwkOf(ec.publicKey, 'second'));
    later(601_000);
    await expectRefusal(rotating, bearing(token), /no applicable key/);
  });

  it.each([
    { what: 'not there', status: 0, body: '' },
    { what: 'out of order', status: 500, body: 'oops' },
    { what: 'somewhere else', status: 302, body: '' },
    { what: 'no JSON', status: 200, body: '<html>' },
    { what: 'no key set', status: 200, body: '{"keys":"none"}' },
    { what: 'null', status: 200, body: 'null' },
  ])('cannot be checked while the set is $what: 503, until it is back', async (answer) => {
    const waiting = await fresh();
    if (answer.status === 0) await jwks.close();
    jwks.answer = answer;
    const down = await askWith(waiting, bearing(await byFirst()));
    expect(down.status).toBe(503);
    expect(JSON.parse(down.text)).toMatchObject({
      errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }],
    });
    expect(down.text).not.toMatch(/127\.0\.0\.1|ECONN|jwks|fetch/i);
    // What needs no key to be refused is refused still.
    await expectRefusal(waiting, bearing(unsigned('none')), /"alg"/);

    jwks.publish(await jwkOf(rsa.publicKey, 'first'));
    await jwks.listen();
    expect(idsIn(await askWith(waiting, bearing(await byFirst())))).toEqual([exportId(0)]);
  });
});

it('no token, and no secret, is ever written to the log', () => {
  expect(sent.length).toBeGreaterThan(80);
  const tokens = sent.filter((token) => token.length > 16);
  const signatures = tokens.map((token) => token.split('.')[2] ?? '').filter((text) => text !== '');
  for (const gateway of gateways) expectNotLogged(gateway, [...tokens, ...signatures, secret]);
});

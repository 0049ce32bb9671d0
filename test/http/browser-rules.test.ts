import { describe, expect, it } from '@jest/globals';

import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { embedded } from '../support/engines.js';
import { keysRequired, useGateway, type Gateway, type RawResponse } from '../support/gateway.js';

const APP = 'https://app.example.com';
const body = { query: '{ __typename }' };
const data = '{"data":{"__typename":"Query"}}';

const exposed =
  'Content-Disposition, Content-Range, ETag, Retry-After, WWW-Authenticate, X-Request-Id';
const PUBLIC = 'https://exports.example.com';

const closed = useGateway(embedded);
const open = useGateway(embedded, { config: { corsOrigins: [APP], publicUrl: PUBLIC } });
const guarded = useGateway(embedded, {
  config: keysRequired,
  keys: [apiKeyRow(keyNamed('A'), 'org_a')],
});

const post = (gateway: Gateway, origin: string) =>
  gateway.send({ body, headers: ['origin', origin] });
const preflight = (gateway: Gateway, origin: string, requested: readonly string[] = []) =>
  gateway.send({
    method: 'OPTIONS',
    headers: [
      ...['origin', origin, 'access-control-request-method', 'POST'],
      ...requested.flatMap((names) => ['access-control-request-headers', names]),
    ],
  });
const corsHeaders = ({ headers }: RawResponse) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-')));

describe('CORS', () => {
  it('is off without CORS_ORIGINS', async () => {
    for (const origin of [APP, closed.origin, 'null']) {
      expect(corsHeaders(await post(closed, origin))).toEqual({});
      expect(corsHeaders(await preflight(closed, origin))).toEqual({});
    }
  });

  it('allows the configured origins to send any header and to read those of the gateway', async () => {
    const names = 'authorization,baggage,sentry-trace,traceparent,x-apollo-operation-name';
    const allowed = await preflight(open, APP, [names]);
    expect(allowed.status).toBe(204);
    expect(corsHeaders(allowed)).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': names,
      'access-control-expose-headers': exposed,
      'access-control-max-age': '600',
    });
    expect(allowed.headers['vary']).toMatch(/, Origin, Access-Control-Request-Headers$/);
    const response = await post(open, APP);
    expect(corsHeaders(response)).toEqual({
      'access-control-allow-origin': APP,
      'access-control-expose-headers': exposed,
    });
    expect(response.headers['vary']).toContain('Origin');
    expect(response.text).toBe(`${data}\n`);
  });

  it.each(['https://evil.example.com', `${APP}.evil.com`, 'http://app.example.com', 'null'])(
    'does not allow the origin %s',
    async (origin) => {
      for (const { headers } of [await post(open, origin), await preflight(open, origin)]) {
        expect(headers).not.toHaveProperty('access-control-allow-origin');
        expect(headers).not.toHaveProperty('access-control-allow-credentials');
      }
    },
  );
});

describe('the log', () => {
  const originsIn = (gateway: Gateway) =>
    gateway.log.filter(({ level, origin }) => level === 40 && origin !== undefined);

  it('names an origin that is not in CORS_ORIGINS once, up to a hundred of them', async () => {
    const before = originsIn(open).length;
    const own = [APP, PUBLIC, open.origin, open.origin.replace('http:', 'https:')];
    const origins = Array.from({ length: 101 }, (_, at) => `https://${at}.${'a'.repeat(300)}`);
    for (const origin of [...own, 'https://new.example.com', 'https://new.example.com']) {
      await post(open, origin);
    }
    const lines = originsIn(open).slice(before);
    expect(lines).toMatchObject([
      { origin: 'https://new.example.com', requestId: expect.any(String) },
    ]);
    await Promise.all(origins.map((origin) => post(open, origin)));
    expect(originsIn(open)).toHaveLength(100);
    expect(JSON.stringify(originsIn(open))).not.toContain('a'.repeat(200));
  });

  it('names them without CORS_ORIGINS, too', async () => {
    await post(closed, 'https://new.example.com');
    const msg =
      'The origin of a request is not in CORS_ORIGINS: browsers withhold responses from its pages';
    expect(originsIn(closed)).toContainEqual(
      expect.objectContaining({ origin: 'https://new.example.com', msg }),
    );
  });
});

describe('security headers', () => {
  const strict = /^default-src 'none';frame-ancestors 'none'$/;
  const page = { headers: ['accept', 'text/html'] };
  it.each([
    ['GraphQL', closed, { body }, strict],
    ['a 401', guarded, { body }, strict],
    ['GraphiQL', closed, page, /^default-src 'none'; worker-src .* script-src 'sha256-/],
    ['a file', closed, { path: '/files/x' }, /^default-src 'none'; sandbox$/],
    ['a 404', closed, { path: '/nothing' }, strict],
    ['an invalid path', closed, { target: '/%zz' }, strict],
    ['a health check', closed, { path: '/health/live' }, strict],
  ])('are part of the response for %s', async (_, gateway, request, policy) => {
    const { headers } = await gateway.send(request);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'SAMEORIGIN',
      'content-security-policy': expect.stringMatching(policy),
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('server');
  });
});

import { describe, expect, it } from '@jest/globals';

import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { embedded } from '../support/engines.js';
import { keysRequired, useGateway, type Gateway, type RawResponse } from '../support/gateway.js';

const APP = 'https://app.example.com';
const body = { query: '{ __typename }' };
const data = '{"data":{"__typename":"Query"}}';

const closed = useGateway(embedded);
const open = useGateway(embedded, { config: { corsOrigins: [APP] } });
const guarded = useGateway(embedded, {
  config: keysRequired,
  keys: [apiKeyRow(keyNamed('A'), 'org_a')],
});

const post = (gateway: Gateway, origin: string) =>
  gateway.send({ body, headers: ['origin', origin] });
const preflight = (gateway: Gateway, origin: string) =>
  gateway.send({
    method: 'OPTIONS',
    headers: ['origin', origin, 'access-control-request-method', 'POST'],
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

  it('allows the configured origins the headers of clients, and no credentials', async () => {
    const allowed = await preflight(open, APP);
    expect(allowed.status).toBe(204);
    expect(corsHeaders(allowed)).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers':
        'Content-Type, Authorization, X-API-Key, Apollo-Require-Preflight, ApolloGraphQL-Client-Name, ApolloGraphQL-Client-Version, X-GraphQL-Cost, X-Request-Id',
      'access-control-expose-headers': 'X-Request-Id, Retry-After',
      'access-control-max-age': '600',
    });
    const response = await post(open, APP);
    expect(corsHeaders(response)).toEqual({
      'access-control-allow-origin': APP,
      'access-control-expose-headers': 'X-Request-Id, Retry-After',
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

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';

const APP = 'https://app.example.com';
const json = { 'content-type': 'application/json' };
const body = '{"query":"{ __typename }"}';

describe('what browsers are told', () => {
  let database: EngineDatabase;
  let closed: Gateway;
  let opened: Gateway;
  let guarded: Gateway;

  beforeAll(async () => {
    database = (await engines[0]?.provide()) as EngineDatabase;
    closed = await startGateway(database);
    opened = await startGateway(database, { config: { corsOrigins: [APP] } });
    await closed.source.query(
      `INSERT INTO api_keys (id, organization_id, name, key_hash, created_at) VALUES ('k', 'o', 'n', 'h', '2026-01-01')`,
    );
    guarded = await startGateway(database, { config: { auth: { kind: 'required', jwt: null } } });
  });
  afterAll(async () => {
    for (const gateway of [closed, opened, guarded]) await gateway.close();
    await database.dispose();
  });

  const send = (gateway: Gateway, headers: Record<string, string>) =>
    fetch(`${gateway.origin}/graphql`, { method: 'POST', headers, body });
  const preflight = (gateway: Gateway, origin: string) =>
    fetch(`${gateway.origin}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-api-key',
      },
    });
  const corsOf = ({ headers }: Response) =>
    Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));

  it.each([
    { name: 'a GET', method: 'GET', headers: {}, status: 400 },
    { name: 'a text POST', method: 'POST', headers: { 'content-type': 'text/plain' }, status: 400 },
    {
      name: 'a form',
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      status: 415,
    },
  ])(
    'refuses what a page may send without a preflight: $name',
    async ({ method, headers, status }) => {
      const isGet = method === 'GET';
      const url = `${closed.origin}/graphql${isGet ? '?query={__typename}' : ''}`;
      const response = await fetch(url, { method, headers, ...(!isGet && { body }) });
      expect(response.status).toBe(status);
      expect(await response.text()).not.toContain('"data"');
    },
  );

  it('takes a GET with a header that needs a preflight', async () => {
    const headers = { 'apollo-require-preflight': 'true' };
    const response = await fetch(`${closed.origin}/graphql?query={__typename}`, { headers });
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
  });

  it('is closed to other origins until told otherwise', async () => {
    for (const origin of [APP, closed.origin, 'null']) {
      expect(corsOf(await send(closed, { ...json, origin }))).toEqual({});
      expect(corsOf(await preflight(closed, origin))).toEqual({});
    }
  });

  it('is open to the origins it is told, with the headers a client needs and without credentials', async () => {
    const asked = await preflight(opened, APP);
    expect(asked.status).toBe(204);
    expect(corsOf(asked)).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers':
        'Content-Type, Authorization, X-API-Key, Apollo-Require-Preflight, ApolloGraphQL-Client-Name, ApolloGraphQL-Client-Version, X-Request-Id',
      'access-control-expose-headers': 'X-Request-Id, Retry-After',
      'access-control-max-age': '600',
    });
    const answer = await send(opened, { ...json, origin: APP });
    expect(corsOf(answer)).toEqual({
      'access-control-allow-origin': APP,
      'access-control-expose-headers': 'X-Request-Id, Retry-After',
    });
    expect(answer.headers.get('vary')).toContain('Origin');
    expect(await answer.json()).toEqual({ data: { __typename: 'Query' } });
  });

  it.each(['https://evil.example.com', `${APP}.evil.com`, 'http://app.example.com', 'null'])(
    'is open to no other: %s',
    async (origin) => {
      for (const response of [
        await send(opened, { ...json, origin }),
        await preflight(opened, origin),
      ]) {
        expect(response.headers.get('access-control-allow-origin')).toBeNull();
        expect(response.headers.get('access-control-allow-credentials')).toBeNull();
      }
    },
  );

  it('gives every answer the headers that make a browser careful', async () => {
    for (const response of [
      await send(closed, json),
      await send(guarded, json),
      await fetch(`${closed.origin}/graphql`, { headers: { accept: 'text/html' } }),
      await fetch(`${closed.origin}/files/x`),
      await fetch(`${closed.origin}/nothing`),
      await fetch(`${closed.origin}/health/live`),
    ]) {
      const headers = Object.fromEntries(response.headers);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'SAMEORIGIN',
        'content-security-policy': expect.stringContaining("default-src 'none'"),
      });
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('server');
    }
  });

  it('lets GraphiQL and files keep policies of their own', async () => {
    const page = await fetch(`${closed.origin}/graphql`, { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-security-policy')).toMatch(/script-src 'sha256-.*worker-src/);
    const file = await fetch(`${closed.origin}/files/x`);
    expect(file.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
    const other = await send(closed, json);
    expect(other.headers.get('content-security-policy')).toBe(
      "default-src 'none';frame-ancestors 'none'",
    );
  });

  it('lets nobody keep an answer of /graphql, whatever it is', async () => {
    const post = (gateway: Gateway, text: string) =>
      fetch(`${gateway.origin}/graphql`, { method: 'POST', headers: json, body: text });
    const answers = {
      200: await post(closed, body),
      'an error beside data': await post(
        closed,
        '{"query":"{ exports(limit: 0) { data { id } } }"}',
      ),
      'a wrong document': await post(closed, '{"query":"{"}'),
      'no JSON': await post(closed, '{'),
      'too large': await post(closed, `"${'x'.repeat(300_000)}"`),
      'a wrong type': await send(closed, { 'content-type': 'application/xml' }),
      401: await post(guarded, body),
    };
    for (const [name, { headers }] of Object.entries(answers)) {
      expect({ name, cache: headers.get('cache-control') }).toEqual({
        name,
        cache: 'private, no-store',
      });
    }
  });
});

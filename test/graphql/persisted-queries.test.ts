import { createHash } from 'node:crypto';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { embedded } from '../support/engines.js';
import { keysRequired, useGateway, type GraphqlError } from '../support/gateway.js';
import { expectNoInternals } from '../support/no-internals.js';
import { exportId, exportRow } from '../support/rows.js';

const [keyA, keyB] = [keyNamed('A'), keyNamed('B')];
const methods = ['POST', 'GET'];

let queries = 0;
/** A query with a hash of its own. */
const newQuery = (selection = 'id') =>
  `query Q${(queries += 1)}($limit: Int! = 10) { exports(limit: $limit) { data { ${selection} } } }`;
const sha256Hash = (query: string) => createHash('sha256').update(query).digest('hex');
const byHash = (query: string) => ({
  persistedQuery: { version: 1, sha256Hash: sha256Hash(query) },
});
describe('a persisted query', () => {
  const gateway = useGateway(embedded, {
    config: keysRequired,
    keys: [apiKeyRow(keyA, 'org_a'), apiKeyRow(keyB, 'org_b')],
    exports: [exportRow(0, { organizationId: 'org_a' }), exportRow(1, { organizationId: 'org_b' })],
  });
  // From then on the keys cost no statement.
  beforeAll(async () => {
    for (const key of [keyA, keyB]) await send('POST', { query: newQuery() }, key);
  });

  async function send(
    method: string,
    request: { query?: string; variables?: object; persistedQuery?: unknown },
    key = keyA,
  ) {
    const { query, variables, ...extensions } = request;
    const body = { ...(query && { query }), ...(variables && { variables }), extensions };
    const parameters = new URLSearchParams({ extensions: JSON.stringify(extensions) });
    if (query) parameters.set('query', query);
    if (variables) parameters.set('variables', JSON.stringify(variables));
    const path = `/graphql?${parameters.toString()}`;
    const headers = ['x-api-key', key, 'content-type', 'application/json'];
    const response = await gateway.send(method === 'GET' ? { path, headers } : { body, headers });
    expectNoInternals(response.text);
    expect(response.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    const { data, errors } = JSON.parse(response.text) as {
      data?: { exports: { data: { id: string }[] } };
      errors?: readonly GraphqlError[];
    };
    return {
      status: response.status,
      cacheControl: response.headers['cache-control'],
      etag: response.headers['etag'],
      statements: response.statements.length,
      ids: data?.exports.data.map(({ id }) => id),
      code: errors?.[0]?.extensions.code,
      message: errors?.[0]?.message,
    };
  }

  const notFound = {
    ...{ status: 200, cacheControl: 'private, no-store', etag: undefined, statements: 0 },
    ...{ ids: undefined, code: 'PERSISTED_QUERY_NOT_FOUND', message: 'PersistedQueryNotFound' },
  };
  const rejected = { status: 400, statements: 0, ids: undefined };

  it.each(methods.flatMap((lookup) => methods.map((registration) => ({ lookup, registration }))))(
    'is found by $lookup after its registration by $registration',
    async ({ lookup, registration }) => {
      const query = newQuery();
      expect(await send(lookup, byHash(query))).toEqual(notFound);
      const success = { status: 200, ids: [exportId(0)], code: undefined };
      const registered = await send(registration, { query, ...byHash(query) });
      expect(registered).toMatchObject(success);
      const found = await send(lookup, { ...byHash(query), variables: { limit: 1 } });
      const cacheControl = lookup === 'GET' ? 'private, no-cache' : 'private, no-store';
      expect(found).toMatchObject({ ...success, statements: 1, cacheControl });
    },
  );

  it.each(methods)('is not registered by %s with the hash of another query', async (method) => {
    const [query, other] = [newQuery(), newQuery()];
    const message = 'provided sha does not match query';
    expect(await send(method, { query, ...byHash(other) })).toMatchObject({
      ...{ ...rejected, code: 'BAD_REQUEST', message },
    });
    for (const each of [query, other]) expect(await send('POST', byHash(each))).toEqual(notFound);
  });

  it.each([
    { ...byHash('{ a }').persistedQuery, version: 2 },
    { sha256Hash: sha256Hash('{ a }') },
    'text',
    [],
    { version: 1 },
    { version: 1, sha256Hash: { a: 1 } },
    { version: 1, sha256Hash: '__proto__' },
  ])('is rejected as a mistake of the client: %j', async (persistedQuery) => {
    for (const method of methods) {
      const { ids, statements, code } = await send(method, { persistedQuery });
      expect([ids, statements]).toEqual([undefined, 0]);
      expect(['BAD_REQUEST', 'PERSISTED_QUERY_NOT_FOUND']).toContain(code);
    }
  });

  it.each([
    {
      what: 'too expensive',
      query: newQuery(Array.from('abcdefgh', (a) => `${a}: files { url }`).join()),
    },
    { what: 'invalid', query: newQuery('nope') },
    { what: 'no GraphQL', query: '{ exports { ' },
  ])('is not registered when it is $what', async ({ query }) => {
    const { status } = await send('POST', { query, ...byHash(query), variables: { limit: 100 } });
    expect(status).toBe(400);
    expect(await send('GET', byHash(query))).toEqual(notFound);
  });

  it('serves each viewer their own exports, and none without valid credentials', async () => {
    const query = newQuery();
    await send('POST', { query, ...byHash(query) });
    expect((await send('GET', byHash(query), keyB)).ids).toEqual([exportId(1)]);
    for (const body of [byHash(query), { query, ...byHash(query) }]) {
      const { status, code } = await send('GET', body, keyNamed('C'));
      expect([status, code]).toEqual([401, 'UNAUTHENTICATED']);
    }
  });
});

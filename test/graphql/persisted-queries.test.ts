import { createHash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { addKeys, apiKeyRow, keyNamed } from '../auth/credentials.js';
import { expectNoInternals } from '../exports/post.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway, type GraphqlError } from '../support/gateway.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';

interface QueryResult {
  readonly status: number;
  readonly cacheControl: string | null;
  readonly etag: string | null;
  readonly body: {
    readonly data?: { exports: { data: { id: string }[] } };
    readonly errors?: readonly GraphqlError[];
  };
  readonly statements: number;
}

const keys = { org_a: keyNamed('A'), org_b: keyNamed('B') };
const hashOf = (query: string) => createHash('sha256').update(query).digest('hex');
const persisted = (query: string) => ({ version: 1, sha256Hash: hashOf(query) });

/** Of queries that mean the same, and have each a hash of its own. */
let queries = 0;
const newQuery = (selection = 'id') =>
  `query Q${(queries += 1)}($limit: Int! = 10) { exports(limit: $limit) { data { ${selection} } } }`;

describe('a persisted query', () => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    database = (await engines[0]?.provide()) as EngineDatabase;
    await addKeys(database, [apiKeyRow(keys.org_a, 'org_a'), apiKeyRow(keys.org_b, 'org_b')]);
    gateway = await startGateway(database, { config: { auth: { kind: 'required', jwt: null } } });
    await insertRows(gateway.source, {
      exports: [
        exportRow(0, { organizationId: 'org_a' }),
        exportRow(1, { organizationId: 'org_b' }),
      ],
    });
    // From here on the keys are known, and cost no statement.
    for (const key of Object.values(keys)) await send('POST', { query: newQuery() }, key);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  async function send(
    method: string,
    { query, variables, persistedQuery }: Record<string, unknown>,
    key = keys.org_a,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ): Promise<QueryResult> {
    const url = new URL(`${gateway.origin}/graphql`);
    const extensions = persistedQuery === undefined ? undefined : { persistedQuery };
    if (method === 'GET') {
      if (typeof query === 'string') url.searchParams.set('query', query);
      if (variables !== undefined) url.searchParams.set('variables', JSON.stringify(variables));
      url.searchParams.set('extensions', JSON.stringify(extensions));
    }
    const start = gateway.log.length;
    const response = await fetch(url, {
      method,
      headers: { 'x-api-key': key, ...headers },
      body: method === 'POST' ? JSON.stringify({ query, variables, extensions }) : null,
    });
    const text = await response.text();
    expectNoInternals(text);
    return {
      status: response.status,
      cacheControl: response.headers.get('cache-control'),
      etag: response.headers.get('etag'),
      body: JSON.parse(text) as QueryResult['body'],
      statements: gateway.log.slice(start).filter(({ sql }) => sql !== undefined).length,
    };
  }

  const notFound = {
    status: 200,
    cacheControl: 'private, no-store',
    etag: null,
    body: {
      errors: [
        { message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } },
      ],
    },
    statements: 0,
  };

  it.each([
    { ask: 'POST', tell: 'POST' },
    { ask: 'GET', tell: 'POST' },
    { ask: 'GET', tell: 'GET' },
    { ask: 'POST', tell: 'GET' },
  ])(
    'that is asked for by $ask and told by $tell is unknown, told once, and known from then on',
    async ({ ask, tell }) => {
      const query = newQuery();
      const persistedQuery = persisted(query);
      expect(await send(ask, { persistedQuery })).toEqual(notFound);
      const whole = await send(tell, { query, persistedQuery });
      const hit = await send(ask, { persistedQuery, variables: { limit: 1 } });
      for (const { status, body } of [whole, hit]) {
        expect([status, body]).toEqual([
          200,
          { data: { exports: { data: [{ id: exportId(0) }] } } },
        ]);
      }
      expect(hit.cacheControl).toBe(ask === 'GET' ? 'private, no-cache' : 'private, no-store');
      expect(hit.statements).toBe(1);
    },
  );

  it('with the hash of another is refused in clear words, and not known by either', async () => {
    const [query, other] = [newQuery(), newQuery()];
    for (const method of ['POST', 'GET']) {
      const start = gateway.log.length;
      const { status, body, statements } = await send(method, {
        query,
        persistedQuery: persisted(other),
      });
      expect([status, body.errors, statements]).toEqual([
        400,
        [
          {
            message: 'provided sha does not match query',
            extensions: { code: 'BAD_REQUEST' },
          },
        ],
        0,
      ]);
      // The mistake of a client is no failure of the gateway.
      expect(gateway.log.slice(start).filter(({ level }) => Number(level) >= 50)).toEqual([]);
    }
    for (const each of [query, other]) {
      expect(await send('POST', { persistedQuery: persisted(each) })).toEqual(notFound);
    }
  });

  it.each([
    { what: 'another version', persistedQuery: { ...persisted('{ a }'), version: 2 } },
    { what: 'no version', persistedQuery: { sha256Hash: hashOf('{ a }') } },
    { what: 'a text', persistedQuery: 'text' },
    { what: 'a list', persistedQuery: [] },
    { what: 'no hash', persistedQuery: { version: 1 } },
    { what: 'a hash that is none', persistedQuery: { version: 1, sha256Hash: { a: 1 } } },
    { what: 'the name of a property', persistedQuery: { version: 1, sha256Hash: '__proto__' } },
  ])('of $what is refused as a mistake of the client', async ({ persistedQuery }) => {
    for (const method of ['POST', 'GET']) {
      const { body, statements } = await send(method, { persistedQuery });
      expect([body.data, statements]).toEqual([undefined, 0]);
      expect(['BAD_REQUEST', 'PERSISTED_QUERY_NOT_FOUND']).toContain(
        body.errors?.[0]?.extensions.code,
      );
    }
  });

  it('by a GET that any page could send is refused, known or not', async () => {
    const query = newQuery();
    const persistedQuery = persisted(query);
    await send('POST', { query, persistedQuery });
    for (const headers of [{}, { 'content-type': 'text/plain' }]) {
      const { status, body, statements } = await send(
        'GET',
        { persistedQuery },
        keys.org_a,
        headers,
      );
      expect([status, body.data, statements]).toEqual([400, undefined, 0]);
      expect(body.errors?.[0]?.message).toContain('CSRF');
    }
  });

  it('is held to the limits at every call, by what its variables make of it', async () => {
    const query = newQuery(`${everything} again: id`);
    const persistedQuery = persisted(query);
    await send('POST', { query, persistedQuery, variables: { limit: 1 } });
    for (const method of ['POST', 'GET']) {
      const fits = await send(method, { persistedQuery, variables: { limit: 2 } });
      expect([fits.status, fits.body.errors]).toEqual([200, undefined]);
      const { status, body, statements } = await send(method, {
        persistedQuery,
        variables: { limit: 100 },
      });
      expect([status, body.data, statements]).toEqual([400, undefined, 0]);
      expect(body.errors?.[0]).toMatchObject({
        message: expect.stringMatching(/costs \d+; at most 15000/),
        extensions: { code: 'QUERY_TOO_COMPLEX' },
      });
    }
  });

  it('that is too much or wrong when it is told is not kept', async () => {
    for (const { query, variables } of [
      { query: newQuery(everything), variables: { limit: 100 } },
      { query: newQuery('nope'), variables: {} },
      { query: '{ exports { ', variables: {} },
    ]) {
      const persistedQuery = persisted(query);
      const told = await send('POST', { query, persistedQuery, variables });
      expect(told.status).toBe(400);
      expect(await send('GET', { persistedQuery })).toEqual(notFound);
    }
  });

  it('answers each viewer for himself, and no stranger', async () => {
    const query = newQuery();
    const persistedQuery = persisted(query);
    await send('POST', { query, persistedQuery });
    const theirs = await send('GET', { persistedQuery }, keys.org_b);
    expect(theirs.body.data?.exports.data).toEqual([{ id: exportId(1) }]);
    for (const told of [{ persistedQuery }, { query, persistedQuery }]) {
      const strangers = await send('GET', told, keyNamed('C'));
      expect([strangers.status, strangers.body.errors?.[0]?.extensions.code]).toEqual([
        401,
        'UNAUTHENTICATED',
      ]);
    }
  });
});

/** Of an export, and the whole of it once more under other names: too much for a page of 100. */
const everything = ['a', 'b']
  .map(
    (name) =>
      `${name}: files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }
       ${name}1: jsonUrl ${name}2: csvUrl ${name}3: csvErrorUrl ${name}4: csvSanitizedUrl`,
  )
  .join(' ');

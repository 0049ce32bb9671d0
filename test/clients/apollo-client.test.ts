import { createHash } from 'node:crypto';

import {
  ApolloClient,
  gql,
  HttpLink,
  type ApolloLink,
  type InMemoryCache,
  type TypedDocumentNode,
} from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { clearRows, exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { createFrontEnd, type FrontEnd } from './front-end.js';

interface One {
  readonly export: {
    readonly id: string;
    readonly name?: string;
    readonly csvUrl?: string | null;
  } | null;
}
interface List {
  readonly exports: { readonly data: readonly NonNullable<One['export']>[] };
}

const list: TypedDocumentNode<List, Record<string, never>> = gql`
  query List {
    exports {
      data {
        id
        name
        status
        files {
          kind
          state
        }
      }
      pagination {
        hasMore
      }
    }
  }
`;
const one: TypedDocumentNode<One, { id: string }> = gql`
  query One($id: ID!) {
    export(id: $id) {
      id
      name
      status
    }
  }
`;
const links: TypedDocumentNode<One, { id: string }> = gql`
  query Links($id: ID!) {
    export(id: $id, includeCsv: true) {
      id
      csvUrl
      files {
        kind
        url
      }
    }
  }
`;
const listWithUrlsNotAskedFor: TypedDocumentNode<List, Record<string, never>> = gql`
  query ListWithUrlsNotAskedFor {
    exports {
      data {
        id
        csvUrl
      }
    }
  }
`;
const id = exportId(0);

describe('Apollo Client', () => {
  let database: EngineDatabase;
  let gateway: Gateway;
  let frontEnd: FrontEnd;
  let cache: InMemoryCache;
  let client: ApolloClient;
  let start: number;
  beforeAll(async () => {
    database = (await engines[0]?.provide()) as EngineDatabase;
    gateway = await startGateway(database);
    frontEnd = await createFrontEnd();
  });
  afterAll(async () => {
    await frontEnd.remove();
    await gateway.close();
    await database.dispose();
  });
  beforeEach(async () => {
    await clearRows(gateway.source);
    await insertRows(gateway.source, {
      exports: [exportRow(0), exportRow(1)],
      files: [fileRow(0, ExportFileKind.CSV)],
    });
    ({ cache } = (await frontEnd.load('cache.ts')) as { cache: InMemoryCache });
    client = createClient(cache);
    start = gateway.log.length;
  });

  const createClient = (
    itsCache: InMemoryCache,
    link: ApolloLink = new HttpLink({ uri: `${gateway.origin}/graphql` }),
  ) => new ApolloClient({ cache: itsCache, link });
  /** What the gateway was asked since the test began. */
  const requests = () =>
    gateway.log
      .slice(start)
      .flatMap(({ path, method, status }) =>
        path === '/graphql' ? [`${String(method)} ${String(status)}`] : [],
      );
  const cached = () =>
    (cache.extract() as Record<string, Record<string, unknown> | undefined>)[`Export:${id}`];

  describe('with its cache', () => {
    it('keeps an export once, under its id, whichever query brings it', async () => {
      await client.query({ query: list });
      await client.query({ query: one, variables: { id }, fetchPolicy: 'network-only' });
      const entries = cache.extract() as Record<string, object>;
      expect(Object.keys(entries).filter((key) => !key.startsWith('__META'))).toEqual(
        expect.arrayContaining([`Export:${exportId(0)}`, `Export:${exportId(1)}`, 'ROOT_QUERY']),
      );
      expect(Object.keys(entries).filter((key) => key.startsWith('Export'))).toHaveLength(2);
      const root = JSON.stringify(entries['ROOT_QUERY']);
      // In the list, and as the one.
      expect(root.split(`{"__ref":"Export:${id}"}`)).toHaveLength(3);
      expect(root).not.toContain('Export 0');
    });

    it('answers a single query from the list, without a request', async () => {
      await client.query({ query: list });
      const { data } = await client.query({ query: one, variables: { id } });
      expect(data?.export).toMatchObject({ id, name: 'Export 0' });
      expect(requests()).toEqual(['POST 200']);
    });

    it('asks for what the list has not told', async () => {
      await client.query({ query: list });
      for (const [asked, name] of [
        [exportId(1), 'Export 1'],
        [exportId(2), undefined],
        [exportId(2), undefined],
      ] as const) {
        const { data } = await client.query({ query: one, variables: { id: asked } });
        expect(data?.export?.name).toBe(name);
      }
      // That there is none with an id is known after it was asked once.
      expect(requests()).toEqual(['POST 200', 'POST 200']);
    });

    it('shows in the list what a single query learns later', async () => {
      await client.query({ query: list });
      const watched = client.watchQuery({ query: list });
      const seen = new Promise<List>((resolve) => {
        watched.subscribe(({ data, dataState }) => {
          if (dataState === 'complete' && data.exports.data[0]?.name === 'Another') resolve(data);
        });
      });
      await gateway.source.query(`UPDATE exports SET name = 'Another' WHERE id = ?`, [id]);
      await client.query({ query: one, variables: { id }, fetchPolicy: 'network-only' });
      expect((await seen).exports.data).toMatchObject([
        { id, name: 'Another' },
        { id: exportId(1), name: 'Export 1' },
      ]);
      expect(requests()).toEqual(['POST 200', 'POST 200']);
      client.stop();
    });

    it('loses a link to a query that selects it without its flag', async () => {
      const asked = await client.query({ query: links, variables: { id } });
      expect(asked.data?.export?.csvUrl).toMatch(/^http/);
      expect(cached()).toMatchObject({ csvUrl: asked.data?.export?.csvUrl });
      await client.query({ query: listWithUrlsNotAskedFor });
      expect(cached()).toMatchObject({ csvUrl: null });
      const again = await client.query({ query: links, variables: { id } });
      expect(again.data?.export?.csvUrl).toBeNull();
      expect(requests()).toEqual(['POST 200', 'POST 200']);
    });

    it('keeps a link from a list that does not select it', async () => {
      await client.query({ query: links, variables: { id } });
      const before = cached()?.['csvUrl'];
      await client.query({ query: list });
      expect(cached()?.['csvUrl']).toBe(before);
      expect(before).toMatch(/^http/);
    });

    it('leaves the list alone when links are asked for with no-cache, and gives fresh ones each time', async () => {
      await client.query({ query: list });
      const before = cache.extract();
      for (let time = 1; time <= 2; time += 1) {
        const { data } = await client.query({
          query: links,
          variables: { id },
          fetchPolicy: 'no-cache',
        });
        expect(data?.export?.csvUrl).toMatch(/^http/);
      }
      expect(cache.extract()).toEqual(before);
      expect(JSON.stringify(before)).not.toContain('http');
      expect(requests()).toEqual(['POST 200', 'POST 200', 'POST 200']);
    });

    it('takes the files of an export for one value', async () => {
      await client.query({ query: list });
      expect(cache.readQuery({ query: list })).not.toBeNull();
      // Their states are lost, for this query selects other fields of them.
      await client.query({ query: links, variables: { id }, fetchPolicy: 'network-only' });
      expect(cache.readQuery({ query: list })).toBeNull();
    });
  });

  describe('with persisted queries', () => {
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const persistedClient = (useGETForHashedQueries: boolean) =>
      createClient(
        cache,
        new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(
          new HttpLink({ uri: `${gateway.origin}/graphql` }),
        ),
      );
    const ask = (asking: ApolloClient, limit: number, query = fresh) =>
      asking.query({ query, variables: { limit }, fetchPolicy: 'network-only' });
    let fresh: TypedDocumentNode<List, { limit: number }>;
    let queries = 0;
    beforeEach(() => {
      queries += 1;
      fresh = gql(
        `query Q${queries}($limit: Int!) { exports(limit: $limit) { data { id ${expensive} } } }`,
      );
    });

    it.each([
      { by: 'GET', useGet: true },
      { by: 'POST', useGet: false },
    ])('by $by tells a query once and then its hash alone', async ({ by, useGet }) => {
      const asking = persistedClient(useGet);
      expect((await ask(asking, 1)).data?.exports.data).toHaveLength(1);
      expect((await ask(asking, 2)).data?.exports.data).toHaveLength(2);
      // Another browser finds it known.
      expect((await ask(persistedClient(useGet), 2)).data?.exports.data).toHaveLength(2);
      expect(requests()).toEqual([`${by} 200`, 'POST 200', `${by} 200`, `${by} 200`]);
    });

    it.each([true, false])(
      'is told when one costs too much, known or not (GET: %s)',
      async (useGet) => {
        const asking = persistedClient(useGet);
        const tooComplex = async () => {
          const error: unknown = await ask(asking, 100).catch((thrown: unknown) => thrown);
          if (!CombinedGraphQLErrors.is(error)) throw new Error('Expected GraphQL errors');
          expect(error.errors[0]?.extensions?.['code']).toBe('QUERY_TOO_COMPLEX');
        };
        await tooComplex();
        await ask(asking, 1);
        await tooComplex();
      },
    );
  });
});

/** For one export, but not for a hundred. */
const expensive = [...Array(30).keys()]
  .map((index) => `f${index}: files { url kind } u${index}: csvUrl`)
  .join(' ');

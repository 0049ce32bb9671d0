import { createHash } from 'node:crypto';

import {
  ApolloClient,
  gql,
  HttpLink,
  type ApolloLink,
  type InMemoryCache,
  type TypedDocumentNode,
} from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { useDocumentedCode } from '../docs/documented-code.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';

interface Export {
  readonly id: string;
  readonly name?: string;
  readonly csvUrl?: string | null;
}
interface One {
  readonly export: Export | null;
}
interface List {
  readonly exports: { readonly data: readonly Export[] };
}
type Query<Data, Variables = Record<string, never>> = TypedDocumentNode<Data, Variables>;

const list: Query<List> = gql(
  '{ exports { data { id name status files { id kind state } } pagination { hasMore } } }',
);
const listWithUrl: Query<List> = gql('{ exports { data { id csvUrl } } }');
const one: Query<One, { id: string }> = gql(
  'query ($id: ID!) { export(id: $id) { id name status } }',
);
const links: Query<One, { id: string }> = gql(
  'query ($id: ID!) { export(id: $id, includeCsv: true) { id csvUrl files { id kind url } } }',
);

const id = exportId(0);
const variables = { id };

const documented = useDocumentedCode();
const gateway = useGateway(embedded, {
  each: true,
  exports: [exportRow(0), exportRow(1)],
  files: [fileRow(0, ExportFileKind.CSV)],
});
let cache: InMemoryCache;
let client: ApolloClient;
beforeEach(async () => {
  ({ cache } = await documented.load<{ cache: InMemoryCache }>('cache.ts'));
  client = createClient();
});

const httpLink = () => new HttpLink({ uri: `${gateway.origin}/graphql` });
const createClient = (link: ApolloLink = httpLink()) => new ApolloClient({ cache, link });
/** The requests to the gateway, by method and status. */
const requests = () =>
  gateway.log.flatMap(({ path, method, status }) =>
    path === '/graphql' ? [`${String(method)} ${String(status)}`] : [],
  );
const cached = () => cache.extract() as Record<string, Record<string, unknown>>;

describe('the documented cache of Apollo Client', () => {
  it('stores an export once, under its id, for all queries', async () => {
    await client.query({ query: list });
    await client.query({ query: one, variables, fetchPolicy: 'network-only' });
    const keys = Object.keys(cached()).filter((key) => key.startsWith('Export:'));
    expect(keys).toEqual([`Export:${id}`, `Export:${exportId(1)}`]);
    const root = JSON.stringify(cache.extract()['ROOT_QUERY']);
    // One reference is in the list, the other one is the single export.
    expect(root.split(`{"__ref":"Export:${id}"}`)).toHaveLength(3);
    expect(root).not.toContain('Export 0');
  });

  it('resolves a single export of a list without a request, and requests an unknown one once', async () => {
    await client.query({ query: list });
    for (const index of [0, 1, 2, 2]) {
      const { data } = await client.query({ query: one, variables: { id: exportId(index) } });
      expect(data?.export?.name).toBe(index === 2 ? undefined : `Export ${index}`);
    }
    expect(requests()).toEqual(['POST 200', 'POST 200']);
  });

  it('updates a watched list from a single query', async () => {
    await client.query({ query: list });
    const updated = new Promise<List>((resolve) => {
      client.watchQuery({ query: list }).subscribe(({ data, dataState }) => {
        if (dataState === 'complete' && data.exports.data[0]?.name === 'Another') resolve(data);
      });
    });
    await gateway.source.query(`UPDATE exports SET name = 'Another' WHERE id = ?`, [id]);
    await client.query({ query: one, variables, fetchPolicy: 'network-only' });
    expect((await updated).exports.data).toMatchObject([{ name: 'Another' }, { name: 'Export 1' }]);
    expect(requests()).toEqual(['POST 200', 'POST 200']);
    client.stop();
  });

  const queryLink = async () =>
    (await client.query({ query: links, variables })).data?.export?.csvUrl;

  it('keeps a link until a query selects it without its flag', async () => {
    const csvUrl = await queryLink();
    expect(csvUrl).toMatch(/^http/);
    await client.query({ query: one, variables, fetchPolicy: 'network-only' });
    expect(await queryLink()).toBe(csvUrl);
    await client.query({ query: listWithUrl });
    expect(await queryLink()).toBeNull();
    expect(requests()).toEqual(['POST 200', 'POST 200', 'POST 200']);
  });

  it('stores no link of a query with no-cache, which requests new links each time', async () => {
    await client.query({ query: list });
    const before = cache.extract();
    const query = () => client.query({ query: links, variables, fetchPolicy: 'no-cache' });
    for (const { data } of [await query(), await query()]) {
      expect(data?.export?.csvUrl).toMatch(/^http/);
    }
    expect(cache.extract()).toEqual(before);
    expect(JSON.stringify(before)).not.toContain('http');
    expect(requests()).toEqual(['POST 200', 'POST 200', 'POST 200']);
  });

  it('merges what queries select of a file', async () => {
    const warn = jest.spyOn(console, 'warn');
    await client.query({ query: list });
    await client.query({ query: links, variables, fetchPolicy: 'network-only' });
    expect(cache.readQuery({ query: list })).not.toBeNull();
    expect(cached()[`ExportFile:${id}:CSV`]).toMatchObject({ kind: 'CSV', state: 'READY' });
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('persisted queries of Apollo Client', () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

  it.each([
    { method: 'GET', useGETForHashedQueries: true },
    { method: 'POST', useGETForHashedQueries: false },
  ])('send the text once, then only its hash by $method', async ({ method, ...options }) => {
    const persisted = () =>
      createClient(new PersistedQueryLink({ sha256, ...options }).concat(httpLink()));
    const first = persisted();
    for (const each of [first, first, persisted()]) {
      const { data } = await each.query({ query: list, fetchPolicy: 'network-only' });
      expect(data?.exports.data).toHaveLength(2);
    }
    expect(requests()).toEqual([`${method} 200`, 'POST 200', `${method} 200`, `${method} 200`]);
  });
});

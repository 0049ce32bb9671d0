import {
  ApolloClient,
  gql,
  HttpLink,
  type InMemoryCache,
  type TypedDocumentNode,
} from '@apollo/client';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { useDocumentedCode } from '../docs/documented-code.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportRows } from '../support/rows.js';
import { until } from '../support/until.js';

interface Shown {
  readonly exports: {
    readonly data?: readonly { readonly name: string }[];
    readonly edges?: readonly { readonly node: { readonly name: string } }[];
    readonly pagination: {
      readonly hasMore: boolean;
      readonly totalCount: number;
      readonly endCursor: string;
    };
    readonly facets: { readonly statuses: readonly object[] };
  };
}

const COUNT = 25;
/** The whole list, however a page reads it. */
const styles = [
  { by: 'data', size: 'limit', items: 'data { id name files { id state } }' },
  {
    by: 'edges',
    size: 'first',
    items: 'pageInfo { hasNextPage endCursor } edges { node { id name } }',
  },
];

const gateway = useGateway(embedded, { exports: exportRows(COUNT) });
const documented = useDocumentedCode();
let cache: InMemoryCache;
let client: ApolloClient;
const warn = jest.spyOn(console, 'warn');
const error = jest.spyOn(console, 'error');
beforeEach(async () => {
  ({ cache } = await documented.load<{ cache: InMemoryCache }>('cache.ts'));
  client = new ApolloClient({ cache, link: new HttpLink({ uri: `${gateway.origin}/graphql` }) });
});
afterEach(() => {
  client.stop();
  // Apollo Client reports what its cache loses.
  expect([...warn.mock.calls, ...error.mock.calls]).toEqual([]);
});

describe.each(styles)('an infinite list by $by of Apollo Client', ({ size, items }) => {
  const query: TypedDocumentNode<Shown> = gql(`
    query ($after: String, $isFirst: Boolean! = true, $direction: ExportSortDirection! = ASC) {
      exports(${size}: 10, after: $after, direction: $direction) {
        ${items}
        pagination { hasMore endCursor totalCount @include(if: $isFirst) }
        facets @include(if: $isFirst) { statuses { status count } }
      }
    }`);

  /** Opens the list; what it shows is undefined while the cache lacks a part. */
  function open() {
    const opened: { shown?: Shown | undefined } = {};
    const list = client.watchQuery({ query });
    list.subscribe(({ data, dataState }) => {
      opened.shown = dataState === 'complete' ? data : undefined;
    });
    const names = () => {
      const { data = [], edges = [] } = opened.shown?.exports ?? {};
      return [...data, ...edges.map(({ node }) => node)].map(({ name }) => name);
    };
    return {
      list,
      names,
      shownCount: (count: number) =>
        until(() => (names().length === count ? opened.shown?.exports : undefined)),
    };
  }

  it('keeps what only its first page selects, while it grows', async () => {
    const { list, names, shownCount } = open();
    let shown = await shownCount(10);
    for (const count of [20, COUNT]) {
      expect(shown.pagination).toMatchObject({ hasMore: true, totalCount: COUNT });
      await list.fetchMore({ variables: { after: shown.pagination.endCursor, isFirst: false } });
      shown = await shownCount(count);
    }
    expect(shown.pagination).toMatchObject({ hasMore: false, totalCount: COUNT });
    expect(shown.facets.statuses).toHaveLength(5);
    expect(names()).toEqual(Array.from({ length: COUNT }, (_, index) => `Export ${index}`));
  });

  it('shows each export once when a page is loaded twice', async () => {
    const { list, shownCount } = open();
    const { pagination } = await shownCount(10);
    const variables = { after: pagination.endCursor, isFirst: false };
    await Promise.all([list.fetchMore({ variables }), list.fetchMore({ variables })]);
    await shownCount(20);
  });

  it('begins anew when the first page is loaded again', async () => {
    const { list, shownCount } = open();
    const { pagination } = await shownCount(10);
    await list.fetchMore({ variables: { after: pagination.endCursor, isFirst: false } });
    await shownCount(20);
    await list.refetch();
    await shownCount(10);
  });
});

describe('lists of Apollo Client', () => {
  it('are apart with another order, and so are pages by number', async () => {
    const query: TypedDocumentNode<Shown> = gql(`
      query ($after: String, $page: Int, $direction: ExportSortDirection! = ASC) {
        exports(page: $page, after: $after, direction: $direction) {
          data { id name }
          pagination { endCursor }
        }
      }`);
    const read = async (variables: object, options: object = {}) =>
      (await client.query({ query, variables, ...options })).data?.exports;
    const lists = [{}, { direction: 'DESC' }, { page: 1 }, { page: 2 }];
    for (const variables of lists) await read(variables);
    const last = await read({});
    await read({ after: last?.pagination.endCursor }, { fetchPolicy: 'network-only' });
    const first = await Promise.all(
      lists.map(async (variables) => {
        const { data = [] } = (await read(variables)) ?? {};
        return [data[0]?.name, data.length];
      }),
    );
    expect(first).toEqual([
      ['Export 0', 20],
      ['Export 24', 10],
      ['Export 0', 10],
      ['Export 10', 10],
    ]);
  });

  it('keep the facets that different queries select', async () => {
    const queries = ['statuses', 'resources'].map((dimension) =>
      gql(`{ exports(limit: 1) { facets { ${dimension} { count } } } }`),
    );
    for (const query of queries) await client.query({ query });
    for (const query of queries) expect(cache.readQuery({ query })).not.toBeNull();
  });
});

import {
  ApolloClient,
  gql,
  HttpLink,
  type InMemoryCache,
  type TypedDocumentNode,
} from '@apollo/client';
import { Client, fetchExchange, type Exchange } from '@urql/core';

interface Start {
  readonly direction: 'ASC' | 'DESC';
  readonly first?: number;
  readonly after?: string;
  readonly last?: number;
}

/** A list in a front end, which grows in both directions. */
export interface GrowingList {
  /** The names that it shows. */
  names(): Promise<readonly string[]>;
  /** Loads the ten exports in front of the list or behind it. False when there are none. */
  load(where: 'previous' | 'next'): Promise<boolean>;
  close(): Promise<void>;
}

/** Opens the list of a client library on the gateway at `url`. */
export type OpenList = (url: string, start: Start) => Promise<GrowingList>;

interface List {
  readonly exports: {
    readonly edges: readonly { readonly node: { readonly name: string } }[];
    readonly pageInfo: {
      readonly hasNextPage: boolean;
      readonly hasPreviousPage: boolean;
      readonly startCursor: string | null;
      readonly endCursor: string | null;
    };
  };
}

const list: TypedDocumentNode<List> = gql(`
  query ($direction: ExportSortDirection!, $first: Int, $after: String, $last: Int, $before: String) {
    exports(direction: $direction, first: $first, after: $after, last: $last, before: $before) {
      edges { node { id name } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }`);

const namesOf = (shown?: List) => shown?.exports.edges.map(({ node }) => node.name) ?? [];

/** The variables for the next or previous ten; null when there are none. Libraries send null, too. */
function variablesFor(where: 'previous' | 'next', shown?: List) {
  if (shown === undefined) return null;
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = shown.exports.pageInfo;
  if (where === 'next') {
    return hasNextPage ? { first: 10, after: endCursor, last: null, before: null } : null;
  }
  return hasPreviousPage ? { first: null, after: null, last: 10, before: startCursor } : null;
}

export const openInApollo =
  (cache: () => Promise<InMemoryCache>): OpenList =>
  async (uri, variables) => {
    const client = new ApolloClient({ cache: await cache(), link: new HttpLink({ uri }) });
    let shown: List | undefined;
    let showed = () => {};
    const watched = client.watchQuery({ query: list, variables });
    const subscription = watched.subscribe(({ data, dataState }) => {
      if (dataState !== 'complete' || data === shown) return;
      shown = data;
      showed();
    });
    /** Resolves when the list shows what an action has loaded. */
    async function shownAfter(action: () => Promise<unknown>): Promise<void> {
      const change = new Promise<void>((resolve) => (showed = resolve));
      await action();
      await change;
    }
    await shownAfter(async () => undefined);
    return {
      names: async () => namesOf(shown),
      async load(where) {
        const page = variablesFor(where, shown);
        if (page !== null) await shownAfter(() => watched.fetchMore({ variables: page }));
        return page !== null;
      },
      async close() {
        subscription.unsubscribe();
        client.stop();
      },
    };
  };

export const openInUrql =
  (graphcache: () => Promise<Exchange>): OpenList =>
  async (url, { direction, ...start }) => {
    const exchanges = [await graphcache(), fetchExchange];
    const client = new Client({ url, exchanges, preferGetMethod: false });
    async function read(page: object): Promise<List> {
      const { data, error } = await client.query<List>(list, { direction, ...page }).toPromise();
      if (data === undefined) throw error ?? new Error('There is no response');
      return data;
    }
    let data = await read(start);
    return {
      names: async () => namesOf(data),
      async load(where) {
        const page = variablesFor(where, data);
        if (page !== null) data = await read(page);
        return page !== null;
      },
      close: async () => undefined,
    };
  };

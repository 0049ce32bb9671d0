import type { InMemoryCache } from '@apollo/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Exchange } from '@urql/core';

import { useDocumentedCode } from '../docs/documented-code.js';
import { readPage } from '../exports/lists.js';
import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportRows } from '../support/rows.js';
import { useBrowser } from '../support/use-browser.js';
import { serveEmptyPage } from './front-end-page.js';
import { openInApollo, openInUrql, type GrowingList, type OpenList } from './paging-clients.js';
import { bundleRelayPage, openInRelay } from './relay-page.js';

const COUNT = 57;
const page = await serveEmptyPage();
afterAll(() => {
  page.close();
});

const documented = useDocumentedCode();
const createdAt = new Date('2026-11-01T00:00:00.000Z');
const gateway = useGateway(embedded, {
  config: { corsOrigins: [page.origin] },
  // Many have equal times.
  exports: exportRows(COUNT, (index) => ({
    createdAt: new Date(createdAt.getTime() + Math.floor(index / 4)),
  })),
});

const ascending = Array.from({ length: COUNT }, (_, index) => `Export ${index}`);
const lists = [
  { direction: 'ASC', expected: ascending },
  { direction: 'DESC', expected: ascending.toReversed() },
] as const;
type Orders = readonly (typeof lists)[number][];

/** Loads pages until there are no more, and returns how many. */
async function loadAll(list: GrowingList, where: 'previous' | 'next'): Promise<number> {
  let loaded = 0;
  while (loaded < COUNT && (await list.load(where))) loaded += 1;
  return loaded;
}

function pagesThroughAllExports(
  open: OpenList,
  { beginsAnywhere = true, orders = lists }: { beginsAnywhere?: boolean; orders?: Orders } = {},
): void {
  let list: GrowingList;
  afterEach(() => list.close());
  const url = () => `${gateway.origin}/graphql`;

  describe.each(orders)('in the order $direction', ({ direction, expected }) => {
    it('forwards from the first', async () => {
      list = await open(url(), { direction, first: 10 });
      expect(await list.names()).toEqual(expected.slice(0, 10));
      expect([await loadAll(list, 'previous'), await loadAll(list, 'next')]).toEqual([0, 5]);
      expect(await list.names()).toEqual(expected);
    });

    it('backwards from the last', async () => {
      list = await open(url(), { direction, last: 10 });
      expect(await list.names()).toEqual(expected.slice(-10));
      expect([await loadAll(list, 'next'), await loadAll(list, 'previous')]).toEqual([0, 5]);
      expect(await list.names()).toEqual(expected);
    });

    if (!beginsAnywhere) return;
    it('in both directions from the middle', async () => {
      const { pagination } = await readPage(gateway, `direction: ${direction}, limit: 25`);
      const after = pagination.endCursor ?? '';
      list = await open(url(), { direction, first: 10, after });
      expect(await list.names()).toEqual(expected.slice(25, 35));
      expect([await loadAll(list, 'next'), await loadAll(list, 'previous')]).toEqual([3, 3]);
      expect(await list.names()).toEqual(expected);
    });
  });
}

describe("Apollo Client's relayStylePagination pages through all exports", () => {
  const cache = async () => (await documented.load<{ cache: InMemoryCache }>('cache.ts')).cache;
  pagesThroughAllExports(openInApollo(cache));
});

describe("urql's relayPagination pages through all exports", () => {
  const graphcache = async () =>
    (await documented.load<{ graphcache: Exchange }>('graphcache.ts')).graphcache;
  // Graphcache takes a page behind a cursor for the first one.
  pagesThroughAllExports(openInUrql(graphcache), { beginsAnywhere: false });
});

describeWith('chromium', "Relay's usePaginationFragment pages through all exports", () => {
  const browser = useBrowser();
  let script: string;
  beforeAll(async () => {
    script = await bundleRelayPage(await documented.write());
  });
  pagesThroughAllExports(
    openInRelay(
      () => browser.newPage(),
      page.origin,
      () => script,
    ),
    // A page takes seconds to open, and the order concerns the gateway alone.
    { orders: lists.slice(1) },
  );
});

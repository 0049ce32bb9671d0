import { describe, expect, it } from '@jest/globals';

import { ExportResource, ExportStatus, type Export } from '../../src/exports/export.js';
import { engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { clearRows, exportId, exportRow, exportRows, insertRows } from '../support/rows.js';
import {
  asOrganization,
  chronological,
  idsInOrder,
  idsOf,
  orders,
  readAllPages,
  readPage,
  type Order,
} from './lists.js';

const ROWS = 57;
const resources = Object.values(ExportResource);
const statuses = Object.values(ExportStatus);
const start = Date.UTC(2026, 10, 1, 12, 0, 0, 998);

/** Few distinct values in every ordered column, so that most rows tie. */
const changesOf = (index: number): Partial<Export> => ({
  name: `${index % 4 === 0 ? 'Quarter' : 'Month'} ${index}`,
  resource: resources[index % resources.length] ?? ExportResource.CONTACT,
  status: statuses[(index * 3) % statuses.length] ?? ExportStatus.QUEUED,
  countBatches: (index * 5) % 4,
  countTotal: ((index * 11) % 3) * 1_000 - 1,
  // A millisecond apart, across a whole second.
  createdAt: new Date(start + ((index * 7) % 5)),
  updatedAt: new Date(start + ((index * 13) % 3) * 1_000),
});
const rows = exportRows(ROWS, changesOf);
const byTotal: Order = { ...chronological, orderBy: 'countTotal' };

/** The same rows of other organizations, some with similar names. */
const others = ['org_other', 'ORG_DEMO', 'org_demo2', 'org_dem', 'org%', 'orgxdemo'].flatMap(
  (organizationId, place) =>
    exportRows(ROWS, (index) => ({
      ...changesOf(index),
      id: exportId(1_000 + place * 100 + index),
      organizationId,
    })),
);

/** In the order of no list. */
const shuffled = [...rows, ...others].sort((one, other) =>
  one.id.split('').reverse().join() < other.id.split('').reverse().join() ? -1 : 1,
);

describe.each(engines)('a list of exports on $engine', (engine) => {
  const gateway = useGateway(engine, { exports: shuffled });

  it('has the ten oldest exports by default, and takes null arguments as absent', async () => {
    const pagination = 'pagination { page limit hasMore totalCount totalPages }';
    const lists = [
      'exports',
      'exports(filter: null, after: null)',
      'exports(filter: {})',
      'exports(filter: { resource: null, statuses: null, search: null })',
    ];
    const { data, errors } = await gateway.query<Record<string, object>>(
      `{ ${lists.map((list, index) => `a${index}: ${list} { data { id } ${pagination} }`).join(' ')} }`,
    );
    expect(errors).toBeUndefined();
    const ids = idsInOrder(rows, chronological).slice(0, 10);
    const expected = {
      data: ids.map((id) => ({ id })),
      pagination: { page: 1, limit: 10, hasMore: true, totalCount: ROWS, totalPages: 6 },
    };
    expect(Object.values(data)).toEqual(lists.map(() => expected));
  });

  it.each(orders)(
    'has every export once by $args, page by page or after cursors',
    async (order) => {
      const filter =
        '{ search: "mONTH", resource: TRACKER, statuses: [COMPLETED, FAILED, QUEUED] }';
      const filtered = rows.filter(
        ({ name, resource, status }) =>
          name.startsWith('Month') &&
          resource === ExportResource.TRACKER &&
          [ExportStatus.COMPLETED, ExportStatus.FAILED, ExportStatus.QUEUED].includes(status),
      );
      for (const [args, expected] of [
        [`${order.args}, limit: 8`, rows],
        [`${order.args}, limit: 19`, rows],
        [`${order.args}, limit: 1, filter: ${filter}`, filtered],
      ] as const) {
        const byCursor = await readAllPages(gateway, args);
        expect(idsOf(byCursor)).toEqual(idsInOrder(expected, order));
        const byNumber = await Promise.all(
          byCursor.map((_, index) => readPage(gateway, `${args}, page: ${index + 1}`)),
        );
        // The page argument keeps its default beside a cursor.
        expect(byNumber.map(({ ids }) => ids)).toEqual(byCursor.map(({ ids }) => ids));
        expect(byNumber.map(({ pagination }) => ({ ...pagination, page: 1 }))).toEqual(
          byCursor.map(({ pagination }) => pagination),
        );
      }
    },
  );

  it.each<{ filter: string; matches: (row: Export) => boolean }>([
    ...Object.entries(ExportResource).map(([name, resource]) => ({
      filter: `resource: ${name}`,
      matches: (row: Export) => row.resource === resource,
    })),
    ...Object.entries(ExportStatus).map(([name, status]) => ({
      filter: `statuses: [${name}]`,
      matches: (row: Export) => row.status === status,
    })),
    { filter: 'statuses: []', matches: () => true },
    // As GraphQL coerces lists.
    { filter: 'statuses: FAILED', matches: ({ status }) => status === ExportStatus.FAILED },
    {
      filter: 'statuses: [TIMED_OUT, QUEUED, TIMED_OUT]',
      matches: ({ status }) => [ExportStatus.QUEUED, ExportStatus.TIMED_OUT].includes(status),
    },
    {
      filter: 'statuses: [QUEUED, PROCESSING, COMPLETED, FAILED, TIMED_OUT]',
      matches: () => true,
    },
    { filter: 'search: "quarter"', matches: ({ name }) => name.startsWith('Quarter') },
    {
      filter: 'resource: SHIPMENT, statuses: [FAILED, COMPLETED, QUEUED], search: "MONTH"',
      matches: ({ resource, status, name }) =>
        resource === ExportResource.SHIPMENT &&
        [ExportStatus.FAILED, ExportStatus.COMPLETED, ExportStatus.QUEUED].includes(status) &&
        name.startsWith('Month'),
    },
    { filter: 'resource: GROUP, search: "quarter 1"', matches: () => false },
  ])('has the exports that match { $filter }', async ({ filter, matches }) => {
    const matching = rows.filter(matches);
    const args = `filter: { ${filter} }`;
    const { ids, pagination } = await readPage(gateway, `${args}, limit: 100`);
    expect(ids).toEqual(idsInOrder(matching, chronological));
    expect(pagination).toEqual({
      page: 1,
      limit: 100,
      hasMore: false,
      totalCount: matching.length,
      totalPages: matching.length === 0 ? 0 : 1,
      endCursor: matching.length === 0 ? null : expect.any(String),
    });
    const pages = await readAllPages(gateway, `${args}, orderBy: COUNT_TOTAL, limit: 9`);
    expect(idsOf(pages)).toEqual(idsInOrder(matching, byTotal));
  });

  it.each([
    // 57 = 3 × 19: the last page is exactly full.
    { limit: 19, page: 1, size: 19, hasMore: true, totalPages: 3 },
    { limit: 19, page: 2, size: 19, hasMore: true, totalPages: 3 },
    { limit: 19, page: 3, size: 19, hasMore: false, totalPages: 3 },
    { limit: 19, page: 4, size: 0, hasMore: false, totalPages: 3 },
    { limit: 56, page: 1, size: 56, hasMore: true, totalPages: 2 },
    { limit: 56, page: 2, size: 1, hasMore: false, totalPages: 2 },
    { limit: 57, page: 1, size: 57, hasMore: false, totalPages: 1 },
    { limit: 58, page: 1, size: 57, hasMore: false, totalPages: 1 },
    { limit: 100, page: 1, size: 57, hasMore: false, totalPages: 1 },
    { limit: 100, page: 2, size: 0, hasMore: false, totalPages: 1 },
    { limit: 1, page: 1, size: 1, hasMore: true, totalPages: 57 },
    { limit: 1, page: 56, size: 1, hasMore: true, totalPages: 57 },
    { limit: 1, page: 57, size: 1, hasMore: false, totalPages: 57 },
    { limit: 1, page: 58, size: 0, hasMore: false, totalPages: 57 },
    { limit: 10, page: 1_000_000, size: 0, hasMore: false, totalPages: 6 },
    // Offsets beyond 32 bits.
    { limit: 1, page: 2_147_483_647, size: 0, hasMore: false, totalPages: 57 },
    { limit: 100, page: 2_147_483_647, size: 0, hasMore: false, totalPages: 1 },
  ])('has $size exports on page $page of limit $limit', async ({ size, ...expected }) => {
    const { limit, page } = expected;
    const { ids, pagination } = await readPage(gateway, `limit: ${limit}, page: ${page}`);
    expect(ids).toHaveLength(size);
    expect(ids).toEqual(idsInOrder(rows, chronological).slice((page - 1) * limit, page * limit));
    const endCursor = size === 0 ? null : expect.any(String);
    expect(pagination).toEqual({ ...expected, totalCount: ROWS, endCursor });
  });

  it('knows hasMore without a count, even as the only field', async () => {
    const { data, statements } = await gateway.query(
      `{ full: exports(limit: 57) { pagination { hasMore } }
         short: exports(limit: 56) { pagination { hasMore } } }`,
    );
    expect(data).toEqual({
      full: { pagination: { hasMore: false } },
      short: { pagination: { hasMore: true } },
    });
    expect(statements).toEqual(statements.map(() => expect.not.stringContaining('COUNT(')));
  });

  it.each(['ORG_DEMO', 'org%', 'org_dem', 'org_empty'])(
    'has only the exports of its organization: %s',
    (organization) =>
      asOrganization(gateway, organization, async (other) => {
        const own = others.filter((row) => row.organizationId === organization);
        const { ids, pagination } = await readPage(other, 'limit: 100');
        expect(ids).toEqual(idsInOrder(own, chronological));
        expect(pagination).toMatchObject({ totalCount: own.length, hasMore: false });
      }),
  );

  describe('after a cursor', () => {
    const ids = idsInOrder(rows, chronological);
    const cursorAfter = async (limit: number) =>
      (await readPage(gateway, `limit: ${limit}`)).pagination.endCursor;

    it('ignores page, allows another limit and counts the whole list', async () => {
      const page = await readPage(gateway, 'limit: 7, page: 40', await cursorAfter(5));
      expect(page.ids).toEqual(ids.slice(5, 12));
      expect(page.pagination).toMatchObject({ totalCount: ROWS, totalPages: 9 });
    });

    it('is empty after the last export', async () => {
      const page = await readPage(gateway, '', await cursorAfter(ROWS));
      expect(page.ids).toEqual([]);
      expect(page.pagination).toMatchObject({
        hasMore: false,
        endCursor: null,
        totalCount: ROWS,
        totalPages: 6,
      });
    });

    it('costs one statement without OFFSET and with every value as a parameter', async () => {
      const { statements } = await gateway.query(
        'query ($after: String) { exports(after: $after, limit: 20) { data { id } } }',
        { after: await cursorAfter(20) },
      );
      expect(statements).toHaveLength(1);
      expect(statements[0]).toMatch(/ORDER BY created_at ASC, id ASC LIMIT \?\) page/);
      expect(statements[0]).not.toMatch(/offset|['"]|exp_|2026|\d{2}/i);
    });
  });

  // These tests replace the rows of all others.
  describe('that changes while it is read', () => {
    it.each(orders)('has new exports by $args if they follow the cursor', async (order) => {
      await clearRows(gateway.source);
      const before = Array.from({ length: 120 }, (_, index) =>
        exportRow(index * 10, changesOf(index)),
      );
      // Of every value, on both sides of the cursor.
      const added = before.map((_, index) => exportRow(index * 10 + 3, changesOf(index)));
      await insertRows(gateway.source, { exports: before });
      const pages = await readAllPages(gateway, `${order.args}, limit: 25`, async (_, number) => {
        if (number === 2) await insertRows(gateway.source, { exports: added });
      });
      const seenBefore = idsInOrder(before, order).slice(0, 50);
      const everything = idsInOrder([...before, ...added], order);
      const position = everything.indexOf(seenBefore.at(-1) ?? '');
      expect(idsOf(pages)).toEqual([...seenBefore, ...everything.slice(position + 1)]);
    });

    it('continues after the export of the cursor is deleted', async () => {
      await clearRows(gateway.source);
      await insertRows(gateway.source, { exports: rows });
      const pages = await readAllPages(
        gateway,
        'orderBy: COUNT_TOTAL, limit: 9',
        async ({ ids }) => {
          await gateway.source.query('DELETE FROM exports WHERE id = ?', [ids.at(-1)]);
        },
      );
      expect(idsOf(pages)).toEqual(idsInOrder(rows, byTotal));
    });

    it.each(orders)(
      'has cursors for every time and count that the columns hold, by $args',
      async (order) => {
        const times = ['1000-01-01', '1969-12-31', '1970-01-01', '2286-11-20'].map(
          (day, index) => new Date(`${day}T${index === 1 ? '23:59:59.999' : '00:00:00.000'}Z`),
        );
        const counts = [-2_147_483_648, -1, 0, 1, 2_147_483_647];
        const extremes = counts.map((count, index) => {
          const time = times[index] ?? new Date('9999-12-31T23:59:59.999Z');
          return exportRow(index, {
            createdAt: time,
            updatedAt: time,
            countBatches: count,
            countTotal: count,
          });
        });
        await clearRows(gateway.source);
        await insertRows(gateway.source, { exports: extremes });
        const pages = await readAllPages(gateway, `${order.args}, limit: 1`);
        expect(idsOf(pages)).toEqual(idsInOrder(extremes, order));
      },
    );
  });
});

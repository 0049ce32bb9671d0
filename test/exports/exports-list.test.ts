import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type QueryResult, type Gateway } from '../support/gateway.js';
import { exportRow, insertRows } from '../support/rows.js';
import { idsInOrder, orderOf, orders, type Listed, type Row } from './expected-list.js';

const ROWS = 57;
const resources = Object.values(ExportResource);
const statuses = Object.values(ExportStatus);
const start = Date.UTC(2026, 10, 1, 12, 0, 0, 500);

/** The rows of the list: few distinct values in every ordered column, so that most rows tie. */
const rows: readonly Row[] = [...Array(ROWS).keys()].map((index) =>
  exportRow(index, {
    name: index % 4 === 0 ? `Quarter ${index}` : `Month ${index}`,
    resource: pick(resources, index),
    status: pick(statuses, index * 3),
    countBatches: (index * 5) % 4,
    countTotal: ((index * 11) % 3) * 1_000 - 1,
    // They differ by milliseconds only, which must count.
    createdAt: new Date(start - ((index * 7) % 5)),
    updatedAt: new Date(start + ((index * 13) % 3) * 1_000),
  }),
);

/** Rows that look the same but belong to others; the names of some are close to org_demo. */
const foreignRows: readonly Row[] = [
  'org_other',
  'ORG_DEMO',
  'org_demo2',
  'org_dem',
  'org%',
  'orgxdemo',
].flatMap((organizationId, place) =>
  rows.slice(0, 10).map((row, index) => ({
    ...row,
    id: exportRow(1_000 + place * 100 + index).id,
    organizationId,
  })),
);

const chronological = orderOf('CREATED_AT', 'ASC');

function pick<Value>(values: readonly Value[], index: number): Value {
  const value = values[index % values.length];
  if (value === undefined) throw new Error('There is nothing to pick from.');
  return value;
}

describe.each(engines)('a list of exports on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await provide();
    gateway = await startGateway(database);
    // Not in the order of any list, so that none comes for free.
    const shuffled = [...rows, ...foreignRows].sort((one, other) =>
      digits(one) < digits(other) ? -1 : 1,
    );
    await insertRows(gateway.source, { exports: shuffled });
  });

  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  /** The answer to `exports(args)`. */
  function list(args: string): Promise<QueryResult<Listed>> {
    const call = args === '' ? 'exports' : `exports(${args})`;
    return gateway.query<Listed>(
      `{ ${call} { data { id } pagination { page limit hasMore totalCount totalPages endCursor } } }`,
    );
  }

  async function idsOf(args: string): Promise<string[]> {
    const { data } = await list(args);
    return data.exports.data.map(({ id }) => id);
  }

  it('is chronological, with the first ten of all, unless told otherwise', async () => {
    const { data, errors } = await list('');
    expect(errors).toBeUndefined();
    expect(data.exports.data.map(({ id }) => id)).toEqual(
      idsInOrder(rows, chronological).slice(0, 10),
    );
    expect(data.exports.pagination).toEqual({
      page: 1,
      limit: 10,
      hasMore: true,
      totalCount: ROWS,
      totalPages: 6,
      endCursor: expect.any(String),
    });
  });

  it('takes null for an argument that may be null as if it were left out', async () => {
    const expected = await list('');
    const { data, errors } = await list(
      'filter: { resource: null, statuses: null, search: null }, after: null',
    );
    expect(errors).toBeUndefined();
    expect(data).toEqual(expected.data);
    expect((await list('filter: null')).data).toEqual(expected.data);
    expect((await list('filter: {}')).data).toEqual(expected.data);
  });

  it.each(orders)(
    'by $orderBy $direction, with ties by id in the same direction',
    async (order) => {
      const args = `orderBy: ${order.orderBy}, direction: ${order.direction}, limit: 100`;
      expect(await idsOf(args)).toEqual(idsInOrder(rows, order));
    },
  );

  it.each(orders)(
    'by $orderBy $direction loses and repeats nothing from page to page',
    async (order) => {
      const args = `orderBy: ${order.orderBy}, direction: ${order.direction}, limit: 8`;
      const pages = await Promise.all(
        [1, 2, 3, 4, 5, 6, 7, 8].map((page) => idsOf(`${args}, page: ${page}`)),
      );
      expect(pages.flat()).toEqual(idsInOrder(rows, order));
    },
  );

  describe('its filter', () => {
    /** Expects the list with this filter to have those of the rows that are `wanted`, with the right count. */
    async function expectFiltered(filter: string, wanted: (row: Row) => boolean): Promise<void> {
      const expected = idsInOrder(rows.filter(wanted), chronological);
      const { data, errors } = await list(`filter: { ${filter} }, limit: 100`);
      expect(errors).toBeUndefined();
      expect(data.exports.data.map(({ id }) => id)).toEqual(expected);
      expect(data.exports.pagination).toMatchObject({
        hasMore: false,
        totalCount: expected.length,
        totalPages: expected.length === 0 ? 0 : 1,
      });
    }

    it.each(Object.entries(ExportResource))('resource: %s', async (name, resource) => {
      expect.hasAssertions();
      await expectFiltered(`resource: ${name}`, (row) => row.resource === resource);
    });

    it.each(Object.entries(ExportStatus))('statuses: [%s]', async (name, status) => {
      expect.hasAssertions();
      await expectFiltered(`statuses: [${name}]`, (row) => row.status === status);
    });

    it('several statuses, in any order and also repeated', async () => {
      const wanted = ({ status }: Row) =>
        status === ExportStatus.QUEUED || status === ExportStatus.TIMED_OUT;
      await expectFiltered('statuses: [QUEUED, TIMED_OUT]', wanted);
      await expectFiltered('statuses: [TIMED_OUT, QUEUED, TIMED_OUT, QUEUED, QUEUED]', wanted);
      await expectFiltered(
        'statuses: [QUEUED, PROCESSING, COMPLETED, FAILED, TIMED_OUT]',
        () => true,
      );
    });

    it('an empty list of statuses filters nothing', async () => {
      expect.hasAssertions();
      await expectFiltered('statuses: []', () => true);
    });

    it('one status without brackets is a list of one, as GraphQL has it', async () => {
      expect.hasAssertions();
      await expectFiltered('statuses: FAILED', (row) => row.status === ExportStatus.FAILED);
    });

    it('several conditions must all be met', async () => {
      await expectFiltered(
        'resource: SHIPMENT, statuses: [FAILED, COMPLETED, QUEUED], search: "MONTH"',
        (row) =>
          row.resource === ExportResource.SHIPMENT &&
          [ExportStatus.FAILED, ExportStatus.COMPLETED, ExportStatus.QUEUED].includes(row.status) &&
          row.name.startsWith('Month'),
      );
      await expectFiltered('resource: GROUP, search: "quarter 1"', () => false);
      expect(rows.filter((row) => row.resource === ExportResource.GROUP)).not.toEqual([]);
    });

    it('goes with any order and page', async () => {
      const quarters = rows.filter((row) => row.name.startsWith('Quarter'));
      expect(
        await idsOf(
          'filter: { search: "quarter" }, orderBy: COUNT_TOTAL, direction: DESC, limit: 4, page: 2',
        ),
      ).toEqual(idsInOrder(quarters, orderOf('COUNT_TOTAL', 'DESC')).slice(4, 8));
    });
  });

  describe('its pages', () => {
    it.each([
      // 57 rows = 3 × 19: the last page is exactly full.
      { limit: 19, page: 1, size: 19, hasMore: true, totalPages: 3 },
      { limit: 19, page: 2, size: 19, hasMore: true, totalPages: 3 },
      { limit: 19, page: 3, size: 19, hasMore: false, totalPages: 3 },
      { limit: 19, page: 4, size: 0, hasMore: false, totalPages: 3 },
      // One row is left for the last page.
      { limit: 56, page: 1, size: 56, hasMore: true, totalPages: 2 },
      { limit: 56, page: 2, size: 1, hasMore: false, totalPages: 2 },
      // All on one page, exactly and with room.
      { limit: 57, page: 1, size: 57, hasMore: false, totalPages: 1 },
      { limit: 58, page: 1, size: 57, hasMore: false, totalPages: 1 },
      { limit: 100, page: 1, size: 57, hasMore: false, totalPages: 1 },
      // One at a time.
      { limit: 1, page: 1, size: 1, hasMore: true, totalPages: 57 },
      { limit: 1, page: 56, size: 1, hasMore: true, totalPages: 57 },
      { limit: 1, page: 57, size: 1, hasMore: false, totalPages: 57 },
      // Beyond the end.
      { limit: 1, page: 58, size: 0, hasMore: false, totalPages: 57 },
      { limit: 100, page: 2, size: 0, hasMore: false, totalPages: 1 },
      { limit: 10, page: 1_000_000, size: 0, hasMore: false, totalPages: 6 },
    ])('page $page of limit $limit has $size rows, hasMore $hasMore', async (expected) => {
      const { limit, page, size, hasMore, totalPages } = expected;
      const { data, errors } = await list(`limit: ${limit}, page: ${page}`);
      const from = (page - 1) * limit;
      expect(errors).toBeUndefined();
      expect(data.exports.data.map(({ id }) => id)).toEqual(
        idsInOrder(rows, chronological).slice(from, from + limit),
      );
      expect(data.exports.data).toHaveLength(size);
      expect(data.exports.pagination).toEqual({
        page,
        limit,
        hasMore,
        totalCount: ROWS,
        totalPages,
        endCursor: size === 0 ? null : expect.any(String),
      });
    });

    it('hasMore is right also when it is the only field', async () => {
      const { data, statements } = await gateway.query(
        `{ full: exports(limit: 57) { pagination { hasMore } }
           short: exports(limit: 56) { pagination { hasMore } } }`,
      );
      expect(data).toEqual({
        full: { pagination: { hasMore: false } },
        short: { pagination: { hasMore: true } },
      });
      expect(statements.filter((sql) => sql.includes('COUNT('))).toEqual([]);
    });
  });

  it('is an empty array, not null, where there is nothing', async () => {
    const { data, errors } = await list('filter: { search: "no such name" }');
    expect(errors).toBeUndefined();
    expect(data.exports).toEqual({
      data: [],
      pagination: {
        page: 1,
        limit: 10,
        hasMore: false,
        totalCount: 0,
        totalPages: 0,
        endCursor: null,
      },
    });
  });

  describe('of one organization', () => {
    it('never has rows of another, in any order, filter, search or count', async () => {
      const own = new Set(rows.map(({ id }) => id));
      const lists = [
        ...orders.map((order) => `orderBy: ${order.orderBy}, direction: ${order.direction}`),
        'filter: { resource: CONTACT }',
        'filter: { statuses: [COMPLETED, QUEUED] }',
        'filter: { search: "o" }',
        'filter: { search: "%" }',
      ];
      for (const args of lists) {
        const { data } = await list(`${args}, limit: 100`);
        expect(data.exports.data.filter(({ id }) => !own.has(id))).toEqual([]);
        expect(data.exports.pagination.totalCount).toBe(data.exports.data.length);
      }
    });

    it('is empty for an organization without exports, however many others have', async () => {
      const empty = await startGateway(database, {
        config: {
          auth: { kind: 'off', organization: 'org_empty' },
        },
      });
      try {
        const { data } = await empty.query<Listed>(
          '{ exports { data { id } pagination { hasMore totalCount totalPages endCursor } } }',
        );
        expect(data.exports).toEqual({
          data: [],
          pagination: { hasMore: false, totalCount: 0, totalPages: 0, endCursor: null },
        });
      } finally {
        await empty.close();
      }
    });

    it('tells organizations apart by letter case, and takes % and _ in their names for themselves', async () => {
      for (const organization of ['ORG_DEMO', 'org%', 'org_dem']) {
        const other = await startGateway(database, {
          config: { auth: { kind: 'off', organization } },
        });
        try {
          const { data } = await other.query<Listed>(
            '{ exports(limit: 100) { data { id } pagination { totalCount } } }',
          );
          const expected = foreignRows.filter((row) => row.organizationId === organization);
          expect(data.exports.data.map(({ id }) => id)).toEqual(
            idsInOrder(expected, chronological),
          );
          expect(data.exports.pagination.totalCount).toBe(expected.length);
        } finally {
          await other.close();
        }
      }
    });
  });
});

/** Something to shuffle by: the id read backwards. */
function digits({ id }: Row): string {
  return Array.from(id).reverse().join('');
}

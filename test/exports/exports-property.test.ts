import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { clearRows, exportRow, insertRows } from '../support/rows.js';
import { idsInOrder, orders, type Listed, type Row } from './expected-list.js';

// Beyond ASCII the engines differ in letter case, so é stands in one case only.
const letters = ['a', 'A', 'b', 'B', '%', '_', '!', '\\', "'", '"', '🎉', 'é', ' '];
const text = (maxLength: number) => fc.string({ unit: fc.constantFrom(...letters), maxLength });
const day = (number: number) => new Date(Date.UTC(2026, 0, number, 1, 2, 3, number));

// Few values, for many ties.
const rowsArbitrary = fc
  .array(
    fc.record({
      organizationId: fc.constantFrom('org_demo', 'org_demo', 'org_demo', 'org_other'),
      name: text(8),
      resource: fc.constantFrom(...Object.values(ExportResource)),
      status: fc.constantFrom(...Object.values(ExportStatus)),
      countBatches: fc.constantFrom(0, 1),
      countTotal: fc.constantFrom(0, 7, 2_147_483_647),
      createdAt: fc.constantFrom(day(1), day(2)),
      updatedAt: fc.constantFrom(day(1), day(2), day(3)),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((all) => all.map((changes, index) => exportRow((index * 7_919) % 100_003, changes)));

const resourceNames = Object.keys(ExportResource) as (keyof typeof ExportResource)[];
const statusNames = Object.keys(ExportStatus) as (keyof typeof ExportStatus)[];
const filterArbitrary = fc.option(
  fc.record(
    {
      resource: fc.option(fc.constantFrom(...resourceNames)),
      statuses: fc.option(fc.array(fc.constantFrom(...statusNames), { maxLength: 4 })),
      search: fc.option(text(2)),
    },
    { requiredKeys: [] },
  ),
);
const argsArbitrary = fc.record({
  filter: filterArbitrary,
  order: fc.constantFrom(...orders),
  limit: fc.integer({ min: 1, max: 12 }),
});
type Args = typeof argsArbitrary extends fc.Arbitrary<infer Value> ? Value : never;

const lower = (given: string) => given.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** The plain answer: the ids of the whole list. */
function expectedIds(rows: readonly Row[], { filter, order }: Args): string[] {
  const { resource, statuses, search } = filter ?? {};
  const found = rows.filter(
    (row) =>
      row.organizationId === 'org_demo' &&
      (resource == null || row.resource === ExportResource[resource]) &&
      (statuses == null ||
        statuses.length === 0 ||
        statuses.some((status) => row.status === ExportStatus[status])) &&
      lower(row.name).includes(lower(search ?? '')),
  );
  return idsInOrder(found, order);
}

const document = `query ($filter: ExportFilter, $orderBy: ExportOrderBy!, $direction: SortDirection!, $page: Int!, $limit: Int!, $after: String) {
  exports(filter: $filter, orderBy: $orderBy, direction: $direction, page: $page, limit: $limit, after: $after) {
    data { id } pagination { page limit hasMore totalCount totalPages endCursor } } }`;

describe.each(engines)('any list of exports on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    database = await provide();
    gateway = await startGateway(database);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  async function page({ filter, order, limit }: Args, place: object): Promise<Listed['exports']> {
    const { orderBy, direction } = order;
    const variables = { filter, orderBy, direction, limit, page: 1, ...place };
    const { data, errors } = await gateway.query<Listed>(document, variables);
    expect(errors).toBeUndefined();
    return data.exports;
  }

  it('is what plain JavaScript says, page by page and cursor by cursor', async () => {
    const property = fc.asyncProperty(
      rowsArbitrary,
      fc.array(argsArbitrary, { minLength: 1, maxLength: 3 }),
      async (rows, lists) => {
        await clearRows(gateway.source);
        await insertRows(gateway.source, { exports: rows });
        for (const args of lists) {
          const ids = expectedIds(rows, args);
          const { limit } = args;
          const totalPages = Math.ceil(ids.length / limit);
          let after: string | null = null;
          // One page more than there are: the empty one.
          for (let number = 1; number <= totalPages + 1; number += 1) {
            const expected = ids.slice((number - 1) * limit, number * limit);
            const byNumber = await page(args, { page: number });
            expect(byNumber.data.map(({ id }) => id)).toEqual(expected);
            expect(byNumber.pagination).toEqual({
              page: number,
              limit,
              hasMore: number < totalPages,
              totalCount: ids.length,
              totalPages,
              endCursor: expected.length === 0 ? null : expect.any(String),
            });
            const byCursor = number === 1 ? byNumber : await page(args, { after });
            expect(byCursor.data).toEqual(byNumber.data);
            expect(byCursor.pagination).toEqual({
              ...byNumber.pagination,
              page: expect.any(Number),
            });
            after = byNumber.pagination.endCursor ?? after;
            if (ids.length === 0) break;
          }
        }
      },
    );
    await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 25_000 });
  });
});

import { expect, describe, it } from '@jest/globals';
import fc from 'fast-check';

import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { clearRows, exportRow, insertRows } from '../support/rows.js';
import { idsInOrder, orders, readPage } from './lists.js';

// Beyond ASCII the engines differ in letter case, so é has one case only.
const letters = ['a', 'A', 'b', 'B', '%', '_', '!', '\\', "'", '"', '🎉', 'é', ' '];
const text = (maxLength: number) => fc.string({ unit: fc.constantFrom(...letters), maxLength });
const day = (number: number) => new Date(Date.UTC(2026, 0, number, 1, 2, 3, number));

// Few values, for many ties.
const rowArbitrary = fc.record({
  organizationId: fc.constantFrom('org_demo', 'org_demo', 'org_demo', 'org_other'),
  name: text(8),
  resource: fc.constantFrom(...Object.values(ExportResource)),
  status: fc.constantFrom(...Object.values(ExportStatus)),
  countBatches: fc.constantFrom(0, 1),
  countTotal: fc.constantFrom(0, 7, 2_147_483_647),
  createdAt: fc.constantFrom(day(1), day(2)),
  updatedAt: fc.constantFrom(day(1), day(2), day(3)),
});
const filterArbitrary = fc.record(
  {
    resource: fc.option(fc.constantFrom(...Object.entries(ExportResource))),
    statuses: fc.option(
      fc.array(fc.constantFrom(...Object.entries(ExportStatus)), { maxLength: 4 }),
    ),
    search: fc.option(text(2)),
  },
  { requiredKeys: [] },
);
const listArbitrary = fc.record({
  filter: filterArbitrary,
  order: fc.constantFrom(...orders),
  limit: fc.integer({ min: 1, max: 12 }),
});

const lowerCase = (given: string) => given.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

describe.each(engines)('any list of exports on $engine', (engine) => {
  const gateway = useGateway(engine);

  it('equals what plain JavaScript computes, page by page and cursor by cursor', async () => {
    const property = fc.asyncProperty(
      fc.array(rowArbitrary, { minLength: 1, maxLength: 40 }),
      fc.array(listArbitrary, { minLength: 1, maxLength: 3 }),
      async (given, lists) => {
        const rows = given.map((row, index) => exportRow((index * 7_919) % 100_003, row));
        await clearRows(gateway.source);
        await insertRows(gateway.source, { exports: rows });
        for (const { filter, order, limit } of lists) {
          const { resource, statuses, search } = filter;
          const matching = rows.filter(
            (row) =>
              row.organizationId === 'org_demo' &&
              (resource == null || row.resource === resource[1]) &&
              (!statuses?.length || statuses.some(([, status]) => row.status === status)) &&
              lowerCase(row.name).includes(lowerCase(search ?? '')),
          );
          const ids = idsInOrder(matching, order);
          const totalPages = Math.ceil(ids.length / limit);
          const conditions = [
            `resource: ${resource?.[0] ?? 'null'}`,
            `statuses: ${statuses ? `[${statuses.map(([name]) => name).join(' ')}]` : 'null'}`,
            `search: ${JSON.stringify(search ?? null)}`,
          ];
          const args = `filter: { ${conditions.join(' ')} }, ${order.args}, limit: ${limit}`;
          let after: string | null = null;
          // One page more than there are, which is empty.
          for (let number = 1; number <= totalPages + 1; number += 1) {
            const expected = ids.slice((number - 1) * limit, number * limit);
            const byNumber = await readPage(gateway, `${args}, page: ${number}`);
            expect(byNumber.ids).toEqual(expected);
            expect(byNumber.pagination).toEqual({
              page: number,
              limit,
              hasMore: number < totalPages,
              totalCount: ids.length,
              totalPages,
              endCursor: expected.length === 0 ? null : expect.any(String),
            });
            const byCursor = await readPage(gateway, args, after);
            expect(byCursor.ids).toEqual(byNumber.ids);
            expect(byCursor.pagination).toEqual({ ...byNumber.pagination, page: 1 });
            after = byNumber.pagination.endCursor;
            if (ids.length === 0) break;
          }
        }
      },
    );
    await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 25_000 });
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { clearRows, exportId, exportRow, insertRows } from '../support/rows.js';
import { post, type RawResponse } from './post.js';
import { idsInOrder, orderOf, orders, type Listed, type Order, type Row } from './expected-list.js';

const ROWS = 300;
const start = Date.UTC(2026, 10, 1, 12, 0, 0, 998);

/** A row of a list in which hundreds of rows share a few values in every ordered column. */
function tiedRow(index: number): Row {
  return exportRow(index, {
    name: `${index % 3 === 0 ? 'Third' : 'Other'} ${index}`,
    resource: index % 2 === 0 ? ExportResource.TRACKER : ExportResource.GROUP,
    status: index % 5 === 0 ? ExportStatus.FAILED : ExportStatus.COMPLETED,
    // Neighbours by id differ, and the values lie a millisecond apart, across a whole second.
    createdAt: new Date(start + ((index * 7) % 4)),
    updatedAt: new Date(start + ((index * 11) % 3)),
    countBatches: index % 3,
    countTotal: -(index % 2),
  });
}

const rows: readonly Row[] = [...Array(ROWS).keys()].map((index) => tiedRow(index * 10));

interface Page {
  readonly ids: readonly string[];
  readonly hasMore: boolean;
  readonly endCursor: string | null;
  readonly statements: readonly string[];
}

/** The pages of a walk along cursors; `onPage` is told the number of each before the next is asked for. */
async function walk(
  gateway: Gateway,
  { orderBy, direction }: Order,
  options: {
    limit: number;
    filter?: string;
    onPage?: (page: Page, number: number) => Promise<void>;
  },
): Promise<Page[]> {
  const { limit, filter = '{}', onPage } = options;
  const query = `query ($after: String) {
    exports(after: $after, filter: ${filter}, orderBy: ${orderBy}, direction: ${direction}, limit: ${limit}) {
      data { id } pagination { hasMore endCursor } } }`;
  const pages: Page[] = [];
  let after: string | null = null;
  do {
    const answer: RawResponse = await post(
      gateway,
      JSON.stringify({ query, variables: { after } }),
    );
    expect(answer.text).not.toContain('"errors"');
    const { data } = JSON.parse(answer.text) as { data: Listed };
    const { hasMore, endCursor } = data.exports.pagination;
    const page: Page = {
      ids: data.exports.data.map(({ id }) => id),
      hasMore,
      endCursor,
      statements: answer.statements,
    };
    pages.push(page);
    if (pages.length > 2 * ROWS) throw new Error('This walk has no end.');
    await onPage?.(page, pages.length);
    after = hasMore ? endCursor : null;
  } while (after !== null);
  return pages;
}

function idsOf(pages: readonly Page[]): string[] {
  return pages.flatMap(({ ids }) => ids);
}

describe.each(engines)('a walk along cursors on $engine', ({ provide }) => {
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

  describe('through rows that do not change', () => {
    beforeAll(async () => {
      await insertRows(gateway.source, {
        exports: [
          ...rows,
          // Those of another organization lie between them.
          ...rows.map((row, index) => ({
            ...row,
            id: exportId(index * 10 + 5),
            organizationId: 'org_other',
          })),
        ],
      });
    });

    afterAll(() => clearRows(gateway.source));

    it.each(orders)('by $orderBy $direction sees every row once, in order', async (order) => {
      const pages = await walk(gateway, order, { limit: 37 });
      expect(idsOf(pages)).toEqual(idsInOrder(rows, order));
      expect(pages.map(({ hasMore }) => hasMore)).toEqual([...Array<boolean>(8).fill(true), false]);
    });

    it.each(orders)('by $orderBy $direction is the plain list, page by page', async (order) => {
      const pages = await walk(gateway, order, { limit: 100 });
      const plain = await Promise.all(
        [1, 2, 3].map((page) =>
          gateway.query<Listed>(
            `{ exports(orderBy: ${order.orderBy}, direction: ${order.direction}, limit: 100, page: ${page}) {
                 data { id } pagination { hasMore endCursor } } }`,
          ),
        ),
      );
      expect(pages.map(({ ids, hasMore, endCursor }) => ({ ids, hasMore, endCursor }))).toEqual(
        plain.map(({ data }) => ({
          ids: data.exports.data.map(({ id }) => id),
          ...data.exports.pagination,
        })),
      );
    });

    it.each(orders)('by $orderBy $direction may go one row at a time', async (order) => {
      // 20 rows suffice, for among them are all values.
      const filter = '{ search: "Third 1", resource: TRACKER }';
      const wanted = rows.filter(
        (row) => row.name.startsWith('Third 1') && row.resource === ExportResource.TRACKER,
      );
      expect(wanted.length).toBeGreaterThan(20);
      const pages = await walk(gateway, order, { limit: 1, filter });
      expect(idsOf(pages)).toEqual(idsInOrder(wanted, order));
    });

    it.each(orders)('by $orderBy $direction keeps to its filter', async (order) => {
      const filter =
        '{ resource: TRACKER, statuses: [COMPLETED, FAILED, QUEUED], search: "oTHER" }';
      const wanted = rows.filter(
        (row) => row.name.startsWith('Other') && row.resource === ExportResource.TRACKER,
      );
      const pages = await walk(gateway, order, { limit: 9, filter });
      expect(idsOf(pages)).toEqual(idsInOrder(wanted, order));
    });

    it('counts the whole list on every page, not the rest', async () => {
      const first = await gateway.query<Listed>('{ exports { pagination { endCursor } } }');
      const { data } = await gateway.query<Listed>(
        `query ($after: String) { exports(after: $after, limit: 7) { pagination { totalCount totalPages } } }`,
        { after: first.data.exports.pagination.endCursor },
      );
      expect(data.exports.pagination).toEqual({ totalCount: ROWS, totalPages: 43 });
    });

    it('takes the place of page', async () => {
      const order = orderOf('CREATED_AT', 'ASC');
      const first = await gateway.query<Listed>(
        '{ exports(limit: 5) { pagination { endCursor } } }',
      );
      const { data } = await gateway.query<Listed>(
        `query ($after: String) { exports(after: $after, limit: 5, page: 40) { data { id } } }`,
        { after: first.data.exports.pagination.endCursor },
      );
      expect(data.exports.data.map(({ id }) => id)).toEqual(idsInOrder(rows, order).slice(5, 10));
    });

    it('may change the limit, and the way the same filter is written', async () => {
      const order = orderOf('CREATED_AT', 'ASC');
      const first = await gateway.query<Listed>(
        `{ exports(limit: 5, filter: { statuses: [COMPLETED, FAILED] }) { pagination { endCursor } } }`,
      );
      const { data, errors } = await gateway.query<Listed>(
        `query ($after: String) {
           exports(after: $after, limit: 50, filter: { statuses: [FAILED, COMPLETED, FAILED], search: "" }) {
             data { id } } }`,
        { after: first.data.exports.pagination.endCursor },
      );
      expect(errors).toBeUndefined();
      expect(data.exports.data.map(({ id }) => id)).toEqual(idsInOrder(rows, order).slice(5, 55));
    });

    it('comes to an empty page behind the last row, whose endCursor is null', async () => {
      const last = await gateway.query<Listed>(
        '{ exports(limit: 100, page: 3) { data { id } pagination { hasMore endCursor } } }',
      );
      expect(last.data.exports.pagination).toEqual({
        hasMore: false,
        endCursor: expect.any(String),
      });
      const { data, errors } = await gateway.query<Listed>(
        `query ($after: String) {
           exports(after: $after) { data { id } pagination { hasMore endCursor totalCount } } }`,
        { after: last.data.exports.pagination.endCursor },
      );
      expect(errors).toBeUndefined();
      expect(data.exports).toEqual({
        data: [],
        pagination: { hasMore: false, endCursor: null, totalCount: ROWS },
      });
    });

    it('costs one statement a page, without OFFSET and with every value as a parameter', async () => {
      const pages = await walk(gateway, orderOf('UPDATED_AT', 'DESC'), { limit: 100 });
      expect(pages).toHaveLength(3);
      for (const { statements } of pages.slice(1)) {
        expect(statements).toHaveLength(1);
        expect(statements[0]).not.toMatch(/offset/i);
        expect(statements[0]).not.toMatch(/['"]|exp_|2026|\d{2}/);
        expect(statements[0]).toMatch(/ORDER BY updated_at DESC, id DESC LIMIT \?\) page/);
      }
    });

    it('says nothing readable of other organizations in its cursors', async () => {
      const { data } = await gateway.query<Listed>('{ exports { pagination { endCursor } } }');
      const cursor = data.exports.pagination.endCursor ?? '';
      expect(cursor).toMatch(/^[\w-]+$/);
      expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain('org_');
    });
  });

  describe('while rows come and go', () => {
    afterAll(() => clearRows(gateway.source));

    it.each(orders)(
      'by $orderBy $direction sees those that come behind it, and none twice',
      async (order) => {
        await clearRows(gateway.source);
        await insertRows(gateway.source, { exports: rows.slice(0, 120) });
        const before = rows.slice(0, 120);
        // One after each row of the list: of every value, on both sides of the cursor and in between.
        const newcomers = before.map((_row, index) => tiedRow(index * 10 + 3));
        let seenBefore: string[] = [];
        const pages = await walk(gateway, order, {
          limit: 25,
          async onPage({ ids }, number) {
            if (number !== 2) return;
            expect(ids).toHaveLength(25);
            await insertRows(gateway.source, { exports: newcomers });
            seenBefore = idsInOrder(before, order).slice(0, 50);
          },
        });
        const everything = idsInOrder([...before, ...newcomers], order);
        const cursor = everything.indexOf(seenBefore.at(-1) ?? '');
        const seen = idsOf(pages);
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen).toEqual([...seenBefore, ...everything.slice(cursor + 1)]);
      },
    );

    it('goes on when the very row of the cursor is gone', async () => {
      const order = orderOf('COUNT_BATCHES', 'ASC');
      await clearRows(gateway.source);
      await insertRows(gateway.source, { exports: [...rows] });
      const pages = await walk(gateway, order, {
        limit: 50,
        async onPage({ ids }) {
          await gateway.source.query('DELETE FROM exports WHERE id = ?', [ids.at(-1)]);
        },
      });
      expect(idsOf(pages)).toEqual(idsInOrder(rows, order));
    });
  });
});

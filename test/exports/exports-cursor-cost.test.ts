import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection, type Connection } from 'mysql2/promise';
import { pino } from 'pino';

import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { SortDirection } from '../../src/exports/export-args.js';
import type { CursorPosition } from '../../src/exports/export-cursor.js';
import { ExportRepository } from '../../src/exports/export-repository.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportRow, insertRows } from '../support/rows.js';
import { idsInOrder, orderedValue, orders, type Order, type Row } from './expected-list.js';
import { entities } from '../../src/entities.js';

const LIMIT = 11;
const start = Date.UTC(2026, 10, 1);

/** Four are created at a time, as a nightly job would do; in the other columns most rows are alike. */
const rows: readonly Row[] = [...Array(6_000).keys()].map((index) =>
  exportRow(index, {
    createdAt: new Date(start + Math.floor(index / 4) * 1_000),
    updatedAt: new Date(start),
    countBatches: index % 2,
    countTotal: 0,
  }),
);

/** Places along a list, as shares of its length. Behind the very first rows, MySQL may scan the index instead. */
const shares = [0.1, 0.25, 0.5, 0.75, 0.99];

type RunStatement = (sql: string, parameters: unknown[]) => Promise<unknown[]>;

/** A database of which a test sees the statements on their way. */
function watched(database: Database, run: RunStatement): Database {
  return {
    indexHint: (name) => database.indexHint(name),
    poolStats: () => [],
    query: async <Row>(sql: string, parameters: readonly unknown[] = []) =>
      (await run(sql, [...parameters])) as Row[],
    close: () => database.close(),
  };
}

describe.each(engines)('a page behind a cursor on $engine', ({ engine, provide }) => {
  let provided: EngineDatabase;
  let gateway: Gateway;
  let database: Database;
  /** One session, for what the server counts, it counts by session. */
  let connection: Connection | null = null;

  beforeAll(async () => {
    provided = await provide();
    gateway = await startGateway(provided);
    database = await openDatabase(provided.config, { entities, logger: pino({ level: 'silent' }) });
    await insertRows(gateway.source, { exports: [...rows] });
    await gateway.source.query(engine === 'MySQL' ? 'ANALYZE TABLE exports' : 'ANALYZE');
    if (provided.config.kind === 'mysql') {
      connection = await createConnection({ uri: provided.config.url, dateStrings: true });
    }
  });

  afterAll(async () => {
    await connection?.end();
    await database.close();
    await gateway.close();
    await provided.dispose();
  });

  async function run(sql: string, parameters: unknown[] = []): Promise<Record<string, unknown>[]> {
    if (connection === null) return database.query(sql, parameters);
    const [found] = await connection.query(sql, parameters);
    return found as Record<string, unknown>[];
  }

  /** Asks the repository for the page behind each of the places; `run` stands between it and the database. */
  async function askAlong(order: Order, run: RunStatement): Promise<void> {
    const repository = new ExportRepository(watched(database, run));
    const byId = new Map(rows.map((row) => [row.id, row]));
    const sorted = idsInOrder(rows, order).map((id) => byId.get(id));
    for (const share of shares) {
      const index = Math.floor(share * (rows.length - 1));
      const row = sorted[index];
      if (row === undefined) throw new Error('There is no such row.');
      const after: CursorPosition = { value: orderedValue(row, order.column), id: row.id };
      const stretch = {
        conditions: { resource: null, statuses: [], search: '' },
        orderBy: order.column,
        direction: order.isAscending ? SortDirection.ASC : SortDirection.DESC,
        start: { after },
        limit: LIMIT,
      };
      const found = await repository.list('org_demo', stretch, ['id', 'name']);
      const expected = sorted.slice(index + 1, index + 1 + LIMIT).map((each) => each?.id);
      expect(found.map(({ id }) => id)).toEqual(expected);
    }
  }

  /** What the database plans to do for the page behind each of the places. */
  async function plansAlong(order: Order): Promise<Record<string, unknown>[]> {
    const plans: Record<string, unknown>[] = [];
    const word = engine === 'MySQL' ? 'EXPLAIN FORMAT=TRADITIONAL' : 'EXPLAIN QUERY PLAN';
    await askAlong(order, async (sql, parameters) => {
      plans.push(...(await run(`${word} ${sql}`, parameters)));
      return run(sql, parameters);
    });
    return plans;
  }

  if (engine === 'MySQL') {
    it.each(orders)('by $orderBy $direction is a range of the order’s own index', async (order) => {
      const plans = (await plansAlong(order)).filter(({ table }) => table === 'exports');
      expect(plans.map(({ type, key }) => [type, key])).toEqual(
        shares.map(() => ['range', `exports_by_${order.column}`]),
      );
      for (const { Extra } of plans) {
        expect(Extra).toMatch(/Using index/);
        expect(Extra).not.toMatch(/filesort|temporary/);
      }
    });

    it.each(orders)(
      'by $orderBy $direction touches as little at the end as at the start',
      async (order) => {
        const touched: number[] = [];
        await askAlong(order, async (sql, parameters) => {
          await run('FLUSH STATUS');
          const found = await run(sql, parameters);
          const counters = await run(
            `SHOW SESSION STATUS
           WHERE Variable_name LIKE 'Handler_read%' OR Variable_name = 'Handler_icp_attempts'`,
          );
          touched.push(counters.reduce((sum, { Value }) => sum + Number(Value), 0));
          return found;
        });
        expect(touched).toHaveLength(shares.length);
        // A row counts several times: its entry in the index, its id in the list of the page, itself, and its place in
        // the order.
        expect(touched.filter((count) => count > 6 * LIMIT)).toEqual([]);
      },
    );
  } else {
    it.each(orders)(
      'by $orderBy $direction is sought by value and id in the order’s own index',
      async (order) => {
        const plans = await plansAlong(order);
        // Without the id, the search would start at the first of all rows that have the value.
        const beyond = order.isAscending ? '>' : '<';
        const sought = `(organization_id=? AND (${order.column},id)${beyond}(?,?))`;
        const searches = plans
          .map(({ detail }) => String(detail))
          .filter((detail) => / exports /.test(detail));
        expect(searches).toEqual(
          shares.map(
            () => `SEARCH exports USING COVERING INDEX exports_by_${order.column} ${sought}`,
          ),
        );
      },
    );
  }
});

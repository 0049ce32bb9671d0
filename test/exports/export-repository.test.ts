import { beforeAll, describe, expect, it } from '@jest/globals';

import { readCatalog, type Catalog } from '../../src/database/catalog.js';
import type { Database } from '../../src/database/database.js';
import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import type { CursorPosition } from '../../src/exports/export-cursor.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import {
  normalizeExportFilter,
  ExportSortDirection,
  type ExportOrderBy,
  type NormalizedExportFilter,
} from '../../src/exports/export-filter.js';
import { ExportRepository, type Changes } from '../../src/exports/export-repository.js';
import { RequestQueries } from '../../src/exports/request-queries.js';
import {
  exportColumns,
  ExportResource,
  ExportStatus,
  type Export,
} from '../../src/exports/export.js';
import { engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, exportRows, fileRow } from '../support/rows.js';
import { chronological, idsInOrder, orders, storedRow } from './lists.js';

/** How a database reads a table. `covering`: it reads the index alone; `sorted`: it sorts the rows after. */
interface Step {
  readonly table: string;
  readonly index: string | null;
  readonly access: string;
  readonly covering: boolean;
  readonly sorted: boolean;
}

type Run = (sql: string, parameters?: unknown[]) => Promise<Record<string, unknown>[]>;

const LIMIT = 11;
const { CONTACT, GROUP } = ExportResource;
const { COMPLETED, FAILED } = ExportStatus;

/** Four are created at a time, as by a nightly job. Most rows tie in the other orders. */
const rows = exportRows(6_000, (index) => ({
  createdAt: new Date(Date.UTC(2026, 10, 1) + Math.floor(index / 4) * 1_000),
  updatedAt: new Date(Date.UTC(2026, index % 3 === 0 ? 9 : 10, 1)),
  countBatches: index % 2,
  countTotal: 0,
  resource: index % 3 === 0 ? GROUP : CONTACT,
  status: index % 5 === 0 ? FAILED : COMPLETED,
  requestedBy: index % 7 < 2 ? 'ann' : 'bob',
}));

/** Within the ranges of every filter. */
const middle = rows[1_001] ?? exportRow(1_001);

/** A short list of another organization. */
const others = exportRows(30, (index) => ({
  id: exportId(10_000 + index),
  organizationId: 'org_other',
  countBatches: (index % 5) - 2,
  createdAt: new Date(index * 1_000_003 - 9_000_000),
}));

const now = new Date(Date.UTC(2026, 10, 3));
const noFilter = normalizeExportFilter({});
/** Of a third of the rows by creation, and two thirds by change. */
const creation = {
  gte: new Date(rows[900]?.createdAt ?? 0),
  lt: new Date(rows[2_900]?.createdAt ?? 0),
};
const change = { gte: new Date(Date.UTC(2026, 10, 1)), lt: now };
const filters = Object.entries({
  'no filter': {},
  'a resource': { resource: CONTACT },
  resources: { resources: [CONTACT, ExportResource.OTHER] },
  'a status': { statuses: [FAILED] },
  'statuses and a resource': { resource: GROUP, statuses: [COMPLETED, FAILED] },
  'a search': { search: 'rare' },
  'expired exports': { isExpired: true },
  'exports that have not expired': { isExpired: false },
  'a range of creation': { createdAt: creation },
  'an end of creation': { createdAt: { lt: creation.lt } },
  'a range of changes': { updatedAt: change },
  'a start of changes': { updatedAt: { gte: change.gte } },
  'both ranges': { createdAt: creation, updatedAt: change },
  'every filter': {
    ...{ resource: GROUP, statuses: [FAILED], search: 'rare', isExpired: true },
    ...{ createdAt: creation, updatedAt: change },
  },
}).map(([what, filter]) => ({ what, filter: normalizeExportFilter(filter) }));

/** The position after a row in an order, with the value as the database returns it. */
function positionAfter(row: Export, orderBy: ExportOrderBy): CursorPosition {
  const value = row[orderBy];
  return { id: row.id, value: value instanceof Date ? toSqlDateTime(value) : value };
}

const scopeOf = (organization: string, onlyRequestedBy: string | null = null) => ({
  organization,
  onlyRequestedBy,
});
const keysOf = <Values extends object>(values: Values) => Object.keys(values) as (keyof Values)[];
/** The exports of a requester, as its scope and as a filter in a wider scope. */
const ofAnn = (filter: NormalizedExportFilter) => [
  { ...ann, filter, now },
  { ...everyone, filter: { ...filter, requestedBy: 'ann' }, now },
];
const [everyone, ann] = [scopeOf('org_demo'), scopeOf('org_demo', 'ann')];

describe.each(engines)('the repository on $engine', (engine) => {
  const isMysql = engine.engine === 'MySQL';
  const gateway = useGateway(engine, {
    exports: [...rows, ...others],
    files: [...Array(3_000).keys()].map((index) => fileRow(index, ExportFileKind.CSV)),
  });
  const runDirectly: Run = (sql, parameters) => gateway.source.query(sql, parameters);

  let catalog: Catalog;
  beforeAll(async () => {
    await runDirectly(isMysql ? 'ANALYZE TABLE exports, export_files' : 'ANALYZE');
    catalog = await readCatalog(gateway.config.database.kind, (sql) => runDirectly(sql));
  });

  /** Returns a repository whose statements go through `run`. */
  function repositoryOn(run: Run = runDirectly): ExportRepository {
    const database: Database = {
      catalog,
      indexHint: (name) => (isMysql ? `FORCE INDEX (${name})` : `INDEXED BY "${name}"`),
      currentTimeSql: 'NULL',
      poolStats: () => [],
      close: () => Promise.resolve(),
      query: <Row>(sql: string, parameters: readonly unknown[] = []) =>
        run(sql, [...parameters]) as Promise<Row[]>,
    };
    return new ExportRepository(database, () => {});
  }

  /** Returns how the database reads the tables for the queries that `work` sends. */
  async function stepsOf(work: (repository: ExportRepository) => Promise<unknown>) {
    const steps: Step[] = [];
    const explain = isMysql ? explainOnMysql : explainOnSqlite;
    const repository = repositoryOn(async (sql, parameters) => {
      steps.push(...(await explain(runDirectly, sql, parameters)));
      return (await runDirectly(sql, parameters)).map(storedRow);
    });
    await work(repository);
    return steps.filter(({ table }) => ['exports', 'e', 'f'].includes(table));
  }

  const byPrimaryKey = expect.objectContaining({
    index: expect.stringMatching(/^(PRIMARY|sqlite_autoindex_\w+_1)$/),
  });

  it.each(filters.flatMap((filtered) => orders.map((order) => ({ ...filtered, ...order }))))(
    'lists with $what by $args along the index of the order, or sorts a range of another time',
    async ({ what, filter, ...order }) => {
      const { createdAt, updatedAt } = filter;
      const ranges = { ...(updatedAt && { updatedAt }), ...(createdAt && { createdAt }) };
      const along =
        order.orderBy in ranges ? order.orderBy : (keysOf(ranges).at(-1) ?? order.orderBy);
      const isNarrow = what === 'no filter' && order.orderBy === 'createdAt';
      const after = positionAfter(middle, order.orderBy);
      for (const start of [{ offset: 30 }, { cursor: after, offset: 0 }]) {
        const list = { ...everyone, filter, now, ...order };
        const window = { ...start, limit: LIMIT };
        const steps = await stepsOf((repository) =>
          repository.list(list, window, ['id'], new RequestQueries(everyone)),
        );
        expect(steps).toHaveLength(2);
        expect(steps).toContainEqual({
          table: 'exports',
          index: `exports_${isNarrow ? '' : 'filtered_'}by_${exportColumns[along]}`,
          access: expect.stringMatching(
            along in ranges ? `^range$|\\b${exportColumns[along]}[,id)]*[<>]` : '',
          ),
          covering: true,
          sorted: along !== order.orderBy,
        });
        expect(steps).toContainEqual(byPrimaryKey);
      }
    },
  );

  it.each(filters.flatMap((filtered) => orders.map((order) => ({ ...filtered, ...order }))))(
    'lists one requester with $what by $args from its part of one index, sorted by creation',
    async ({ filter, ...order }) => {
      const window = { cursor: positionAfter(middle, order.orderBy), offset: 0 };
      for (const list of ofAnn(filter)) {
        const steps = await stepsOf((repository) =>
          repository.list(
            { ...list, ...order },
            { ...window, limit: LIMIT },
            ['id'],
            new RequestQueries(list),
          ),
        );
        expect(steps).toHaveLength(2);
        expect(steps).toContainEqual({
          table: 'exports',
          index: 'exports_by_requester',
          access: expect.any(String),
          covering: true,
          sorted: order.orderBy !== 'createdAt',
        });
        expect(steps).toContainEqual(byPrimaryKey);
      }
    },
  );

  it('reads changes of several organizations from a range of one index, in its order', async () => {
    const start = positionAfter(rows[3_000] ?? exportRow(3_000), 'updatedAt');
    const pages = [
      { organization: 'org_demo', start: toSqlDateTime(new Date(Date.UTC(2026, 10, 2))) },
      { organization: 'org_demo', start: { ...start, value: String(start.value) } },
      { organization: 'org_other', start: toSqlDateTime(others[15]?.updatedAt ?? new Date(0)) },
    ];
    let changes: readonly Changes[] = [];
    const steps = await stepsOf(async (repository) => {
      changes = await repository.readChanges(pages);
    });
    const index = 'exports_filtered_by_updated_at';
    expect(steps).toMatchObject(pages.map(() => ({ index, sorted: false })));
    for (const { access } of steps) expect(access).toMatch(/^range$|updated_at(>|,id\)>)/);
    const expected = idsInOrder(rows, { ...chronological, orderBy: 'updatedAt' });
    const from = expected.indexOf(exportId(3_000)) + 1;
    const ids = changes.map((page) => page.rows.map(({ id }) => id));
    expect(ids[0]).toEqual([]);
    expect(ids[1]).toEqual(expected.slice(from, from + 1_000));
    expect(ids[2]).toEqual(others.slice(15).map(({ id }) => id));
    expect(changes.map(({ next }) => next?.id)).toEqual([undefined, ids[1]?.at(-1), undefined]);
  });

  it.each(filters)('counts one requester with $what from an index alone', async ({ filter }) => {
    for (const list of ofAnn(filter)) {
      const steps = await stepsOf((repository) => repository.count(list, new RequestQueries(list)));
      const index = 'exports_by_requester';
      expect(steps).toMatchObject([{ index, covering: true, sorted: false }]);
    }
  });

  it.each(filters)('counts with $what from an index alone', async ({ filter }) => {
    const list = { ...everyone, filter, now };
    const steps = await stepsOf((repository) =>
      repository.count(list, new RequestQueries(everyone)),
    );
    const { createdAt, updatedAt, search } = filter;
    const isByCreation = createdAt !== null || (updatedAt === null && search !== '');
    const ofRange = updatedAt === null ? 'by_resource_and_status' : 'filtered_by_updated_at';
    const index = isByCreation ? 'filtered_by_created_at' : ofRange;
    expect(steps).toMatchObject([{ index: `exports_${index}`, covering: true, sorted: false }]);
  });

  it.each([1, 20, 200])('finds %d exports and their files by primary keys', async (count) => {
    const ids = rows.slice(0, count).map(({ id }) => id);
    for (const scope of [everyone, ann]) {
      const steps = await stepsOf(async (repository) => {
        await repository.findByIds(new RequestQueries(scope), ids, ['id']);
        await repository.findFiles(new RequestQueries(scope), ids);
      });
      expect(steps).toEqual([byPrimaryKey, byPrimaryKey, byPrimaryKey]);
    }
  });

  it.each([
    { organization: 'org_demo', requester: null, count: 1 },
    { organization: 'org_other', requester: null, count: 0 },
    { organization: 'org_demo', requester: 'ann', count: 1 },
    ...['bob', 'Ann', 'ann ', 'an', 'null', "ann' OR '1'='1"].map((requester) => {
      return { organization: 'org_demo', requester, count: 0 };
    }),
    { organization: 'org_other', requester: 'ann', count: 0 },
  ])(
    "returns $count exports and files of org_demo's ann to $requester of $organization",
    async ({ organization, requester, count }) => {
      const queries = new RequestQueries(scopeOf(organization, requester));
      const ids = [exportId(1)];
      expect((await repositoryOn().findByIds(queries, ids, ['id'])).size).toBe(count);
      const files = await repositoryOn().findFiles(queries, ids);
      expect([...files.values()].flat()).toHaveLength(count);
    },
  );

  const wholeLists = orders.map((order) => ({ ...order, ...everyone, of: 'all' }));
  const listsOfAnn = orders
    .filter(({ orderBy }) => orderBy === 'createdAt')
    .map((order) => ({ ...order, ...ann, of: 'one requester' }));
  /** A range of the order has no other plan: the position is sought, and not the bound before it. */
  const ranges = orders.flatMap(({ orderBy, ...order }) => {
    if (orderBy !== 'createdAt' && orderBy !== 'updatedAt') return [];
    const times = { gte: new Date(0), lt: new Date(Date.UTC(2027, 0, 1)) };
    const filter = normalizeExportFilter({ [orderBy]: times });
    return [{ ...order, ...everyone, orderBy, filter, of: 'a range' }];
  });
  describe.each([...wholeLists, ...listsOfAnn, ...ranges])(
    'after a cursor of $of by $args',
    (order) => {
      const { orderBy, direction, onlyRequestedBy } = order;
      const { filter = noFilter } = order as { filter?: NormalizedExportFilter };
      const listed = rows.filter(
        ({ requestedBy }) => onlyRequestedBy === null || requestedBy === onlyRequestedBy,
      );
      const byId = new Map(listed.map((row) => [row.id, row]));
      const sorted = idsInOrder(listed, order).flatMap((id) => byId.get(id) ?? []);
      // MySQL scans an index this small where most rows follow the cursor. Of 300,000 rows it seeks
      // each position.
      const indexes = [0.5, 0.7, 0.9, 0.99].map((share) => Math.floor(share * sorted.length));

      /** Lists after rows throughout the list, and expects the correct rows. */
      async function listAlong(repository: ExportRepository): Promise<void> {
        for (const index of indexes) {
          const after = positionAfter(sorted[index] ?? exportRow(index), orderBy);
          const list = { ...order, filter, now };
          const window = { cursor: after, offset: 0, limit: LIMIT };
          const queries = new RequestQueries(order);
          const { rows: found } = await repository.list(list, window, ['id', 'name'], queries);
          const expected = sorted.slice(index + 1, index + 1 + LIMIT);
          expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        }
      }

      if (!isMysql) {
        it('seeks the position in the index of the order by value and id', async () => {
          const steps = await stepsOf(listAlong);
          const comparison = direction === ExportSortDirection.ASC ? '>' : '<';
          // Without the id, the search starts at the first row that ties.
          const requester = onlyRequestedBy === null ? '' : ' AND requested_by=?';
          const column = exportColumns[orderBy];
          const position = ` AND (${column},id)${comparison}(?,?)`;
          const bound =
            filter === noFilter ? '' : ` AND ${column}${comparison === '>' ? '<' : '>'}?`;
          const sought = comparison === '>' ? position + bound : bound + position;
          const access = `(organization_id=?${requester}${sought})`;
          const ofPage = steps.filter(({ table }) => table === 'exports');
          expect(ofPage.map((step) => step.access)).toEqual(indexes.map(() => access));
        });
        return;
      }

      it('touches as few rows at the end of the list as at its start', async () => {
        const runner = gateway.source.createQueryRunner();
        const touched: number[] = [];
        const repository = repositoryOn(async (sql, parameters) => {
          await runner.query('FLUSH STATUS');
          const found = (await runner.query(sql, parameters)) as Record<string, unknown>[];
          const counters = (await runner.query(
            `SHOW SESSION STATUS
           WHERE Variable_name LIKE 'Handler_read%' OR Variable_name = 'Handler_icp_attempts'`,
          )) as { Value: string }[];
          touched.push(counters.reduce((sum, { Value }) => sum + Number(Value), 0));
          return found;
        });
        await listAlong(repository).finally(() => runner.release());
        expect(touched).toHaveLength(indexes.length);
        // A row counts several times: in the index, in the list of ids, in its table and in the order.
        expect(touched.filter((count) => count > 6 * LIMIT)).toEqual([]);
      });
    },
  );

  it.each([
    ...[0, 1, 27, 253_402_300_799_999, -62_135_596_800_000, -62_167_219_200_000].map((number) => ({
      order: chronological,
      number,
    })),
    ...[0, -2, 2, 2_147_483_648, -2_147_483_649, 9_999_999_999_999, -9_999_999_999_999].map(
      (number) => ({ order: { ...chronological, orderBy: 'countBatches' } as const, number }),
    ),
  ])('lists what follows a position without a row: $order.orderBy $number', async (position) => {
    const { order, number } = position;
    const value = order === chronological ? toSqlDateTime(new Date(number)) : number;
    const scope = scopeOf('org_other');
    const list = { ...scope, filter: noFilter, now, ...order };
    for (const id of [
      ...[exportId(10_012), '!', '~'.repeat(26), "'OR(1=1)--", "');--", '\\', "\\'", '"', '%', '?'],
      ...['#', '/*', ':'],
    ]) {
      const window = { cursor: { value, id }, offset: 0, limit: 100 };
      const queries = new RequestQueries(scope);
      const { rows: found } = await repositoryOn().list(list, window, ['id'], queries);
      const following = others.filter((row) => {
        const distance = Number(row[order.orderBy]) - number;
        return distance > 0 || (distance === 0 && row.id > id);
      });
      const expected = idsInOrder(following, order);
      expect({ id, found: found.map((row) => row.id) }).toEqual({ id, found: expected });
    }
  });
});

async function explainOnMysql(run: Run, sql: string, parameters?: unknown[]): Promise<Step[]> {
  const plan = await run(`EXPLAIN FORMAT=TRADITIONAL ${sql}`, parameters);
  return plan.map(({ table, type, key, Extra }) => {
    // The ids of a page are a derived table, which is read as a whole.
    if (!String(table).startsWith('<')) expect(['ALL', 'index']).not.toContain(type);
    const extra = String(Extra);
    return {
      table: String(table),
      index: typeof key === 'string' ? key : null,
      access: String(type),
      covering: extra.includes('Using index') && !extra.includes('index condition'),
      sorted: /filesort|temporary/.test(extra),
    };
  });
}

async function explainOnSqlite(run: Run, sql: string, parameters?: unknown[]): Promise<Step[]> {
  const plan = await run(`EXPLAIN QUERY PLAN ${sql}`, parameters);
  return plan.flatMap(({ detail, parent }) => {
    const [, table, covering, index, access = ''] =
      /^(?:SEARCH|SCAN) (\w+)(?: USING (COVERING )?INDEX (\w+) ?(.*))?/.exec(String(detail)) ?? [];
    if (table === undefined) return [];
    const sorted = plan.some(
      (other) =>
        other['parent'] === parent && String(other['detail']).startsWith('USE TEMP B-TREE'),
    );
    return { table, index: index ?? null, access, covering: covering !== undefined, sorted };
  });
}

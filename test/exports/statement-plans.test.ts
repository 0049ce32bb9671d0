import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';

import type { Database } from '../../src/database/database.js';
import {
  ExportOrderBy,
  SortDirection,
  type NormalizedExportFilter,
} from '../../src/exports/export-args.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportRepository } from '../../src/exports/export-repository.js';
import { ExportResource, ExportStatus, type ExportRow } from '../../src/exports/export.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

/** One step of a plan, in the words that both databases can be told in. */
interface Step {
  readonly table: string;
  readonly index: string | null;
  /** Whether the index alone tells all that is asked. */
  readonly covering: boolean;
  /** Whether the rows of this step are put in order after they are read. */
  readonly sorted: boolean;
}

const nothing: NormalizedExportFilter = { resource: null, statuses: [], search: '' };
const conditions: readonly { what: string; given: NormalizedExportFilter }[] = [
  { what: 'no condition', given: nothing },
  { what: 'a resource', given: { ...nothing, resource: ExportResource.CONTACT } },
  { what: 'a status', given: { ...nothing, statuses: [ExportStatus.FAILED] } },
  {
    what: 'statuses and a resource',
    given: {
      ...nothing,
      resource: ExportResource.GROUP,
      statuses: [ExportStatus.COMPLETED, ExportStatus.FAILED],
    },
  },
  { what: 'a search', given: { ...nothing, search: 'rare' } },
  {
    what: 'all of them',
    given: { resource: ExportResource.GROUP, statuses: [ExportStatus.FAILED], search: 'rare' },
  },
];
const columns = ['id', 'name', 'status', 'createdAt'] as const;

const { createdAt, updatedAt, countBatches } = exportRow(1_000);
/** A place in the midst of the list: at its start, MySQL may scan the index instead of seeking in it. */
const valuesOfRow1000 = {
  [ExportOrderBy.CREATED_AT]: createdAt,
  [ExportOrderBy.UPDATED_AT]: updatedAt,
  [ExportOrderBy.COUNT_BATCHES]: countBatches,
  [ExportOrderBy.COUNT_TOTAL]: 1_000 % 7,
};

describe.each(engines)('the plan of a statement on $engine', ({ engine, provide }) => {
  let provided: EngineDatabase;
  let gateway: Gateway;
  let connection: Connection | null = null;
  let repository: ExportRepository;
  let steps: Step[] = [];

  beforeAll(async () => {
    provided = await provide();
    gateway = await startGateway(provided);
    const indexes = [...Array(3_000).keys()];
    await insertRows(gateway.source, {
      exports: indexes.map((index) =>
        exportRow(index, {
          resource: index % 3 ? ExportResource.CONTACT : ExportResource.GROUP,
          status: index % 5 ? ExportStatus.COMPLETED : ExportStatus.FAILED,
          countTotal: index % 7,
        }),
      ),
      files: indexes.slice(0, 500).map((index) => fileRow(index, ExportFileKind.CSV)),
    });
    await gateway.source.query(
      engine === 'MySQL' ? 'ANALYZE TABLE exports, export_files' : 'ANALYZE',
    );
    if (provided.config.kind === 'mysql') {
      connection = await createConnection({ uri: provided.config.url });
    }
    repository = new ExportRepository({ ...explaining });
  });

  afterAll(async () => {
    await connection?.end();
    await gateway.close();
    await provided.dispose();
  });

  /** A database that explains what it is asked, and finds nothing. */
  const explaining: Database = {
    indexHint: (name) => (engine === 'MySQL' ? `FORCE INDEX (${name})` : `INDEXED BY ${name}`),
    poolStats: () => [],
    close: () => Promise.resolve(),
    async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
      steps = connection
        ? await mysqlSteps(connection, sql, parameters)
        : await sqliteSteps(gateway, sql, parameters);
      return [];
    },
  };

  const explained = async (work: Promise<unknown>): Promise<Step[]> => {
    await work;
    return steps.filter(({ table }) => table === 'exports' || table === 'e' || table === 'f');
  };
  const byPrimaryKey = expect.objectContaining({
    index: expect.stringMatching(/^(PRIMARY|sqlite_autoindex_\w+_1)$/),
  });

  const orders = Object.values(ExportOrderBy).flatMap((orderBy) =>
    Object.values(SortDirection).map((direction) => ({ orderBy, direction })),
  );
  for (const { what, given } of conditions) {
    describe(`of a list with ${what}`, () => {
      it.each(
        orders.flatMap((order) => [
          { ...order, from: 'a page', start: { offset: 30 } },
          {
            ...order,
            from: 'a cursor',
            start: {
              after: { id: exportId(1_000), value: valuesOfRow1000[order.orderBy] },
            },
          },
        ]),
      )(
        'by $orderBy $direction from $from goes along an index, reads rows of the page alone, and sorts no other',
        async ({ orderBy, direction, start }) => {
          const stretch = { conditions: given, orderBy, direction, start, limit: 11 };
          const found = await explained(repository.list('org_demo', stretch, columns));
          const family = given === nothing ? 'exports_by' : 'exports_filtered_by';
          expect(found).toHaveLength(2);
          expect(found).toContainEqual({
            table: 'exports',
            index: `${family}_${orderBy}`,
            covering: true,
            sorted: false,
          });
          expect(found).toContainEqual(byPrimaryKey);
        },
      );
    });

    it(`of a count with ${what} is told by an index alone`, async () => {
      const [step, ...others] = await explained(repository.count('org_demo', given));
      expect(others).toEqual([]);
      expect(step).toMatchObject({
        index:
          given.search === '' ? 'exports_by_resource_and_status' : 'exports_filtered_by_created_at',
        covering: true,
        sorted: false,
      });
    });
  }

  it.each([1, 20, 200])('of a look-up of %d ids is by the primary key', async (count) => {
    const ids = [...Array(count).keys()].map(exportId);
    const work: Promise<ExportRow[]> = repository.findByIds('org_demo', ids, columns);
    expect(await explained(work)).toEqual([byPrimaryKey]);
  });

  it.each([1, 100])('of the files of %d exports is by the primary keys', async (count) => {
    const ids = [...Array(count).keys()].map(exportId);
    expect(await explained(repository.filesOf('org_demo', ids))).toEqual([
      byPrimaryKey,
      byPrimaryKey,
    ]);
  });
});

async function mysqlSteps(
  connection: Connection,
  sql: string,
  parameters: readonly unknown[],
): Promise<Step[]> {
  const [rows] = await connection.query<RowDataPacket[]>(`EXPLAIN FORMAT=TRADITIONAL ${sql}`, [
    ...parameters,
  ]);
  return rows.map(({ table, type, key, Extra }) => {
    // The ids of a page are a table of their own, which is read as a whole.
    if (!String(table).startsWith('<')) expect(['ALL', 'index']).not.toContain(type);
    return {
      table: String(table),
      index: key === null ? null : String(key),
      covering: String(Extra).includes('Using index') && !String(Extra).includes('index condition'),
      sorted: /filesort|temporary/.test(String(Extra)),
    };
  });
}

async function sqliteSteps(
  { source }: Gateway,
  sql: string,
  parameters: readonly unknown[],
): Promise<Step[]> {
  const rows = await source.query<{ detail: string; parent: number }[]>(
    `EXPLAIN QUERY PLAN ${sql}`,
    [...parameters],
  );
  return rows.flatMap(({ detail, parent }) => {
    const [, table, covering, index] =
      /^(?:SEARCH|SCAN) (\w+)(?: USING (COVERING )?INDEX (\w+))?/.exec(detail) ?? [];
    if (table === undefined) return [];
    const sorted = rows.some(
      (other) => other.parent === parent && other.detail.startsWith('USE TEMP B-TREE'),
    );
    return { table, index: index ?? null, covering: covering !== undefined, sorted };
  });
}

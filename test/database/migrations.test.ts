import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { createTestDataSource } from '../support/data-source.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { exportRow, fileRow, insertRows } from '../support/rows.js';

type Rows = readonly Readonly<Record<string, unknown>>[];

/** Columns and indexes that a later migration drops deliberately: running gateways need not have them. */
const retired = ['updated_at', 'count_batches', 'count_total'].map(
  (column) => `exports.exports_by_${column}`,
);

/** Whether a column or index, as `structure` tells it, has the columns of an earlier one. */
function isWithin(before: string, after: string): boolean {
  const [name, ...columns] = before.split(/[ (),]+/);
  const [nameAfter, ...columnsAfter] = after.split(/[ (),]+/);
  return name === nameAfter && columns.every((column) => columnsAfter.includes(column));
}

describe.each(engines)('the migrations on $engine', ({ engine, provide }) => {
  let database: EngineDatabase;
  let source: DataSource;

  beforeEach(async () => {
    database = await provide();
    source = await createTestDataSource(database.config);
    await source.initialize();
  });

  afterEach(async () => {
    await source.destroy();
    await database.dispose();
  });

  /** Runs the first migrations alone. */
  async function migrateTo(count: number): Promise<void> {
    const migrations = source.migrations.slice(0, count).map((each) => each.constructor);
    const earlier = new DataSource({ ...source.options, migrations: migrations as (() => void)[] });
    await earlier.initialize();
    await earlier.runMigrations();
    await earlier.destroy();
  }

  const insert = () =>
    insertRows(source, {
      exports: [
        exportRow(0, { name: 'Ünïcode 🎉', status: ExportStatus.FAILED }),
        exportRow(1, { startedAt: new Date('2026-11-01T10:00:00.123Z') }),
      ],
      files: Object.values(ExportFileKind).map((kind) => fileRow(1, kind, { sizeBytes: 2 ** 40 })),
      keys: [apiKeyRow(keyNamed('any'), 'org_demo')],
    });

  async function tables() {
    const runner = source.createQueryRunner();
    const found = await runner.getTables(source.entityMetadatas.map(({ tableName }) => tableName));
    await runner.release();
    return found.map(({ name, ...table }) => ({ ...table, name: name.replace(/^.*\./, '') }));
  }

  /** `table.column` or `table.index (column,column)`, sorted: MySQL returns them in any order. */
  async function structure(): Promise<string[]> {
    const names = (await tables()).flatMap(({ name: table, columns, indices }) => [
      ...columns.map(({ name }) => `${table}.${name}`),
      ...indices.map(
        ({ name, columnNames }) => `${table}.${name} (${columnNames.toSorted().join()})`,
      ),
    ]);
    return names.sort();
  }

  /** The rows of each table that exists. */
  async function rows(): Promise<Map<string, Rows>> {
    const found = new Map<string, Rows>();
    for (const { name } of await tables()) {
      found.set(name, await source.query(`SELECT * FROM ${name} ORDER BY 1, 2`));
    }
    return found;
  }

  /** The statements that would make the tables match the entities. */
  async function drift(): Promise<string[]> {
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  }

  /** Reduces rows to the columns of others. */
  const restrict = (all: Rows = [], [first = {}]: Rows): Rows =>
    all.map((row) => Object.fromEntries(Object.keys(first).map((column) => [column, row[column]])));

  it('create the tables of the entities, where a missing index is found as drift', async () => {
    await source.runMigrations();
    expect(await drift()).toEqual([]);
    const on = engine === 'MySQL' ? ' ON exports' : '';
    await source.query(`DROP INDEX exports_by_created_at${on}`);
    expect(await drift()).toHaveLength(1);
  });

  it('can be reverted and repeated step by step, and remove only their own columns', async () => {
    await source.runMigrations();
    await insert();
    const built = await structure();
    const expected = await rows();
    expect([...expected.values()].map(({ length }) => length).sort()).toEqual([1, 2, 4]);

    // Reverts the last, then the last two, and so on until the tables come back empty.
    for (let count = 1; count <= source.migrations.length; count += 1) {
      for (let reverted = 0; reverted < count; reverted += 1) await source.undoLastMigration();
      expect(await drift()).not.toEqual([]);
      const left = await rows();
      for (const [table, all] of left) expect(all).toEqual(restrict(expected.get(table), all));
      await source.runMigrations();
      expect(await structure()).toEqual(built);
      for (const [table, all] of await rows()) {
        const kept = left.get(table) ?? [];
        expect(restrict(all, kept)).toEqual(kept);
        expected.set(table, all);
      }
    }
    expect([...expected.values()].flat()).toEqual([]);
  });

  it('keep the columns and indexes that gateways of earlier releases use', async () => {
    let earlier: string[] = [];
    for (let count = 1; count <= source.migrations.length; count += 1) {
      await migrateTo(count);
      const now = await structure();
      // An index may get more columns.
      const lost = earlier.filter((before) => !now.some((after) => isWithin(before, after)));
      expect(lost.filter((each) => !retired.includes(each.split(' ')[0] ?? ''))).toEqual([]);
      earlier = now;
    }
    expect(earlier).toContain('exports.exports_by_created_at (created_at,id,organization_id)');
  });

  it('accept rows with only the columns of the first migration', async () => {
    await migrateTo(1);
    const names = (await structure()).flatMap((name) => /^exports\.(\w+)$/.exec(name)?.[1] ?? []);
    await source.runMigrations();
    await insert();
    const values = names.join().replace(/\bid\b/, "'exp_old_writer'");
    await source.query(
      `INSERT INTO exports (${names.join()}) SELECT ${values} FROM exports LIMIT 1`,
    );
    const written = await source.query<Rows>('SELECT id FROM exports');
    expect(written).toContainEqual({ id: 'exp_old_writer' });
  });
});

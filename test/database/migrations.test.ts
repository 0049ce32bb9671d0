import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { createTestDataSource } from '../support/data-source.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { exportRow, fileRow, insertRows } from '../support/rows.js';

type Rows = readonly Readonly<Record<string, unknown>>[];

/** Columns and indexes that a later migration drops on purpose: no running gateway uses them. */
const retired: readonly string[] = [];

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

  async function insert(): Promise<void> {
    await insertRows(source, {
      exports: Object.values(ExportStatus).map((status, index) =>
        exportRow(index, {
          name: `Ünïcode 🎉 ${index}`,
          status,
          startedAt: index === 1 ? new Date('2026-11-01T10:00:00.123Z') : null,
        }),
      ),
      files: Object.values(ExportFileKind).map((kind) => fileRow(2, kind, { sizeBytes: 2 ** 40 })),
      keys: [apiKeyRow(keyNamed('any'), 'org_demo')],
    });
  }

  /** The columns and indexes of each table that exists. */
  async function structure(): Promise<Map<string, { columns: string[]; indexes: string[] }>> {
    const runner = source.createQueryRunner();
    const tables = await runner.getTables(source.entityMetadatas.map(({ tableName }) => tableName));
    await runner.release();
    return new Map(
      tables.map(({ name, columns, indices }) => [
        name.replace(/^.*\./, ''),
        {
          columns: columns.map((column) => column.name).sort(),
          indexes: indices.map((index) => `${index.name ?? ''} (${index.columnNames.join()})`),
        },
      ]),
    );
  }

  /** The rows of each table that exists. */
  async function rows(): Promise<Map<string, Rows>> {
    const found = new Map<string, Rows>();
    for (const [table, { columns }] of await structure()) {
      const keys = columns.filter((column) => ['id', 'export_id', 'kind'].includes(column));
      found.set(table, await source.query(`SELECT * FROM ${table} ORDER BY ${keys.join()}`));
    }
    return found;
  }

  /** The statements that would make the tables match the entities. */
  async function drift(): Promise<string[]> {
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  }

  const restrict = (all: Rows = [], columns: readonly string[] = []): Rows =>
    all.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));

  it('create the tables of the entities, and a missing index is found', async () => {
    await source.runMigrations();
    expect(await drift()).toEqual([]);
    const on = engine === 'MySQL' ? ' ON exports' : '';
    await source.query(`DROP INDEX exports_by_created_at${on}`);
    expect(await drift()).toHaveLength(1);
  });

  it('can be reverted and repeated step by step, and lose only their own columns', async () => {
    await source.runMigrations();
    await insert();
    const built = await structure();
    const expected = await rows();
    expect([...expected.values()].map(({ length }) => length).sort()).toEqual([1, 4, 5]);

    // Reverts the last, then the last two, and so on until the tables come back empty.
    for (let count = 1; count <= source.migrations.length; count += 1) {
      for (let reverted = 0; reverted < count; reverted += 1) await source.undoLastMigration();
      expect(await drift()).not.toEqual([]);
      const left = await structure();
      for (const [table, all] of await rows()) {
        expect(all).toEqual(restrict(expected.get(table), left.get(table)?.columns));
      }
      await source.runMigrations();
      expect(await structure()).toEqual(built);
      for (const [table, all] of await rows()) {
        const columns = left.get(table)?.columns;
        const kept = columns && expected.get(table);
        expect(restrict(all, columns)).toEqual(restrict(kept, columns));
        expect(all).toHaveLength(kept?.length ?? 0);
        expected.set(table, all);
      }
    }
    expect([...expected.values()].flat()).toEqual([]);
  });

  it('keep the columns and indexes that gateways of earlier releases use', async () => {
    let earlier: string[] = [];
    for (let count = 1; count <= source.migrations.length; count += 1) {
      await migrateTo(count);
      const now = [...(await structure())].flatMap(([table, { columns, indexes }]) =>
        [...columns, ...indexes].map((name) => `${table}.${name}`),
      );
      const kept = earlier.filter((name) => !retired.includes(name));
      expect(now).toEqual(expect.arrayContaining(kept));
      earlier = now;
    }
    expect(earlier).toContain('exports.exports_by_created_at (organization_id,created_at,id)');
  });

  it('accept rows that are written as before each of them', async () => {
    await migrateTo(1);
    const { columns = [] } = (await structure()).get('exports') ?? {};
    await source.runMigrations();
    await insert();
    const names = columns.join();
    const values = names.replace(/\bid\b/, "'exp_old_writer'");
    await source.query(`INSERT INTO exports (${names}) SELECT ${values} FROM exports LIMIT 1`);
    const written = await source.query<Rows>('SELECT id FROM exports');
    expect(written).toContainEqual({ id: 'exp_old_writer' });
  });
});

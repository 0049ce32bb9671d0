import 'reflect-metadata';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';

import { ApiKey } from '../../src/auth/api-key.js';
import { createTestDataSource } from '../support/data-source.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { exportRow, fileRow, insertRows } from '../support/rows.js';

type Rows = readonly Readonly<Record<string, unknown>>[];

/** Columns and indexes that a later migration takes away on purpose: no gateway that still runs reads or names them. */
const retired: readonly string[] = [];

describe.each(engines)('the migrations on $engine, with rows in the tables', ({ provide }) => {
  let database: EngineDatabase;
  let source: DataSource;
  let count: number;

  beforeEach(async () => {
    database = await provide();
    source = await createTestDataSource(database.config);
    await source.initialize();
    count = source.migrations.length;
  });

  afterEach(async () => {
    await source.destroy();
    await database.dispose();
  });

  /** Builds the tables as they were after this many migrations. */
  async function migrateTo(number: number): Promise<void> {
    const { migrations } = source.options;
    if (!Array.isArray(migrations)) throw new Error('Migrations are listed one by one');
    const earlier = new DataSource({ ...source.options, migrations: migrations.slice(0, number) });
    await earlier.initialize();
    await earlier.runMigrations();
    await earlier.destroy();
  }

  async function fill(): Promise<void> {
    await insertRows(source, {
      exports: [0, 1, 2, 3].map((index) =>
        exportRow(index, {
          name: `Ünïcode 🎉 ${index}`,
          status: Object.values(ExportStatus)[index] ?? ExportStatus.COMPLETED,
          startedAt: index === 1 ? new Date('2026-11-01T10:00:00.123Z') : null,
        }),
      ),
      files: Object.values(ExportFileKind).map((kind) => fileRow(2, kind, { sizeBytes: 2 ** 40 })),
    });
    await source.getRepository(ApiKey).insert({
      id: 'key_1',
      organizationId: 'org_demo',
      name: 'Front end',
      keyHash: 'a'.repeat(64),
      createdAt: new Date('2026-11-01T10:00:00.123Z'),
      expiresAt: null,
      revokedAt: null,
    });
  }

  /** The columns of each table that there is, and the columns of its indexes by their names. */
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

  /** The rows of all tables that there are, as the database has them. */
  async function rows(): Promise<Map<string, Rows>> {
    const found = new Map<string, Rows>();
    for (const [table, { columns }] of await structure()) {
      const keys = columns.filter((column) => ['id', 'export_id', 'kind'].includes(column));
      found.set(table, await source.query(`SELECT * FROM ${table} ORDER BY ${keys.join()}`));
    }
    return found;
  }

  function restricted(all: Rows, columns: readonly string[]): Rows {
    return all.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
  }

  it('can be undone and done again, step by step, and lose no more than what they made themselves', async () => {
    await source.runMigrations();
    await fill();
    const built = await structure();
    const filled = await rows();
    expect([...filled.values()].map(({ length }) => length).sort()).toEqual([1, 4, 4]);

    // The last one, then the last two, until all of them are undone and the tables come back empty.
    for (let undone = 1; undone <= count; undone += 1) {
      for (let time = 0; time < undone; time += 1) await source.undoLastMigration();
      const left = await structure();
      for (const [table, all] of await rows()) {
        const { columns } = left.get(table) ?? { columns: [] };
        expect(all).toEqual(restricted(filled.get(table) ?? [], columns));
      }
      await source.runMigrations();
      expect(await structure()).toEqual(built);
      for (const [table, all] of await rows()) {
        const { columns } = left.get(table) ?? { columns: [] };
        const before = left.has(table) ? (filled.get(table) ?? []) : [];
        expect(restricted(all, columns)).toEqual(restricted(before, columns));
        filled.set(table, all);
      }
    }
    expect([...filled.values()]).toEqual([...filled.values()].map(() => []));
  });

  it('leave all columns and indexes of the migrations before, which gateways of before read and name', async () => {
    let earlier: string[] = [];
    for (let number = 1; number <= count; number += 1) {
      await migrateTo(number);
      const now = [...(await structure())].flatMap(([table, { columns, indexes }]) =>
        [...columns, ...indexes].map((name) => `${table}.${name}`),
      );
      expect(now).toEqual(
        expect.arrayContaining(earlier.filter((name) => !retired.includes(name))),
      );
      earlier = now;
    }
    expect(earlier).toContain('exports.exports_by_created_at (organization_id,created_at,id)');
  });

  it('take rows as they were written before each of them', async () => {
    await migrateTo(1);
    const { columns } = (await structure()).get('exports') ?? { columns: [] };
    await source.runMigrations();
    await fill();
    const [row] = await source.query<Rows>(`SELECT ${columns.join()} FROM exports`);
    const values = columns.map((column) =>
      column === 'id' ? 'exp_written_before' : row?.[column],
    );
    await source.query(
      `INSERT INTO exports (${columns.join()}) VALUES (${columns.map(() => '?').join()})`,
      values,
    );
    const written = `SELECT name FROM exports WHERE id = 'exp_written_before'`;
    expect(await source.query(written)).toEqual([{ name: row?.['name'] }]);
  });
});

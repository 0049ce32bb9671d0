import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';

import { readCatalog, type Catalog } from '../../src/database/catalog.js';
import { createTables, createTestDataSource } from '../support/data-source.js';
import { describeWith } from '../support/describe-with.js';
import { engines } from '../support/engines.js';
import { runSql } from '../support/exports-server.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

describe.each(engines)('the catalog on $engine', ({ engine, provide }) => {
  let database: Awaited<ReturnType<typeof provide>>;
  let source: DataSource;
  const read = () => readCatalog(database.config.kind, (sql) => source.query(sql));

  beforeAll(async () => {
    database = await provide();
    source = await createTestDataSource(database.config);
    await source.initialize();
  });
  afterAll(async () => {
    await source.destroy();
    await database.dispose();
  });

  it('lacks the tables that do not exist', async () => {
    expect(await read()).toEqual(new Map());
  });

  it('has the columns and indexes of the migrations', async () => {
    await source.runMigrations();
    const catalog = await read();
    expect([...catalog.keys()]).toEqual(['exports', 'export_files', 'api_keys']);
    for (const { tableName, columns, indices } of source.entityMetadatas) {
      const table = catalog.get(tableName as 'exports');
      const names = columns.map(({ databaseName }) => databaseName);
      expect([...(table?.columns.keys() ?? [])].sort()).toEqual(names.sort());
      const indexes = indices.map(({ name }) => name);
      expect([...(table?.indexes ?? [])]).toEqual(expect.arrayContaining(indexes));
      expect(table?.isView).toBe(false);
    }
    const columns = catalog.get('exports')?.columns;
    const text = (collation: string) =>
      engine === 'MySQL'
        ? { dataType: 'varchar', collation, equality: 'padded' }
        : { dataType: 'varchar', collation: null, equality: 'bytes' };
    expect(columns?.get('id')).toEqual({ ...text('ascii_bin'), isNullable: false });
    expect(columns?.get('requested_by')).toEqual({ ...text('utf8mb4_bin'), isNullable: true });
    expect(columns?.get('created_at')).toMatchObject({
      ...{ dataType: 'datetime', collation: null, isNullable: false },
    });
  });

  it('tells a view, whose columns it has, from a table', async () => {
    await source.query('DROP TABLE export_files');
    await source.query('CREATE VIEW export_files AS SELECT id AS EXPORT_ID, name FROM exports');
    const view = (await read()).get('export_files');
    expect([view?.isView, view?.indexes]).toEqual([true, new Set()]);
    expect([...(view?.columns.keys() ?? [])]).toEqual(['export_id', 'name']);
    expect(view?.columns.get('name')?.collation).toBe(engine === 'MySQL' ? 'utf8mb4_bin' : null);
  });
});

describeWith('mysql', 'the catalog on a MySQL server', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await createTables(mysqlConfig(database.url));
  });
  afterAll(() => database.drop());

  it('needs no more than SELECT on the tables', async () => {
    await database.query('CREATE VIEW old_exports AS SELECT * FROM exports');
    const user = await database.createUser();
    const read = (url: string): Promise<Catalog> => readCatalog('mysql', (sql) => runSql(url, sql));
    for (const table of ['exports', 'export_files', 'api_keys']) {
      await database.query(`GRANT SELECT ON ${table} TO ?`, [user.name]);
    }
    expect(await read(user.url)).toEqual(await read(database.url));
  });

  it('lacks an index that the optimizer may not use', async () => {
    const indexes = async () => {
      const catalog = await readCatalog('mysql', (sql) => database.query(sql));
      return [...(catalog.get('exports')?.indexes ?? [])];
    };
    const before = await indexes();
    const [{ version } = { version: '' }] = await database.query<{ version: string }>(
      'SELECT VERSION() AS version',
    );
    const invisible = version.includes('MariaDB') ? 'IGNORED' : 'INVISIBLE';
    await database.query(`ALTER TABLE exports ALTER INDEX exports_by_created_at ${invisible}`);
    expect(await indexes()).toEqual(before.filter((name) => name !== 'exports_by_created_at'));
  });
});

import 'reflect-metadata';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';

import { createTestDataSource } from '../support/data-source.js';
import { engines, type EngineDatabase } from '../support/engines.js';

describe.each(engines)('the migrations on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let source: DataSource;

  beforeAll(async () => {
    database = await provide();
    source = await createTestDataSource(database.config);
    await source.initialize();
    await source.runMigrations();
  });

  afterAll(async () => {
    await source.destroy();
    await database.dispose();
  });

  async function drift(): Promise<string[]> {
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  }

  it('build what the entities say', async () => {
    expect(await drift()).toEqual([]);
  });

  it('would be caught if they did not', async () => {
    await source.query(
      'DROP INDEX exports_by_created_at' + (source.options.type === 'mariadb' ? ' ON exports' : ''),
    );
    expect(await drift()).toHaveLength(1);
    await source.query(
      'CREATE INDEX exports_by_created_at ON exports (organization_id, created_at, id)',
    );
  });

  it('can be undone and done again', async () => {
    await source.undoLastMigration();
    expect(await drift()).not.toEqual([]);
    await source.runMigrations();
    expect(await drift()).toEqual([]);
  });
});

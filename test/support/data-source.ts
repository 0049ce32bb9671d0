import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../../src/config/database.js';
import { createDataSource } from '../../src/database/data-source.js';
import { entities } from '../../src/entities.js';
import { insertRows, type Rows } from './rows.js';

/** A data source that is not yet connected. */
export function createTestDataSource(config: DatabaseConfig): Promise<DataSource> {
  return createDataSource(config, entities);
}

/** Creates the gateway's tables in an empty database, with these rows. */
export async function createTables(config: DatabaseConfig, rows: Rows = {}): Promise<void> {
  const source = await createTestDataSource(config);
  await source.initialize();
  await source.runMigrations();
  await insertRows(source, rows);
  await source.destroy();
}

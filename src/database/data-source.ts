import { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../config/database.js';
import { StartupError } from '../errors.js';
import { CreateExports1790000000000 } from './migrations/1790000000000-create-exports.js';
import { CreateApiKeys1790100000000 } from './migrations/1790100000000-create-api-keys.js';
import { CoverFilters1790200000000 } from './migrations/1790200000000-cover-filters.js';
import { CoverRequesters1790300000000 } from './migrations/1790300000000-cover-requesters.js';
import { RestrictApiKeys1790400000000 } from './migrations/1790400000000-restrict-api-keys.js';
import { WidenIds1790500000000 } from './migrations/1790500000000-widen-ids.js';
import { CountProcessed1790600000000 } from './migrations/1790600000000-count-processed.js';
import { FailureCode1790700000000 } from './migrations/1790700000000-failure-code.js';
import { CoverDates1790800000000 } from './migrations/1790800000000-cover-dates.js';

/** The log of the migrations. `migrations`, the default, is also the name of Laravel's. */
export const MIGRATIONS_TABLE = 'exports_gateway_migrations';

/** The classes whose tables the database must have. */
export type Entities = readonly (new () => object)[];

/** Returns an unconnected data source. Throws StartupError when the driver cannot be loaded. */
export async function createDataSource(
  config: DatabaseConfig,
  entities: Entities,
): Promise<DataSource> {
  const common = {
    entities: [...entities],
    migrations: [
      CreateExports1790000000000,
      CreateApiKeys1790100000000,
      CoverFilters1790200000000,
      CoverRequesters1790300000000,
      RestrictApiKeys1790400000000,
      WidenIds1790500000000,
      CountProcessed1790600000000,
      FailureCode1790700000000,
      CoverDates1790800000000,
    ],
    migrationsTableName: MIGRATIONS_TABLE,
    // Silent unless DEBUG=typeorm:* is set. Errors are thrown.
    logger: 'debug' as const,
  };
  if (config.kind === 'embedded') {
    const { default: driver } = await loadEmbedded();
    // With WAL, readers and writers such as the commands do not block each other.
    const options = { driver, database: config.path, enableWAL: true };
    return new DataSource({ ...common, ...options, type: 'better-sqlite3' });
  }
  const mysql = await import('./mysql-driver.js');
  const credentials = { current: await mysql.readCredentials(config.primary) };
  const server = { ...mysql.connectionOptions(config.primary, credentials), connectTimeout: 5_000 };
  const createPool = (given: object) => mysql.createPool({ ...given, ...server });
  const options = { database: server.database, driver: { createPool } };
  // Also for MySQL: with 'mysql', TypeORM reports schema drift on MariaDB where there is none.
  return new DataSource({ ...common, ...options, type: 'mariadb' });
}

/** A binary, of which npm installs the one of its platform. */
async function loadEmbedded() {
  try {
    return await import('libsql');
  } catch (cause) {
    const problem = 'The database driver libsql cannot be loaded on this machine.';
    throw new StartupError([`${problem} Run npm ci again on this platform.`], { cause });
  }
}

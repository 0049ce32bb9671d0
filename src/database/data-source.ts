import type { PoolOptions } from 'mysql2';
import { DataSource, type DataSourceOptions } from 'typeorm';

import type { DatabaseConfig } from '../config/database.js';
import type { Logger } from '../logger.js';
import { loadDriver } from './driver.js';
import { CreateExports1790000000000 } from './migrations/1790000000000-create-exports.js';
import { CreateApiKeys1790100000000 } from './migrations/1790100000000-create-api-keys.js';
import { CoverFilters1790200000000 } from './migrations/1790200000000-cover-filters.js';
import { createPool, loadMysql, SAFE_ESCAPING, connectionOptions } from './mysql-driver.js';
import { StatementLogger } from './statement-logger.js';

/** The classes whose tables the database must have. */
export type Entities = readonly (new () => object)[];

/** The data source of a database, not yet connected. Throws StartupError when a driver is missing. */
export async function createDataSource(
  config: DatabaseConfig,
  { entities, logger }: { entities: Entities; logger: Logger },
): Promise<DataSource> {
  const common = {
    entities: [...entities],
    migrations: [CreateExports1790000000000, CreateApiKeys1790100000000, CoverFilters1790200000000],
    logger: new StatementLogger(logger),
  } satisfies Partial<DataSourceOptions>;
  if (config.kind === 'embedded') {
    return new DataSource({
      ...common,
      type: 'better-sqlite3',
      driver: await loadDriver('libsql', async () => (await import('libsql')).default),
      database: config.path,
      // Readers and the command line's writers do not wait for each other.
      enableWAL: true,
    });
  }
  const { user: username, ...server } = connectionOptions(config.url);
  const mysql2 = await loadMysql();
  return new DataSource({
    ...common,
    ...server,
    username,
    // MySQL and MariaDB alike: as 'mysql', TypeORM finds differences on MariaDB that there are none.
    type: 'mariadb',
    driver: {
      createPool: (options: PoolOptions) => createPool(mysql2, options, SAFE_ESCAPING),
    },
    connectTimeout: 5_000,
  });
}

import type mysql2 from 'mysql2';
import { DataSource, type DataSourceOptions } from 'typeorm';

import { ApiKey } from '../auth/api-key.js';
import type { DatabaseConfig } from '../config.js';
import { StartupError } from '../errors.js';
import { ExportFileRow } from '../exports/export-file.js';
import { Export } from '../exports/export.js';
import type { Logger } from '../logger.js';
import { CreateExports1790000000000 } from './migrations/1790000000000-create-exports.js';
import { CreateApiKeys1790100000000 } from './migrations/1790100000000-create-api-keys.js';
import { StatementLog } from './statement-log.js';

/** The data source of a database, not yet connected. Throws StartupError when a driver is missing. */
export async function createDataSource(
  config: DatabaseConfig,
  logger: Logger,
): Promise<DataSource> {
  const common = {
    entities: [Export, ExportFileRow, ApiKey],
    migrations: [CreateExports1790000000000, CreateApiKeys1790100000000],
    logger: new StatementLog(logger),
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
  const url = new URL(config.url);
  return new DataSource({
    ...common,
    // MySQL and MariaDB alike: as 'mysql', TypeORM finds differences on MariaDB that there are none.
    type: 'mariadb',
    driver: withSafeEscaping(await loadDriver('mysql2', () => import('mysql2'))),
    // Taken apart here, for TypeORM does not know an IPv6 address in a URL.
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 3306),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    timezone: 'Z',
    // The collation of the columns, so that LOWER means the same for a column and for a parameter.
    charset: 'utf8mb4_bin',
    connectTimeout: 5_000,
  });
}

/**
 * mysql2 writes parameters into the text of a statement and escapes them with backslashes. On a server that is set to
 * take a backslash for itself that would let a parameter break out, so every session unsets it first.
 */
function withSafeEscaping(driver: typeof mysql2) {
  return {
    createPool(options: mysql2.PoolOptions) {
      const pool = driver.createPool(options);
      pool.on('connection', (connection) => {
        connection.query(
          "SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')",
        );
      });
      return pool;
    },
  };
}

async function loadDriver<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new StartupError(
      [
        `The database driver ${name} cannot be loaded on this machine. Run npm ci once more, on this platform.`,
      ],
      { cause: error },
    );
  }
}

import { setTimeout as wait } from 'node:timers/promises';

import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../config/database.js';
import { errorCode, StartupError } from '../errors.js';
import type { Logger } from '../logger.js';
import { createDataSource, type Entities } from './data-source.js';
import { isOutage } from './mysql-errors.js';

const RETRY_PAUSE_MS = 1_000;

/**
 * A connected data source. The embedded database is brought up to date; another one is only checked, for the gateway may
 * do no more than read it.
 *
 * Waits up to `patienceMs` for a server that does not answer yet, since containers start in any order. Throws
 * StartupError when the database cannot be used; `setting` is what its words tell to correct.
 */
export async function connectDatabase(
  config: DatabaseConfig,
  {
    entities,
    logger,
    patienceMs = 30_000,
    migrate = config.kind === 'embedded',
    setting = 'DATABASE_URL',
  }: {
    entities: Entities;
    logger: Logger;
    patienceMs?: number;
    migrate?: boolean;
    setting?: string;
  },
): Promise<DataSource> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const source = await createDataSource(config, { entities, logger });
    try {
      await source.initialize();
      if (migrate) await source.runMigrations();
      else await source.query(schemaCheckSql(source));
      return source;
    } catch (error) {
      if (source.isInitialized) await source.destroy();
      if (!isOutage(error) || Date.now() + RETRY_PAUSE_MS > deadline) {
        throw startupError(config, setting, error);
      }
      logger.warn(
        `The database ${redactedUrl(config)} does not answer (${reasonOf(error)}). Trying again until ` +
          `${new Date(deadline).toISOString()}.`,
      );
      await wait(RETRY_PAUSE_MS);
    }
  }
}

/** Where a database is, without its credentials. */
export function redactedUrl(config: DatabaseConfig): string {
  if (config.kind === 'embedded') return config.path;
  const url = new URL(config.url);
  return `mysql://${url.host}${url.pathname}`;
}

/** A statement that reads nothing, of every table and by every index, so it fails when a table, a column or an index is missing. */
export function schemaCheckSql({ entityMetadatas }: DataSource): string {
  const columns = entityMetadatas.flatMap(({ tableName, columns: own }) =>
    own.map(({ databaseName }) => `${tableName}.${databaseName}`),
  );
  const tables = entityMetadatas.map(({ tableName, indices }) => {
    const names = indices.map(({ name }) => name).join(', ');
    return names === '' ? tableName : `${tableName} FORCE INDEX (${names})`;
  });
  return `SELECT ${columns.join(', ')} FROM ${tables.join(', ')} LIMIT 0`;
}

function startupError(config: DatabaseConfig, setting: string, error: unknown): StartupError {
  if (error instanceof StartupError) return error;
  const place = redactedUrl(config);
  const reason = reasonOf(error);
  const migrate =
    setting === 'DATABASE_URL'
      ? 'Run npm run migrate with this DATABASE_URL.'
      : 'Run npm run migrate with the DATABASE_URL that it follows, and see that it does.';
  const advice: Record<string, string> = {
    ER_ACCESS_DENIED_ERROR: `Check the user and the password in ${setting}.`,
    ER_DBACCESS_DENIED_ERROR: `Allow the user of ${setting} to read this database.`,
    ER_BAD_DB_ERROR: `Create the database that ${setting} names, or name another.`,
    ER_NO_SUCH_TABLE: migrate,
    ER_KEY_DOES_NOT_EXITS: migrate,
    ER_BAD_FIELD_ERROR: migrate,
    ER_TABLEACCESS_DENIED_ERROR: `Grant SELECT on its tables to the user of ${setting}.`,
  };
  const code = errorCode(error) ?? '';
  const words = isOutage(error)
    ? `The database ${place} does not answer (${reason}). Start it, or correct ${setting}.`
    : `The database ${place} cannot be used (${reason}). ${advice[code] ?? ''}`.trimEnd();
  return new StartupError([words], { cause: error });
}

/** What an error says, with its code. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message === '' ? error.name : error.message;
  const code = errorCode(error);
  return code === undefined || message.includes(code) ? message : `${code}: ${message}`;
}

import { setTimeout as wait } from 'node:timers/promises';

import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../config.js';
import { codeOf, StartupError } from '../errors.js';
import type { Logger } from '../logger.js';
import { createDataSource } from './data-source.js';
import { isOutage } from './outage.js';

const RETRY_PAUSE_MS = 1_000;

/**
 * A connected data source. The embedded database is brought up to date; another one is only checked, for the gateway may
 * do no more than read it.
 *
 * Waits up to `patienceMs` for a server that does not answer yet, since containers start in any order. Throws
 * StartupError when the database cannot be used.
 */
export async function connectDatabase(
  config: DatabaseConfig,
  {
    logger,
    patienceMs = 30_000,
    migrate = config.kind === 'embedded',
  }: { logger: Logger; patienceMs?: number; migrate?: boolean },
): Promise<DataSource> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const source = await createDataSource(config, logger);
    try {
      await source.initialize();
      if (migrate) await source.runMigrations();
      else await checkTables(source);
      return source;
    } catch (error) {
      if (source.isInitialized) await source.destroy();
      if (!isOutage(error) || Date.now() + RETRY_PAUSE_MS > deadline) {
        throw startupError(config, error);
      }
      logger.warn(
        `The database ${placeOf(config)} does not answer (${reasonOf(error)}). Trying again until ` +
          `${new Date(deadline).toISOString()}.`,
      );
      await wait(RETRY_PAUSE_MS);
    }
  }
}

/** Where a database is, without its credentials. */
export function placeOf(config: DatabaseConfig): string {
  if (config.kind === 'embedded') return config.path;
  const url = new URL(config.url);
  return `mysql://${url.host}${url.pathname}`;
}

/** Reads nothing from each table and by each index, which fails when a table, a column or an index is missing. */
async function checkTables(source: DataSource): Promise<void> {
  for (const { tableName, columns, indices } of source.entityMetadatas) {
    const names = columns.map((column) => column.databaseName).join(', ');
    const hints = indices.map(({ name }) => `FORCE INDEX (${name})`);
    for (const hint of ['', ...hints]) {
      await source.query(`SELECT ${names} FROM ${tableName} ${hint} LIMIT 0`);
    }
  }
}

function startupError(config: DatabaseConfig, error: unknown): StartupError {
  if (error instanceof StartupError) return error;
  const place = placeOf(config);
  const reason = reasonOf(error);
  const advice: Record<string, string> = {
    ER_ACCESS_DENIED_ERROR: 'Check the user and the password in DATABASE_URL.',
    ER_DBACCESS_DENIED_ERROR: 'Allow the user of DATABASE_URL to read this database.',
    ER_BAD_DB_ERROR: 'Create the database that DATABASE_URL names, or name another.',
    ER_NO_SUCH_TABLE: 'Run npm run migrate with this DATABASE_URL.',
    ER_KEY_DOES_NOT_EXITS: 'Run npm run migrate with this DATABASE_URL.',
    ER_BAD_FIELD_ERROR: 'Run npm run migrate with this DATABASE_URL.',
    ER_TABLEACCESS_DENIED_ERROR: 'Grant SELECT on its tables to the user of DATABASE_URL.',
  };
  const code = codeOf(error) ?? '';
  const words = isOutage(error)
    ? `The database ${place} does not answer (${reason}). Start it, or correct DATABASE_URL.`
    : `The database ${place} cannot be used (${reason}). ${advice[code] ?? ''}`.trimEnd();
  return new StartupError([words], { cause: error });
}

/** What an error says, with its code. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message === '' ? error.name : error.message;
  const code = codeOf(error);
  return code === undefined || message.includes(code) ? message : `${code}: ${message}`;
}

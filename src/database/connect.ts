import { setTimeout as wait } from 'node:timers/promises';

import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../config/database.js';
import { errorCode, StartupError } from '../errors.js';
import type { Logger } from '../logger.js';
import { readCatalog, TABLES, type TableName } from './catalog.js';
import { createDataSource, type Entities } from './data-source.js';
import { migrateTables } from './migrate.js';
import { describeError, isOutage } from './mysql-errors.js';
import { wasPlain } from './mysql-tls.js';
import { checkSchema } from './schema-check.js';

const RETRY_INTERVAL_MS = 1_000;

export interface ConnectOptions {
  readonly entities: Entities;
  readonly logger: Logger;
  /** The tables that must exist; default: all. */
  readonly tables?: readonly TableName[];
}

/**
 * Connects. Migrates the embedded database, and only checks the schema of a server. Retries for
 * `maxWaitMs`, because containers start in any order. Throws StartupError, naming `variable`.
 */
export async function connectDatabase(
  config: DatabaseConfig,
  {
    maxWaitMs = 30_000,
    migrate = config.kind === 'embedded',
    variable = 'DATABASE_URL',
    tables = TABLES,
    entities,
    logger,
  }: ConnectOptions & { maxWaitMs?: number; migrate?: boolean; variable?: string },
): Promise<DataSource> {
  const deadline = Date.now() + maxWaitMs;
  for (;;) {
    const source = await createDataSource(config, entities);
    try {
      await source.initialize();
      if (migrate) await migrateTables(source, { logger });
      else {
        const catalog = await readCatalog(config.kind, (sql) => source.query(sql));
        await checkSchema(source, catalog, tables);
      }
      return source;
    } catch (error) {
      if (source.isInitialized) await source.destroy();
      if (!isOutage(error) || Date.now() + RETRY_INTERVAL_MS > deadline) {
        throw startupError(config, variable, error);
      }
      const retry = `Retrying until ${new Date(deadline).toISOString()}.`;
      const problem = `does not respond (${describeError(error)})`;
      logger.warn(`The database ${redactedUrl(config)} ${problem}. ${retry}`);
      await wait(RETRY_INTERVAL_MS);
    }
  }
}

export function redactedUrl(config: DatabaseConfig): string {
  return config.kind === 'embedded' ? config.path : config.primary.name;
}

function startupError(config: DatabaseConfig, variable: string, cause: unknown): StartupError {
  if (cause instanceof StartupError) return cause;
  const migrate =
    variable === 'DATABASE_URL'
      ? 'Run npm run migrate with this DATABASE_URL.'
      : 'Run npm run migrate with the DATABASE_URL of its primary, and check the replication.';
  const isPlain = config.kind === 'mysql' && wasPlain(config.primary);
  const requireTls = `set ssl-mode=REQUIRED in ${variable} if the server offers TLS`;
  const advice: Record<string, string> = {
    ER_ACCESS_DENIED_ERROR: isPlain
      ? `Check the user and the password in ${variable}. The connection was not encrypted, which the server may require of this user: ${requireTls}.`
      : `Check the user and the password in ${variable}, and ssl-cert if the user needs one.`,
    ER_SECURE_TRANSPORT_REQUIRED: `The connection was not encrypted, which the server requires: ${requireTls}.`,
    HANDSHAKE_NO_SSL_SUPPORT: `The server does not offer TLS: configure it there, or set ssl-mode=PREFERRED in ${variable}.`,
    HANDSHAKE_SSL_ERROR: `Correct ssl-ca, or the host, in ${variable}: the certificate of the server must be signed by this CA and, for VERIFY_IDENTITY, name this host.`,
    ER_DBACCESS_DENIED_ERROR: `Allow the user of ${variable} to read this database.`,
    ER_BAD_DB_ERROR: `Create the database that ${variable} names, or name another.`,
    ER_NO_SUCH_TABLE: migrate,
    ER_BAD_FIELD_ERROR: migrate,
    MISSING_COLUMNS: migrate,
    MISSING_COLUMNS_OF_VIEW: 'Add them to the view: see docs/adopting-your-tables.md.',
    ER_VIEW_INVALID: 'Correct the view, or grant SELECT on its tables to its definer.',
    ER_TABLEACCESS_DENIED_ERROR: `Grant SELECT on its tables to the user of ${variable}.`,
  };
  const [problem, remedy] = isOutage(cause)
    ? ['does not respond', `Start it, or correct ${variable}.`]
    : ['cannot be used', advice[errorCode(cause) ?? ''] ?? ''];
  const sentence = `The database ${redactedUrl(config)} ${problem} (${describeError(cause)}).`;
  return new StartupError([`${sentence} ${remedy}`.trimEnd()], { cause });
}

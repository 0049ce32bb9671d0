import type { DataSource } from 'typeorm';

import type { DatabaseConfig, MysqlServer } from '../config/database.js';
import { errorCode, StartupError } from '../errors.js';
import type { Logger } from '../logger.js';
import { readCatalog, TABLES, type Catalog } from './catalog.js';
import { connectDatabase, type ConnectOptions } from './connect.js';
import type { Database, QueryOrigin } from './database.js';
import { createIndexStatements, MissingIndexes } from './missing-indexes.js';
import { toGatewayError } from './mysql-errors.js';
import { schemaCheckSql } from './schema-check.js';
import type { SqlValue } from './sql-format.js';

/** Runs `prepare`, which may write, before the first query. Throws StartupError. */
export async function openDatabase(
  config: DatabaseConfig,
  {
    prepare,
    reread = null,
    ...options
  }: ConnectOptions & {
    prepare?: (source: DataSource) => Promise<void>;
    reread?: (() => Promise<DatabaseConfig>) | null | undefined;
  },
): Promise<Database> {
  const source = await connectDatabase(config, options);
  await prepare?.(source);
  const { logger } = options;
  const schema = {
    catalog: await readCatalog(config.kind, (sql) => source.query(sql)),
    indexStatements: createIndexStatements(source, 'exports'),
  };
  if (config.kind === 'embedded') return embeddedDatabase(source, { ...schema, logger });
  await source.destroy();
  const checks = config.replicas.map((server) => checkReplica(server, options));
  const problems = (await Promise.all(checks)).filter((problem) => problem !== null);
  if (problems.length > 0) throw new StartupError(problems);
  const { mysqlDatabase } = await import('./mysql-database.js');
  const replicaProbe = schemaCheckSql(source, schema.catalog, options.tables ?? TABLES);
  return mysqlDatabase(config, { ...schema, replicaProbe, reread, logger });
}

function embeddedDatabase(
  source: DataSource,
  { catalog, indexStatements, logger }: EmbeddedOptions,
): Database {
  const missingIndexes = new MissingIndexes(indexStatements, 'the embedded database', logger);
  return {
    catalog,
    async query<Row>(sql: string, parameters: readonly SqlValue[] = [], origin?: QueryOrigin) {
      origin?.onStart?.();
      async function run(statement: string): Promise<Row[]> {
        try {
          const rows = await source.query<Row[]>(statement, [...parameters]);
          missingIndexes.onSuccess(statement);
          return rows;
        } catch (error) {
          const unhinted = missingIndexes.onError(statement, error);
          if (unhinted !== undefined) return run(unhinted);
          throw toGatewayError(error, sql);
        }
      }
      return run(missingIndexes.apply(sql));
    },
    indexHint: (name) => `INDEXED BY "${name}"`,
    currentTimeSql: "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    poolStats: () => [],
    close: () => source.destroy(),
  };
}

interface EmbeddedOptions {
  readonly catalog: Catalog;
  readonly indexStatements: ReadonlyMap<string, string>;
  readonly logger: Logger;
}

/** The problem of a replica that denies access; null also for one that is down, with a warning. */
async function checkReplica(primary: MysqlServer, options: ConnectOptions): Promise<string | null> {
  const connectOptions = { ...options, maxWaitMs: 0, variable: 'DATABASE_REPLICA_URLS' };
  try {
    const source = await connectDatabase({ kind: 'mysql', primary, replicas: [] }, connectOptions);
    await source.destroy();
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    if (errorCode(error.cause)?.includes('ACCESS_DENIED')) return error.message;
    options.logger.warn(`${error.message} Until then the gateway does not use it.`);
  }
  return null;
}

import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../config/database.js';
import { errorCode, StartupError } from '../errors.js';
import type { Logger } from '../logger.js';
import { connectDatabase, schemaCheckSql } from './connect.js';
import type { Entities } from './data-source.js';
import type { Database } from './database.js';
import { EmbeddedDatabase } from './embedded-database.js';
import { MysqlDatabase } from './mysql-database.js';

/**
 * The configured database, checked and ready to be read. `prepare` may write to it before. Throws StartupError when it
 * cannot be used.
 */
export async function openDatabase(
  config: DatabaseConfig,
  {
    entities,
    logger,
    prepare,
  }: { entities: Entities; logger: Logger; prepare?: (source: DataSource) => Promise<void> },
): Promise<Database> {
  const source = await connectDatabase(config, { entities, logger });
  await prepare?.(source);
  if (config.kind === 'embedded') return new EmbeddedDatabase(source);
  await source.destroy();
  const checks = (config.replicaUrls ?? []).map((url) => checkReplica(url, { entities, logger }));
  const problems = (await Promise.all(checks)).filter((problem) => problem !== null);
  if (problems.length > 0) throw new StartupError(problems);
  return MysqlDatabase.open(config, { replicaProbe: schemaCheckSql(source), logger });
}

/**
 * What is wrong with the configuration of a replica; null: nothing. That it is away, or behind a migration, keeps no gateway
 * from starting: it will be asked when it can serve.
 */
async function checkReplica(
  url: string,
  { entities, logger }: { entities: Entities; logger: Logger },
): Promise<string | null> {
  const config: DatabaseConfig = { kind: 'mysql', url };
  try {
    const options = { entities, logger, patienceMs: 0, setting: 'DATABASE_REPLICA_URLS' };
    await (await connectDatabase(config, options)).destroy();
    return null;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    if (denials.has(errorCode(error.cause) ?? '')) return error.message;
    logger.warn(`${error.message} Until then it is not read.`);
    return null;
  }
}

/** What no waiting mends. */
const denials = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
]);

import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../config.js';
import { codeOf, StartupError } from '../errors.js';
import type { Logger } from '../logger.js';
import { connectDatabase, probeOfTables } from './connect.js';
import type { Database } from './database.js';
import { EmbeddedDatabase } from './embedded-database.js';
import { MysqlDatabase } from './mysql-database.js';

/**
 * The configured database, checked and ready to be read. `prepare` may write to it before. Throws StartupError when it
 * cannot be used.
 */
export async function openDatabase(
  config: DatabaseConfig,
  { logger, prepare }: { logger: Logger; prepare?: (source: DataSource) => Promise<void> },
): Promise<Database> {
  const source = await connectDatabase(config, { logger });
  await prepare?.(source);
  if (config.kind === 'embedded') return new EmbeddedDatabase(source);
  await source.destroy();
  const checks = (config.replicaUrls ?? []).map((url) => checkReplica(url, logger));
  const problems = (await Promise.all(checks)).filter((problem) => problem !== null);
  if (problems.length > 0) throw new StartupError(problems);
  return MysqlDatabase.open(config, { replicaProbe: probeOfTables(source), logger });
}

/**
 * What is wrong with the configuration of a replica; null: nothing. That it is away, or behind a migration, keeps no gateway
 * from starting: it will be asked when it can serve.
 */
async function checkReplica(url: string, logger: Logger): Promise<string | null> {
  const config: DatabaseConfig = { kind: 'mysql', url };
  try {
    const options = { logger, patienceMs: 0, setting: 'DATABASE_REPLICA_URLS' };
    await (await connectDatabase(config, options)).destroy();
    return null;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    if (denials.has(codeOf(error.cause) ?? '')) return error.message;
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

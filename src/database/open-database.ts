import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../config.js';
import type { Logger } from '../logger.js';
import { connectDatabase } from './connect.js';
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
    logger,
    prepare,
  }: { logger: Logger; prepare?: ((source: DataSource) => Promise<void>) | undefined },
): Promise<Database> {
  const source = await connectDatabase(config, { logger });
  await prepare?.(source);
  if (config.kind === 'embedded') return new EmbeddedDatabase(source);
  await source.destroy();
  return MysqlDatabase.open(config, logger);
}

import type { MysqlServer } from '../../src/config/database.js';
import { connectionOptions, readCredentials } from '../../src/database/mysql-driver.js';
import { MysqlPool } from '../../src/database/mysql-pool.js';
import type { TickClock } from '../../src/database/tick-clock.js';
import { createLogger } from '../../src/logger.js';
import { RenewableValue } from '../../src/renewable-value.js';

/** A pool that logs nothing and knows no indexes. */
export async function createPool(server: MysqlServer, clock: TickClock): Promise<MysqlPool> {
  const logger = createLogger('silent');
  const options = { name: 'The credentials', logger };
  const credentials = new RenewableValue(await readCredentials(server), null, options);
  return new MysqlPool(server, credentials, clock, { logger, indexStatements: new Map() });
}

/** How mysql2 connects to a server. */
export async function optionsOf(server: MysqlServer) {
  return connectionOptions(server, { current: await readCredentials(server) });
}

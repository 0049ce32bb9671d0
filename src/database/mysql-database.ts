import type { Pool } from 'mysql2';

import type { Logger } from '../logger.js';
import type { Database } from './database.js';
import { createPool, loadMysql, SAFE_ESCAPING, serverOptions } from './mysql-driver.js';
import { thrownFor } from './outage.js';

/**
 * A MySQL or MariaDB server, by a pool of mysql2's own: TypeORM would build an object of its own around every statement,
 * which costs more than all that mysql2 does.
 */
export class MysqlDatabase implements Database {
  private constructor(
    private readonly pool: Pool,
    private readonly logger: Logger,
  ) {}

  static async open(url: string, logger: Logger): Promise<MysqlDatabase> {
    const options = { ...serverOptions(url), dateStrings: true, supportBigNumbers: true };
    return new MysqlDatabase(createPool(await loadMysql(), options, SAFE_ESCAPING), logger);
  }

  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    this.logger.debug({ sql }, 'statement');
    // The text protocol, for a prepared COUNT(*) may become a scan of the whole table on MariaDB once another statement
    // has run on its connection, and mysql2 drops the .000 of a time that comes by the binary one.
    return new Promise((resolve, reject) => {
      this.pool.query(sql, [...parameters], (error, rows) => {
        if (error === null) resolve(rows as Row[]);
        else reject(thrownFor(error, sql));
      });
    });
  }

  byIndex(name: string): string {
    return `FORCE INDEX (${name})`;
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pool.end((error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }
}

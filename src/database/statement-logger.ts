import type { Logger as TypeOrmLogger } from 'typeorm';

import type { Logger } from '../logger.js';

/**
 * Writes what TypeORM does to the gateway's log: statements at debug, migrations at info. Parameters are left out, for
 * they are the data of people. Errors are not logged here; they are thrown.
 */
export class StatementLogger implements TypeOrmLogger {
  constructor(private readonly logger: Logger) {}

  logQuery(sql: string): void {
    this.logger.debug({ sql }, 'statement');
  }

  logQueryError(): void {}

  logQuerySlow(): void {}

  logSchemaBuild(): void {}

  logMigration(message: string): void {
    this.logger.info(message);
  }

  log(level: 'log' | 'info' | 'warn', message: unknown): void {
    if (level === 'warn') this.logger.warn(String(message));
    else this.logger.debug(String(message));
  }
}

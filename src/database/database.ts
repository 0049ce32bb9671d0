import type { DataSource } from 'typeorm';

import { ServiceUnavailableError } from '../errors.js';

/** The database as the gateway reads it: statements with parameters in, rows out. */
export class Database {
  constructor(private readonly source: DataSource) {}

  /**
   * The rows of a statement; each `?` in it takes one parameter.
   *
   * Throws ServiceUnavailableError when the database cannot be reached.
   */
  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    try {
      return await this.source.query<Row[]>(sql, [...parameters]);
    } catch (error) {
      const cause = withoutValues(error);
      throw isOutage(cause) ? new ServiceUnavailableError({ cause }) : cause;
    }
  }

  /** What stands behind a table's name in a statement that is to read the table by this index. */
  byIndex(name: string): string {
    return this.source.options.type === 'mariadb' ? `FORCE INDEX (${name})` : `INDEXED BY ${name}`;
  }

  async close(): Promise<void> {
    await this.source.destroy();
  }
}

/** An error without the values of its statement: it will be logged, and they are the data of people. */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const driverError = 'driverError' in error ? error.driverError : undefined;
  for (const each of [error, driverError]) {
    if (!(each instanceof Error)) continue;
    // TypeORM keeps the parameters beside the statement, mysql2 a statement with the values written into it.
    Reflect.deleteProperty(each, 'parameters');
    Reflect.deleteProperty(each, 'sql');
  }
  return error;
}

const outageCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'ER_CON_COUNT_ERROR',
  'ER_QUERY_TIMEOUT',
  'ER_SERVER_SHUTDOWN',
  'ER_STATEMENT_TIMEOUT',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'PROTOCOL_CONNECTION_LOST',
  'SQLITE_BUSY',
]);

/** Whether an error says that the database is out of reach rather than that the statement is wrong. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // TypeORM wraps errors of statements, not those of connecting.
  const cause = 'driverError' in error ? error.driverError : error;
  return (
    cause instanceof Object &&
    'code' in cause &&
    typeof cause.code === 'string' &&
    outageCodes.has(cause.code)
  );
}

import { ServiceUnavailableError } from '../errors.js';

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

/**
 * A driver's error as the gateway throws it: an outage as such, anything else as it is. Either way it names the statement
 * without the values that the drivers put beside or into it: it will be logged, and they are the data of people.
 */
export function thrownFor(error: unknown, sql: string): Error {
  if (!(error instanceof Error)) return new Error('The database driver threw no error.');
  // TypeORM wraps the driver's error, and mysql2 writes the values into the statement that it keeps.
  for (const each of [error, 'driverError' in error ? error.driverError : null]) {
    if (!(each instanceof Error)) continue;
    Reflect.deleteProperty(each, 'parameters');
    Object.assign(each, { sql });
  }
  return isOutage(error) ? new ServiceUnavailableError({ cause: error }) : error;
}

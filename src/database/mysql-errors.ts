import { errorCode, ServiceUnavailableError } from '../errors.js';

/** A server was given up while a statement waited for it. */
export class UnreachableError extends Error {
  constructor(place: string, options?: ErrorOptions) {
    super(`${place} does not answer`, options);
    this.name = 'UnreachableError';
  }
}

/** A statement got no answer in time. */
export class DeadlineError extends Error {
  constructor(place: string) {
    super(`${place} did not answer this statement in time`);
    this.name = 'DeadlineError';
  }
}

/** How servers say that they have ended a statement, by number: mysql2 knows no names of MariaDB's own errors. */
const ended = new Set([
  1205, // ER_LOCK_WAIT_TIMEOUT
  1317, // ER_QUERY_INTERRUPTED
  1969, // ER_STATEMENT_TIMEOUT, of MariaDB
  3024, // ER_QUERY_TIMEOUT, of MySQL
]);

/** How they say that they take no more connections; those that are open go on. */
const full = new Set([
  1040, // ER_CON_COUNT_ERROR
  1203, // ER_TOO_MANY_USER_CONNECTIONS
  1226, // ER_USER_LIMIT_REACHED
]);

/** How they say good-bye, or that they cannot serve at the moment. */
const gone = new Set([
  1041, // ER_OUT_OF_RESOURCES
  1047, // ER_UNKNOWN_COM_ERROR, of a Galera node that is not part of its cluster
  1053, // ER_SERVER_SHUTDOWN
  1080, // ER_FORCING_CLOSE
  1129, // ER_HOST_IS_BLOCKED
  1152, // ER_ABORTING_CONNECTION
  1184, // ER_NEW_ABORTING_CONNECTION
  1927, // ER_CONNECTION_KILLED, of MariaDB
  3169, // ER_SESSION_WAS_KILLED, of MySQL
  4031, // ER_CLIENT_INTERACTION_TIMEOUT, of MySQL
]);

/** Whether an error says that the database is out of reach or too slow, rather than that the statement is wrong. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // TypeORM wraps errors of statements, not those of connecting.
  if ('driverError' in error) return isOutage(error.driverError);
  if (error instanceof UnreachableError || isTimeout(error) || isConnectionLimitError(error))
    return true;
  return (
    gone.has(numberOf(error)) || isBrokenConnection(error) || errorCode(error) === 'SQLITE_BUSY'
  );
}

/** Whether the statement took too long: another server would hardly be faster. */
export function isTimeout(error: Error): boolean {
  return error instanceof DeadlineError || ended.has(numberOf(error));
}

/** Whether the server lives but has no connection to give. */
export function isConnectionLimitError(error: Error): boolean {
  return full.has(numberOf(error));
}

/** Whether it was the way to the server that failed, as far as mysql2 can tell: the server has said nothing. */
function isBrokenConnection(error: Error): boolean {
  if (numberOf(error) > 0) return false;
  const isFatal = 'fatal' in error && error.fatal === true;
  return (
    isFatal || /^PROTOCOL_/.test(errorCode(error) ?? '') || error.message === 'Pool is closed.'
  );
}

/** The number of what a server says; those that Node gives errors of the network are negative. */
function numberOf(error: Error): number {
  return 'errno' in error && typeof error.errno === 'number' ? error.errno : 0;
}

/**
 * A driver's error as the gateway throws it: an outage as such, anything else as it is. Either way it names the statement
 * without the values that the drivers put beside or into it: it will be logged, and they are the data of people.
 */
export function toGatewayError(error: unknown, sql: string): Error {
  if (!(error instanceof Error)) return new Error('The database driver threw no error.');
  // TypeORM wraps the driver's error, and mysql2 writes the values into the statement that it keeps.
  for (const each of [error, 'driverError' in error ? error.driverError : null]) {
    if (!(each instanceof Error)) continue;
    Reflect.deleteProperty(each, 'parameters');
    Object.assign(each, { sql });
  }
  return isOutage(error) ? new ServiceUnavailableError({ cause: error }) : error;
}

import { errorCode, ServiceUnavailableError, toError } from '../errors.js';

/** A server did not respond before the deadline of a query, or failed before it. */
export class NoResponseError extends Error {
  constructor(server: string, options?: ErrorOptions) {
    super(`${server} did not respond in time`, options);
  }
}

// By number, because mysql2 does not know the names of MariaDB's own errors.
/** Lock wait timeout, query interrupted, statement timeout of MariaDB, and of MySQL. */
const TIMEOUTS = [1205, 1317, 1969, 3024];
/** Too many connections, too many of one user, a resource limit of the user exceeded. */
const CONNECTION_LIMITS = [1040, 1203, 1226];
/**
 * Out of resources, unknown command (a Galera node outside its cluster), shutdown, forced close,
 * host blocked, aborted connection (two numbers), killed connection (MariaDB, MySQL), idle client.
 */
const LOST_CONNECTIONS = [1041, 1047, 1053, 1080, 1129, 1152, 1184, 1927, 3169, 4031];
/**
 * Access denied (two numbers), password expired (two), account locked (MySQL, MariaDB), only TLS is
 * allowed: until it is changed.
 */
const DENIALS = [1045, 1698, 1820, 1862, 3118, 4151, 3159];
const OUTAGES = new Set([...TIMEOUTS, ...CONNECTION_LIMITS, ...LOST_CONNECTIONS]);

/** Whether the database is unreachable or too slow, as opposed to an invalid statement. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // TypeORM wraps the errors of statements, not those of connecting.
  if ('driverError' in error) return isOutage(error.driverError);
  if (error instanceof NoResponseError || errorCode(error) === 'SQLITE_BUSY') return true;
  if (isDenial(error)) return false;
  return OUTAGES.has(errorNumber(error)) || isNetworkError(error);
}

export function isTimeout(error: unknown): boolean {
  return TIMEOUTS.includes(errorNumber(error));
}

/** Whether the server is up, but accepts no more connections. */
export function isConnectionLimitError(error: unknown): boolean {
  return CONNECTION_LIMITS.includes(errorNumber(error));
}

/** Whether the server is up, but gateway and server do not accept each other's settings. */
export function isDenial(error: unknown): boolean {
  return DENIALS.includes(errorNumber(error)) || isTlsError(error);
}

/** Whether one side has no TLS, or rejects a certificate of the other. */
function isTlsError(error: unknown): boolean {
  const code = errorCode(error);
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT' || code?.startsWith('ERR_SSL') === true) return true;
  // The code is that of mysql2, also when the network fails in the handshake.
  const isBroken = errorNumber(error) !== 0 || String(error).includes('socket disconnected');
  return code === 'HANDSHAKE_SSL_ERROR' && !isBroken;
}

function isNetworkError(error: Error): boolean {
  const isFatal = 'fatal' in error && error.fatal === true;
  const isLost = isFatal || (errorCode(error) ?? '').startsWith('PROTOCOL_');
  return errorNumber(error) <= 0 && (isLost || error.message === 'Pool is closed.');
}

/** The server's error number, or Node's negative number of a network error; 0 without one. */
export function errorNumber(error: unknown): number {
  return error instanceof Error && 'errno' in error ? Number(error.errno) || 0 : 0;
}

/** Converts a driver's error. It keeps the statement without its values, which are personal. */
export function toGatewayError(thrown: unknown, sql: string): Error {
  const error = toError(thrown);
  // TypeORM wraps the error of the driver, and mysql2 attaches the statement with its values.
  for (const each of [error, 'driverError' in error ? error.driverError : null]) {
    if (!(each instanceof Error)) continue;
    Reflect.deleteProperty(each, 'parameters');
    Object.assign(each, { sql });
  }
  const isUnavailable = isOutage(error) || isDenial(error);
  return isUnavailable ? new ServiceUnavailableError({ cause: error }) : error;
}

export function describeError(thrown: unknown): string {
  const error = toError(thrown);
  const message = error.message === '' ? error.name : error.message;
  const code = errorCode(error);
  return code === undefined || message.includes(code) ? message : `${code}: ${message}`;
}

import type mysql2 from 'mysql2';

import { loadDriver } from './driver.js';

/** Where a server is, as whom to speak to it and how, as mysql2 takes it. */
export function connectionOptions(databaseUrl: string) {
  const url = new URL(databaseUrl);
  return {
    // Without the brackets that an IPv6 address has in a URL.
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    timezone: 'Z',
    // The collation of the columns, so that LOWER means the same for a column and for a parameter.
    charset: 'utf8mb4_bin',
  };
}

/**
 * mysql2 writes parameters into the text of a statement and escapes them with backslashes. On a server that is set to
 * take a backslash for itself that would let a parameter break out, so every session unsets it first.
 */
export const SAFE_ESCAPING =
  "SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')";

/** A pool whose sessions all begin with a statement. One in which it fails is closed, and whatever waits for it fails. */
export function createPool(
  driver: typeof mysql2,
  options: mysql2.PoolOptions,
  sessionSetUp: string,
): mysql2.Pool {
  const pool = driver.createPool(options);
  pool.on('connection', (connection) => {
    connection.query(sessionSetUp);
    // The pool listens for the first error only. A later one of the same connection says nothing new, but without a
    // listener it would end the process.
    connection.on('error', () => undefined);
  });
  return pool;
}

export function loadMysql(): Promise<typeof mysql2> {
  return loadDriver('mysql2', async () => (await import('mysql2')).default);
}

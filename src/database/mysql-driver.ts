import { connect, type Socket } from 'node:net';

import mysql2 from 'mysql2';

import { formatSql } from './sql-format.js';

export type ConnectionOptions = ReturnType<typeof connectionOptions>;

export function connectionOptions(databaseUrl: string) {
  const url = new URL(databaseUrl);
  return {
    // Without the brackets of an IPv6 address.
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    timezone: 'Z',
    charset: 'utf8mb4_bin',
    queryFormat: formatSql,
    supportBigNumbers: true,
    connectTimeout: 3_000,
  };
}

/** It sets up no session: a proxy in front of the server may give each statement another one. */
export function createPool(options: mysql2.PoolOptions): mysql2.Pool {
  const pool = mysql2.createPool(options);
  pool.on('connection', (connection) => {
    // The pool handles only the first error; an unhandled second one would end the process.
    connection.on('error', () => undefined);
  });
  return pool;
}

/** Runs a statement on its own connection. Returns a function that closes it. */
export function startProbe(
  options: ConnectionOptions,
  sql: string,
  onEnd: (error: Error | null) => void,
): () => void {
  const socket = openSocket(options);
  const connection = mysql2.createConnection({ ...options, stream: socket });
  // The callback below receives each error first.
  connection.on('error', () => undefined);
  connection.query(sql, (error) => {
    if (error === null) connection.end();
    onEnd(error);
  });
  return () => {
    socket.destroy();
  };
}

export function openSocket({ host, port }: ConnectionOptions): Socket {
  return connect({ host, port, noDelay: true, keepAlive: true });
}

import { connect, type Socket } from 'node:net';

import mysql2, { type PoolConnection } from 'mysql2';

import type { MysqlServer } from '../config/database.js';
import { negotiateTls, tlsOptions } from './mysql-tls.js';
import { formatSql } from './sql-format.js';

/** When the system begins to check an idle connection, which also keeps firewalls from dropping it. */
const KEEP_ALIVE_DELAY_MS = 30_000;

export type ConnectionOptions = ReturnType<typeof connectionOptions>;

/** What may change while the gateway runs. */
export type Credentials = Awaited<ReturnType<typeof readCredentials>>;

/** Reads the files of the TLS settings, too. */
export async function readCredentials(server: MysqlServer) {
  const { user, password } = server;
  return { user, password, ssl: await tlsOptions(server) };
}

/** The options of mysql2. Each connection takes the credentials that are current. */
export function connectionOptions(
  server: MysqlServer,
  credentials: { readonly current: Credentials },
) {
  const { host, port, socketPath, database, connectionLimit } = server;
  return {
    ...{ host, port, database, connectionLimit },
    // mysql2 connects by `stream`, but sends passwords in clear text over Unix sockets only.
    ...(socketPath !== null && { socketPath }),
    stream({ config }: { config: Partial<Credentials> }): Socket {
      Object.assign(config, credentials.current);
      const options = {
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
      };
      const address = socketPath === null ? { host, port, ...options } : { path: socketPath };
      const socket = connect(address);
      negotiateTls(server, socket, config);
      return socket;
    },
    timezone: 'Z',
    charset: 'utf8mb4_bin',
    queryFormat: formatSql,
    supportBigNumbers: true,
    connectTimeout: 3_000,
    // None is used. By default, each connection has lists for 16,000, which take 0.5 MB.
    maxPreparedStatements: 1,
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

/** Closes a connection that works. Without this message, the server logs an aborted connection. */
export function quit(connection: PoolConnection): void {
  connection.end(() => undefined);
  socketOf(connection).destroySoon();
}

/** Closes a connection that does not work. mysql2 alone would wait for the other side. */
export function discard(connection: PoolConnection): void {
  connection.destroy();
  socketOf(connection).destroy();
}

function socketOf(connection: PoolConnection): Socket {
  // The types of mysql2 lack it.
  return (connection as unknown as { stream: Socket }).stream;
}

/** Runs a statement on its own connection. Returns a function that closes it. */
export function startProbe(
  options: ConnectionOptions,
  sql: string,
  onEnd: (error: Error | null) => void,
): () => void {
  const sockets: Socket[] = [];
  const stream = withSocket(options, (socket) => sockets.push(socket));
  const connection = mysql2.createConnection({ ...options, stream });
  // The callback below receives each error first.
  connection.on('error', () => undefined);
  connection.query(sql, (error) => {
    if (error === null) connection.end();
    onEnd(error);
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

/** The `stream` of options that also reports each socket, because mysql2 only half-closes them. */
export function withSocket(options: ConnectionOptions, onSocket: (socket: Socket) => void) {
  return (given: Parameters<typeof options.stream>[0]): Socket => {
    const socket = options.stream(given);
    onSocket(socket);
    return socket;
  };
}

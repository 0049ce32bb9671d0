import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

import type { MysqlServer } from '../config/database.js';

/** The bit of a server's greeting that offers TLS (CLIENT_SSL). */
const OFFERS_TLS = 0x0800;

/** The servers whose last connection was not encrypted. */
const plainServers = new WeakSet<MysqlServer>();

/** Whether the last connection to a server was not encrypted. */
export function wasPlain(server: MysqlServer): boolean {
  return plainServers.has(server);
}

/** The TLS options of mysql2; undefined for connections without TLS. Reads the PEM files. */
export async function tlsOptions({ tls, socketPath }: MysqlServer) {
  // A Unix socket needs no encryption. Neither does MySQL's own client ask for it there.
  if (tls === null || (tls.mode === 'PREFERRED' && socketPath !== null)) return undefined;
  const read = async (path: string | undefined) =>
    path === undefined ? undefined : readFile(path, 'utf8');
  const [ca, cert, key] = await Promise.all([tls.ca, tls.cert, tls.key].map(read));
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    // As in MySQL's own client: a given CA is checked in every mode.
    rejectUnauthorized: ca !== undefined || tls.mode.startsWith('VERIFY'),
    verifyIdentity: tls.mode === 'VERIFY_IDENTITY',
  };
}

/**
 * Prepares a new connection of mysql2 for TLS. mysql2 looks at `config.ssl` when it has the greeting
 * of the server, so PREFERRED can decide there, and costs no second connection.
 */
export function negotiateTls(
  server: MysqlServer,
  socket: Socket,
  config: { ssl?: object | undefined },
): void {
  // mysql2 passes no host name for IP addresses, and Node would compare certificates to localhost.
  Object.assign(socket, { _host: server.host });
  const canBePlain = server.tls?.mode === 'PREFERRED';
  onGreeting(socket, (offersTls) => {
    if (canBePlain && !offersTls) config.ssl = undefined;
    if (config.ssl) plainServers.delete(server);
    else plainServers.add(server);
  });
}

/** Reads the first packet of a server beside mysql2, whose listener must be added later. */
function onGreeting(socket: Socket, callback: (offersTls: boolean) => void): void {
  let received = Buffer.alloc(0);
  socket.on('data', function read(chunk: Buffer) {
    received = Buffer.concat([received, chunk]);
    // Header (4 bytes), protocol version, the text of the server's version, 0, thread id (4 bytes),
    // random bytes (8), 0, and the lower half of the capabilities.
    if (received.length < 5) return; // Proxies may send the header alone.
    const versionEnd = received.indexOf(0, 5);
    const isGreeting = received[4] === 10;
    if (isGreeting && (versionEnd < 0 || received.length < versionEnd + 16)) return;
    socket.off('data', read);
    if (isGreeting) callback((received.readUInt16LE(versionEnd + 14) & OFFERS_TLS) !== 0);
  });
}

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Returns a server that does not listen, and emits `upgrade` for requests that may become a WebSocket.
 * Others are served as if they had not asked: once there is a listener, Node leaves to it also the
 * clients that offer HTTP/2 (h2c), as those of Java do with their first request.
 */
export function webSocketUpgrades(
  server: Server,
  isWebSocketRequest: (request: IncomingMessage) => boolean,
): Server {
  const upgrades = createServer();
  // Newer Node asks before, and has read a body when it emits `upgrade`. Older ones ignore this.
  Object.assign(server, { shouldUpgradeCallback: isWebSocketRequest });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const isTaken = isWebSocketRequest(request) && upgrades.emit('upgrade', request, socket, head);
    if (isTaken) return;
    socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
    server.emit('connection', socket);
  });
  return upgrades;
}

/** The head of a request as it was received, one byte for each character, except what it offers. */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (const [index, name] of rawHeaders.entries()) {
    if (index % 2 === 0 && name.toLowerCase() !== 'upgrade')
      lines.push(`${name}: ${rawHeaders[index + 1]}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

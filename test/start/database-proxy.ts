import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A way to a database server that can be cut, and be there again, on one and the same port. */
export interface DatabaseProxy {
  /** The URL of the database, by this way. */
  readonly url: string;
  /** Lets connections through from now on. */
  open(): Promise<void>;
  /** Breaks every connection and refuses new ones. */
  close(): Promise<void>;
  /** Keeps connections and takes new ones, but passes nothing on any more: the server hangs. */
  freeze(): void;
}

/** A proxy that is closed at first, on a port that was free. */
export async function createDatabaseProxy(
  databaseUrl: string,
  host = '127.0.0.1',
): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl);
  const pairs = new Set<readonly [Socket, Socket]>();
  let isFrozen = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      from.on('data', (chunk) => {
        if (!isFrozen) to.write(chunk);
      });
    }
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No TCP port is free.');
  const { port } = address;

  async function close(): Promise<void> {
    if (!server.listening) return;
    server.close();
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    await once(server, 'close');
  }
  await close();

  const url = new URL(databaseUrl);
  url.hostname = host.includes(':') ? `[${host}]` : host;
  url.port = String(port);
  return {
    url: url.href,
    async open() {
      isFrozen = false;
      if (server.listening) return;
      server.listen(port, host);
      await once(server, 'listening');
    },
    close,
    freeze() {
      isFrozen = true;
    },
  };
}

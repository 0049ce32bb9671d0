import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A way to a database server that can break in every manner, and be there again, on one and the same port. */
export interface DatabaseProxy {
  /** The URL of the database, by this way. */
  readonly url: string;
  /** Lets everything through from now on. */
  open(): Promise<void>;
  /** Breaks every connection and refuses new ones. */
  close(): Promise<void>;
  /** Keeps connections and takes new ones, but passes nothing on any more: the server hangs. */
  freeze(): void;
  /** Passes on what comes from now on only after so many milliseconds. */
  delay(ms: number): void;
  /** Breaks each connection as soon as the server has said so many bytes on it, counted from now on. */
  cutAfter(bytes: number): void;
}

/** A proxy that is closed at first, on a port that was free. */
export async function createDatabaseProxy(
  databaseUrl: string,
  host = '127.0.0.1',
): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let delayMs = 0;
  let bytesToCut = Infinity;
  /** Bytes from the server, by the client's end of a connection. */
  let passed = new WeakMap<Socket, number>();

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [[client, upstream] as const, [upstream, client] as const]) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        sockets.delete(from);
      });
      from.on('data', (chunk: Buffer) => {
        if (delayMs === 0) pass(chunk, from, to);
        else if (delayMs < Infinity) setTimeout(pass, delayMs, chunk, from, to).unref();
      });
    }
    function pass(chunk: Buffer, from: Socket, to: Socket): void {
      if (to.destroyed) return;
      const before = passed.get(client) ?? 0;
      if (to === upstream || before + chunk.length < bytesToCut) {
        to.write(chunk);
        if (to === client) passed.set(client, before + chunk.length);
        return;
      }
      to.write(chunk.subarray(0, bytesToCut - before));
      to.destroySoon();
      from.destroy();
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
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  }
  await close();

  const url = new URL(databaseUrl);
  url.hostname = host.includes(':') ? `[${host}]` : host;
  url.port = String(port);
  return {
    url: url.href,
    async open() {
      delayMs = 0;
      bytesToCut = Infinity;
      if (server.listening) return;
      server.listen(port, host);
      await once(server, 'listening');
    },
    close,
    freeze() {
      delayMs = Infinity;
    },
    delay(ms) {
      delayMs = ms;
    },
    cutAfter(bytes) {
      passed = new WeakMap();
      bytesToCut = bytes;
    },
  };
}

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type DatabaseProxy = Awaited<ReturnType<typeof createDatabaseProxy>>;

/**
 * A TCP proxy in front of a database server that simulates failures of the network and the server.
 * It is closed at first, and always on the same port.
 */
export async function createDatabaseProxy(databaseUrl: string, host = '127.0.0.1') {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let delayMs = 0;
  let bytesToCut = Infinity;
  /** What becomes of data on the connections that the proxy has forgotten. */
  const forgotten = new WeakMap<Socket, 'drop' | 'reset'>();
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
        const fate = forgotten.get(from);
        if (fate === 'reset') from.resetAndDestroy();
        else if (fate === 'drop') return;
        else if (delayMs === 0) pass(chunk, from, to);
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
  await once(server.listen(0, host), 'listening');
  const { port } = server.address() as AddressInfo;

  /** Breaks every connection and refuses new ones. */
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
    /** The URL of the database through the proxy. */
    url: url.href,
    /** Forwards everything from now on. */
    async open() {
      delayMs = 0;
      bytesToCut = Infinity;
      if (!server.listening) await once(server.listen(port, host), 'listening');
    },
    close,
    /** Keeps connections and accepts new ones, but forwards nothing: the server hangs. */
    freeze() {
      delayMs = Infinity;
    },
    /** Forgets the open connections, as firewalls do with idle ones: new ones work. */
    forget(fate: 'drop' | 'reset') {
      for (const socket of sockets) forgotten.set(socket, fate);
    },
    /** Forwards what arrives from now on after this delay. */
    delay(ms: number) {
      delayMs = ms;
    },
    /** Breaks each connection after this many bytes from the server, counted from now on. */
    cutAfter(bytes: number) {
      passed = new WeakMap();
      bytesToCut = bytes;
    },
  };
}

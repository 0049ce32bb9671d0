import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

const HEADER_BYTES = 4;
const QUERY = 3;
const PING = 14;
/** The packet that answers a ping. */
const OK = Buffer.from([7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
const QUIT = 1;

/** The packets of MySQL's protocol in what arrives on a socket, header included. */
function onPacket(socket: Socket, receive: (packet: Buffer) => void): void {
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + received.readUIntLE(0, 3);
      if (received.length < end) return;
      const packet = received.subarray(0, end);
      received = received.subarray(end);
      receive(packet);
    }
  });
}

/**
 * A proxy that gives each statement to a random session of the server, as ProxySQL and RDS Proxy may.
 * A client logs in to a session of its own, which the others use too from then on. Of the protocol
 * it knows queries whose results have no more than 16 MB a row.
 */
export async function createMultiplexingProxy(serverUrl: string) {
  const target = new URL(serverUrl);
  const statements: string[] = [];
  const idle: Socket[] = [];
  /** What receives the server's packets, by its socket. */
  const receivers = new WeakMap<Socket, (packet: Buffer) => void>();
  const sockets = new Set<Socket>();

  const server = createServer((client) => {
    const own = connect(Number(target.port), target.hostname);
    for (const socket of [client, own]) {
      sockets.add(socket.setNoDelay());
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    onPacket(own, (packet) => receivers.get(own)?.(packet));
    let isLoggedIn = false;
    receivers.set(own, (packet) => {
      client.write(packet);
      // 0 is the first byte of OK, and of no packet before it.
      if (packet[HEADER_BYTES] !== 0) return;
      isLoggedIn = true;
      idle.push(own);
    });
    onPacket(client, (packet) => {
      if (!isLoggedIn) {
        own.write(packet);
        return;
      }
      const command = packet[HEADER_BYTES];
      // The session stays for the other clients.
      if (command === QUIT) return;
      if (command === PING) {
        client.write(OK);
        return;
      }
      if (command !== QUERY) {
        client.destroy();
        return;
      }
      // To MySQL, the numbers of attributes (0) and of their sets (1) come first.
      const start = HEADER_BYTES + (packet[HEADER_BYTES + 1] === 0 ? 3 : 1);
      statements.push(packet.subarray(start).toString());
      // One is idle: each client has brought one, and runs one statement at a time.
      const [session] = idle.splice(Math.floor(Math.random() * idle.length), 1);
      if (session === undefined) throw new Error('No session is idle.');
      forward(packet, session, client);
    });
  });

  function forward(statement: Buffer, session: Socket, client: Socket): void {
    let packets = 0;
    let ends = 0;
    receivers.set(session, (packet) => {
      const type = packet[HEADER_BYTES];
      const isShort = packet.length < HEADER_BYTES + 9;
      // An end follows the columns, and another one the rows.
      if (type === 0xfe && isShort) ends++;
      const isOk = packets++ === 0 && type === 0;
      if (isOk || type === 0xff || ends === 2) idle.push(session);
      client.write(packet);
    });
    session.write(statement);
  }

  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(serverUrl);
  url.port = String((server.address() as AddressInfo).port);
  // It reads the packets.
  url.searchParams.set('ssl-mode', 'DISABLED');
  return {
    /** The URL of the database through the proxy. */
    url: url.href,
    /** What clients have sent, in the order of arrival. */
    statements,
    async close(): Promise<void> {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

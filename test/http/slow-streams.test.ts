import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { HeaderMap, type ApolloServer } from '@apollo/server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';

import { alwaysValid } from '../../src/auth/viewer.js';
import { readConfig } from '../../src/config/config.js';
import type { Context } from '../../src/graphql/context.js';
import type { ResultStream } from '../../src/graphql/result-stream.js';
import { LoadShedder } from '../../src/http/load-shedder.js';
import { createHttpServer } from '../../src/http/server.js';
import { until } from '../support/until.js';
import { MULTIPART } from './stream-clients.js';

const readTimeoutMs = 900;
const maxConnections = 10;
/** Several of them are more than the kernel buffers. */
const large = { data: { text: 'x'.repeat(2 * 1024 * 1024) } };

/** The results of a test: large ones without an end, or none. */
class Results {
  disclosed = { links: [], previews: [] };
  asked = 0;
  isUnsubscribed = false;
  #wake = () => {};

  constructor(private readonly isSilent: boolean) {}

  async next() {
    this.asked++;
    if (this.isSilent) await new Promise<void>((resolve) => (this.#wake = resolve));
    const done = this.isUnsubscribed;
    return done ? { done, value: undefined } : { done, value: large };
  }

  async return() {
    this.isUnsubscribed = true;
    this.#wake();
  }
}

/** Of the last stream that has begun; null before it in each test. */
let results: Results | null = null;
let isSilent = true;
function begin({ stream, onOperationResult }: Context) {
  results = new Results(isSilent);
  onOperationResult({ operation: undefined, code: null });
  stream?.onStream(results as unknown as ResultStream);
}
const apollo = {
  async executeHTTPGraphQLRequest({ context }: { context: () => Promise<Context> }) {
    begin(await context());
    return { headers: new HeaderMap(), body: { kind: 'complete', string: '{}' } };
  },
  async executeOperation(_request: object, { contextValue }: { contextValue: Context }) {
    begin(contextValue);
    const http = { headers: new HeaderMap() };
    return { http, body: { kind: 'single', singleResult: {} } };
  },
} as unknown as ApolloServer<Context>;

let server: Awaited<ReturnType<typeof createHttpServer>>;
beforeAll(async () => {
  server = await createHttpServer(
    { ...readConfig({ PORT: '0' }), liveMaxSubscriptions: 5 },
    {
      ...{ apollo, loadShedder: new LoadShedder(), graphiql: null, tracer: null },
      ...{ metrics: new Registry(), trustedDocuments: null, localFiles: null },
      repeatedOperations: { respond: () => null },
      authenticate: async () => ({
        ...{
          id: null,
          organization: 'org_a',
          onlyRequestedBy: null,
          requester: null,
          canReadFiles: true,
        },
        ...alwaysValid,
      }),
      createContext: (_viewer, request) =>
        ({ queries: { abandon() {} }, links: {}, ...request }) as Context,
      checkReady: async () => undefined,
      logger: pino({ level: 'silent' }),
      onDisclosed() {},
      endSubscriptions() {},
      onRequestCompleted() {},
    },
    { readTimeoutMs, maxConnections },
  );
  await server.listen();
});
const sockets: Socket[] = [];
afterEach(() => {
  [results, isSilent] = [null, true];
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => server.close());

const untilBegun = () => until(() => results ?? undefined);
const untilUnsubscribed = () =>
  until(() => (results?.isUnsubscribed === true ? results : undefined));

function openConnection(): Socket {
  const { port, hostname } = new URL(server.origin());
  const socket = connect(Number(port), hostname);
  sockets.push(socket.on('error', () => undefined));
  return socket;
}

/** The head of an HTTP request whose operation the gateway of this test does not read. */
const post = (accept: string) =>
  `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n` +
  'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';

/** A text message with a mask of zeros. */
function frame(message: object): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
}
const PING = 0x89;
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

async function openWebSocket(socket: Socket): Promise<void> {
  socket.write(
    'GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
  );
  await once(socket, 'data');
  socket.write(frame({ type: 'connection_init' }));
  await once(socket, 'data');
  socket.write(frame({ id: '1', type: 'subscribe', payload: { query: '{a}' } }));
}

const transports = [
  {
    transport: 'sse',
    open: async (socket: Socket) => void socket.write(post('text/event-stream')),
    opening: ':\n\n',
    heartbeat: ': keep-alive\n\n',
  },
  {
    transport: 'multipart',
    open: async (socket: Socket) => void socket.write(post(MULTIPART)),
    opening: '\r\n--graphql',
    heartbeat: '\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{}\r\n--graphql',
  },
  { transport: 'websocket', open: openWebSocket, opening: '', heartbeat: '\x89\x00' },
];

describe.each(transports)('a stream by $transport', ({ transport, open, opening, heartbeat }) => {
  it('stays open with heartbeats while it has no results', async () => {
    const socket = openConnection();
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (transport === 'websocket' && chunk[0] === PING) socket.write(PONG);
    });
    const openedAt = performance.now();
    await open(socket);
    // More of them than fit into the timeout.
    await until(() => (received.split(heartbeat).length > 6 ? true : undefined));
    expect(performance.now() - openedAt).toBeGreaterThan(readTimeoutMs);
    expect(received).toContain(opening);
    expect(socket.destroyed).toBe(false);
  });

  it('is asked for results no faster than its client reads them, and closed when it reads none', async () => {
    isSilent = false;
    const socket = openConnection();
    await open(socket);
    await untilBegun();
    socket.pause();
    const { asked } = await untilUnsubscribed();
    expect(asked).toBeGreaterThan(1);
    // What the kernel buffers, and the result that waits behind it.
    expect(asked).toBeLessThan(20);
  });

  it('is unsubscribed at once when its client disconnects', async () => {
    const socket = openConnection();
    await open(socket);
    await untilBegun();
    socket.destroy();
    await untilUnsubscribed();
  });
});

it('a WebSocket whose client answers no ping is closed', async () => {
  const socket = openConnection();
  await openWebSocket(socket);
  const { isUnsubscribed } = await untilBegun();
  expect(isUnsubscribed).toBe(false);
  await once(socket.resume(), 'close');
  await untilUnsubscribed();
});

it('as many connections as subscriptions come on top of those for requests', async () => {
  const connections = Array.from({ length: maxConnections + 5 + 1 }, openConnection);
  const closed = connections.map((socket) => once(socket, 'close').then(() => socket));
  expect(await Promise.race(closed)).toBe(connections.at(-1));
});

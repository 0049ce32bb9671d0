import { once } from 'node:events';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { HeaderMap, type ApolloServer } from '@apollo/server';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';

import { alwaysValid } from '../../src/auth/viewer.js';
import { readConfig } from '../../src/config/config.js';
import type { Context } from '../../src/graphql/context.js';
import { LoadShedder } from '../../src/http/load-shedder.js';
import { createHttpServer } from '../../src/http/server.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { until } from '../support/until.js';

/** More than the kernel buffers. */
const BYTES = 64 * 1024 * 1024;
const limits = { readTimeoutMs: 1_000, maxConnections: 20 };
const CHUNK_MS = 5;
/** What a client reads at once to read a whole response in three times the timeout. */
const CHUNK_BYTES = (BYTES * CHUNK_MS) / (3 * limits.readTimeoutMs);

const response = JSON.stringify({ data: 'x'.repeat(BYTES) });
const apollo = {
  executeHTTPGraphQLRequest: async () => ({
    headers: new HeaderMap([['content-type', 'application/json']]),
    body: { kind: 'complete', string: response },
  }),
} as unknown as ApolloServer<Context>;

const loadShedder = new LoadShedder();
const completed: { code: string | null; seconds: number }[] = [];
const log: string[] = [];
const write = (line: string) => void log.push((JSON.parse(line) as { msg: string }).msg);
let directory: string;
let signer: LocalUrlSigner;
let server: Awaited<ReturnType<typeof createHttpServer>>;
const viewer = {
  ...{
    id: null,
    organization: 'org_a',
    onlyRequestedBy: null,
    requester: null,
    canReadFiles: true,
  },
  ...alwaysValid,
};
const clients: Socket[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slow-clients-test-'));
  await writeFile(join(directory, 'large.csv'), '');
  await truncate(join(directory, 'large.csv'), BYTES);
  signer = new LocalUrlSigner({
    secrets: () => ['the secret of the tests'],
    ttl: 900,
    origin: () => '',
  });
  server = await createHttpServer(
    { ...readConfig({ PORT: '0' }), liveMaxSubscriptions: 0 },
    {
      ...{ apollo, loadShedder, graphiql: null, tracer: null, metrics: new Registry() },
      ...{ repeatedOperations: { respond: () => null }, trustedDocuments: null },
      authenticate: async () => viewer,
      createContext: () =>
        ({
          queries: { abandon() {} },
          links: { disclosed: { links: [], previews: [] } },
        }) as unknown as Context,
      checkReady: async () => undefined,
      localFiles: { verify: async (target) => signer.verify(target), directory },
      logger: pino({}, { write }),
      onDisclosed() {},
      endSubscriptions() {},
      onRequestCompleted: ({ operationResult: { code }, seconds }) => {
        completed.push({ code, seconds });
      },
    },
    limits,
  );
  await server.listen();
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await server.close();
  await rm(directory, { recursive: true });
});

function openConnection(): Socket {
  const { port, hostname } = new URL(server.origin());
  const socket = connect(Number(port), hostname);
  clients.push(socket.on('error', () => undefined));
  return socket;
}

/** Sends a request, and reads nothing of its response. */
function send(target: string): Socket {
  completed.length = 0;
  const socket = openConnection();
  socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  return socket;
}
const list = '/graphql?query=%7B__typename%7D';
const download = () => signer.sign({ objectKey: 'large.csv', fileName: 'large.csv' }).url;

/** Resolves to the number of bytes that a client reads slowly, but steadily. */
async function readSlowly(socket: Socket): Promise<number> {
  let received = 0;
  let allowed = 0;
  const timer = setInterval(() => {
    allowed += CHUNK_BYTES;
    socket.resume();
  }, CHUNK_MS);
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > allowed) socket.pause();
  });
  await once(socket, 'close');
  clearInterval(timer);
  return received;
}

const untilCompleted = () => until(() => completed[0]);

it('a client that does not read its response takes no place, and is disconnected', async () => {
  const socket = send(list);
  await until(() => (socket.bytesRead > 0 ? true : undefined));
  expect([loadShedder.inFlight, completed]).toEqual([0, []]);
  expect(await untilCompleted()).toMatchObject({ code: 'ABORTED' });
});

it('a client that reads a response of GraphQL too slowly is disconnected', async () => {
  const received = await readSlowly(send(list));
  expect(received).toBeGreaterThan(0);
  expect(received).toBeLessThan(BYTES);
  expect(await untilCompleted()).toMatchObject({ code: 'ABORTED' });
});

it('a download is not cut off while it progresses, however slowly', async () => {
  expect(await readSlowly(send(download()))).toBeGreaterThan(BYTES);
  const { code, seconds } = await untilCompleted();
  expect([code, seconds > (2 * limits.readTimeoutMs) / 1_000]).toEqual([null, true]);
});

it('a download that stops is disconnected', async () => {
  const socket = send(download());
  await until(() => (socket.bytesRead > 0 ? true : undefined));
  expect(await untilCompleted()).toMatchObject({ code: 'ABORTED' });
});

it('new connections beyond the limit are closed, with one line in the log', async () => {
  const connections = Array.from({ length: limits.maxConnections + 3 }, openConnection);
  const closed = connections.slice(limits.maxConnections).map((socket) => once(socket, 'close'));
  await Promise.all(closed);
  expect(log.filter((line) => line.includes('connections'))).toEqual([
    'There are 20 connections: new ones are closed until others end.',
  ]);
});

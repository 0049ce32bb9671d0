import 'reflect-metadata';

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { createTestDataSource } from '../support/data-source.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { describeWith } from '../support/describe-with.js';
import { exportRow, insertRows } from '../support/rows.js';
import { createTestDatabase } from '../support/test-database.js';
import { startBalancer } from '../support/balancer.js';
import type { LogLine, StartedProgram } from '../support/built-gateway.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';
import { until } from '../support/until.js';

const built = useBuiltGateway();
const SECRET = 'the secret of the tests';
const FILE_SIZE = 60_000_000;

describeWith('mysql', 'two gateways behind a balancer', () => {
  it('lose no request in a rolling restart under load and leave no connection on the server', async () => {
    const database = await createTestDatabase();
    const source = await createTestDataSource({ kind: 'mysql', url: database.url });
    await source.initialize();
    await source.runMigrations();
    await insertRows(source, { exports: Array.from({ length: 20 }, (_, at) => exportRow(at)) });
    await source.destroy();
    const balancer = await startBalancer();
    try {
      const env = { DATABASE_URL: database.url, FILES_SIGNING_SECRET: SECRET, AUTH: 'off' };
      const start = async () => {
        const program = built.start(built.folder, env);
        return { program, origin: await program.origin() };
      };
      let running = [await start(), await start()];
      await balancer.setTargets(running.map(({ origin }) => origin));

      let isOver = false;
      const responses = new Map<string, number>();
      const body = JSON.stringify({ query: '{ exports(limit: 5) { data { id name } } }' });
      const load = Array.from({ length: 8 }, async () => {
        while (!isOver) {
          const response = await fetch(`${balancer.origin}/graphql`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body,
          });
          const key = `${response.status} ${await response.text()}`;
          responses.set(key, (responses.get(key) ?? 0) + 1);
        }
      });
      const total = () => [...responses.values()].reduce((sum, count) => sum + count, 0);
      const statuses: unknown[] = [];
      for (let restart = 0; restart < 2; restart++) {
        const [leaving, staying] = running;
        if (leaving === undefined || staying === undefined) throw new Error('Not two gateways');
        const before = total();
        await until(() => total() > before + 500 || undefined, 30_000);
        leaving.program.kill('SIGTERM');
        statuses.push(await leaving.program.ended);
        running = [staying, await start()];
        await balancer.setTargets(running.map(({ origin }) => origin));
      }
      const before = total();
      await until(() => total() > before + 500 || undefined, 30_000);
      isOver = true;
      await Promise.all(load);

      expect(balancer.failures).toEqual([]);
      expect([...responses.keys()]).toEqual([expect.stringMatching(/^200 \{"data":\{"exports"/)]);
      expect(total()).toBeGreaterThan(2_000);
      expect(statuses).toEqual([0, 0]);
      expect([...balancer.served.keys()]).toHaveLength(4);
      for (const { program } of running) {
        program.kill('SIGTERM');
        expect(await program.ended).toBe(0);
      }
      const name = new URL(database.url).pathname.slice(1);
      const connections = () =>
        database.query<{ id: number }>(
          'SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()',
          [name],
        );
      await until(async () => (await connections()).length === 0 || undefined);
    } finally {
      await balancer.close();
      await built.endAll(built.folder);
      await database.drop();
    }
  }, 120_000);
});

describe('a gateway that receives SIGTERM', () => {
  let program: StartedProgram;
  let origin: string;
  beforeEach(async () => {
    ({ program, origin } = await startWithLargeFile(built.folder));
  });

  async function startWithLargeFile(cwd: string) {
    const files = join(cwd, 'files');
    const started = built.start(cwd, { FILES_URL: `file:${files}`, FILES_SIGNING_SECRET: SECRET });
    const listening = await started.origin();
    await writeFile(join(files, 'large.csv'), Buffer.alloc(FILE_SIZE));
    return { program: started, origin: listening };
  }

  /** Starts a download without reading it. */
  async function startDownload(from = origin): Promise<IncomingMessage> {
    const signer = new LocalUrlSigner({ secret: SECRET, ttl: 900, origin: () => from });
    const { url } = signer.sign({ objectKey: 'large.csv', fileName: 'large.csv' });
    const [response] = (await once(request(url, { agent: new Agent() }).end(), 'response')) as [
      IncomingMessage,
    ];
    return response;
  }

  /** A gateway that cannot close. Started before all tests, because its time-out takes ten seconds. */
  let cutOff: Promise<{ status: unknown; log: readonly LogLine[] }>;
  let cutOffFolder: string;
  beforeAll(async () => {
    cutOffFolder = await mkdtemp(join(tmpdir(), 'shutdown-test-'));
    const started = await startWithLargeFile(cutOffFolder);
    const download = await startDownload(started.origin);
    download.on('error', () => undefined);
    started.program.kill('SIGTERM');
    cutOff = started.program.ended.then((status) => ({ status, log: started.program.log }));
  });
  afterAll(() => rm(cutOffFolder, { recursive: true }));

  async function openConnection(): Promise<Socket> {
    const { hostname, port } = new URL(origin);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return socket;
  }

  it('reports itself as not ready and closes each connection while it still serves', async () => {
    expect((await fetch(`${origin}/health/ready`)).status).toBe(200);
    program.kill('SIGTERM');
    await program.untilLine(/^SIGTERM: closing$/);
    const responses = await Promise.all(
      ['/health/ready', '/health/live', '/graphql?query={__typename}'].map((path) =>
        fetch(origin + path, { headers: { 'apollo-require-preflight': 'true' } }),
      ),
    );
    expect(responses.map(({ status }) => status)).toEqual([503, 200, 200]);
    expect(responses.map(({ headers }) => headers.get('connection'))).toEqual(
      Array(3).fill('close'),
    );
    expect(await program.ended).toBe(0);
  });

  it('completes a running download, then closes its connection and the idle ones', async () => {
    const silent = await openConnection();
    const idle = await openConnection();
    idle.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(idle, 'data');
    const download = await startDownload();
    const closed = [silent, idle, download.socket].map((socket) => once(socket, 'close'));
    program.kill('SIGTERM');
    await until(() =>
      openConnection().then(
        (socket) => {
          socket.destroy();
          return undefined;
        },
        () => 'refused',
      ),
    );
    // A late request gets a response, unless a busy machine closes the connection first.
    silent.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
    const outcome = await Promise.race([
      once(silent, 'data').then(([data]: Buffer[]) => String(data)),
      once(silent, 'close').then(() => 'closed'),
    ]);
    expect(outcome).toMatch(/^(closed$|HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n)/i);
    expect((await text(download)).length).toBe(FILE_SIZE);
    for (const socket of [silent, idle]) socket.resume();
    await Promise.all(closed);
    expect(await program.ended).toBe(0);
    expect(program.log.at(-1)?.msg).toBe('Closed');
  });

  it('exits at once on a second signal', async () => {
    const download = await startDownload();
    download.on('error', () => undefined);
    program.kill('SIGTERM');
    await program.untilLine(/^SIGTERM: closing$/);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(143);
    expect(program.log.at(-1)?.msg).toMatch(/^SIGTERM again/);
  });

  it('cuts off a download that does not end, and logs it', async () => {
    const { status, log } = await cutOff;
    expect(status).toBe(1);
    expect(log.at(-1)?.msg).toMatch(/aborting what still runs$/);
  });
});

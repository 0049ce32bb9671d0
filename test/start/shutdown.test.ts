import 'reflect-metadata';

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { createTestDataSource } from '../support/data-source.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { exportRow, insertRows } from '../support/rows.js';
import { createTestDatabase } from '../support/test-database.js';
import { startBalancer } from '../support/balancer.js';
import {
  buildGateway,
  type BuiltGateway,
  type LogLine,
  type StartedProgram,
} from '../support/built-gateway.js';
import { until } from '../support/until.js';

let built: BuiltGateway;
let folder: string;
beforeAll(async () => {
  built = await buildGateway();
});
afterAll(() => built.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shutdown-test-'));
});
afterEach(async () => {
  await built.endAll(folder);
  await rm(folder, { recursive: true });
});

const SECRET = 'the secret of the tests';
const FILE_SIZE = 60_000_000;

async function originOf(program: StartedProgram): Promise<string> {
  return (await program.untilLine(/^Listening /)).msg.slice('Listening '.length);
}

describe('two gateways behind a balancer, restarted one after the other under load,', () => {
  it('lose none of thousands of requests, and leave no connection on the database server', async () => {
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
        const program = built.start(folder, env);
        return { program, origin: await originOf(program) };
      };
      let running = [await start(), await start()];
      await balancer.setTargets(running.map(({ origin }) => origin));

      let isOver = false;
      const answers = new Map<string, number>();
      const body = JSON.stringify({ query: '{ exports(limit: 5) { data { id name } } }' });
      const load = Array.from({ length: 8 }, async () => {
        while (!isOver) {
          const response = await fetch(`${balancer.origin}/graphql`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body,
          });
          const answer = `${response.status} ${await response.text()}`;
          answers.set(answer, (answers.get(answer) ?? 0) + 1);
        }
      });
      const total = () => [...answers.values()].reduce((sum, count) => sum + count, 0);
      const endings: unknown[] = [];
      for (let restart = 0; restart < 2; restart++) {
        const [leaving, staying] = running;
        if (leaving === undefined || staying === undefined) throw new Error('Two should run');
        const before = total();
        await until(() => total() > before + 500 || undefined, 30_000);
        leaving.program.kill('SIGTERM');
        endings.push(await leaving.program.ended);
        running = [staying, await start()];
        await balancer.setTargets(running.map(({ origin }) => origin));
      }
      const before = total();
      await until(() => total() > before + 500 || undefined, 30_000);
      isOver = true;
      await Promise.all(load);

      expect(balancer.failures).toEqual([]);
      expect([...answers.keys()]).toEqual([expect.stringMatching(/^200 \{"data":\{"exports"/)]);
      expect(total()).toBeGreaterThan(2_000);
      expect(endings).toEqual([0, 0]);
      expect([...balancer.served.keys()]).toHaveLength(4);
      for (const { program } of running) {
        program.kill('SIGTERM');
        expect(await program.ended).toBe(0);
      }
      const name = new URL(database.url).pathname.slice(1);
      const left = () =>
        database.query<{ id: number }>(
          'SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()',
          [name],
        );
      await until(async () => ((await left()).length === 0 ? true : undefined));
    } finally {
      await balancer.close();
      await built.endAll(folder);
      await database.drop();
    }
  }, 120_000);
});

describe('a gateway that is told to end', () => {
  let program: StartedProgram;
  let origin: string;
  beforeEach(async () => {
    ({ program, origin } = await startWithLargeFile(folder));
  });

  async function startWithLargeFile(cwd: string) {
    const files = join(cwd, 'files');
    const started = built.start(cwd, { FILES_URL: `file:${files}`, FILES_SIGNING_SECRET: SECRET });
    const listening = await originOf(started);
    await writeFile(join(files, 'large.csv'), Buffer.alloc(FILE_SIZE));
    return { program: started, origin: listening };
  }

  /** A download that has begun, and waits to be read. */
  async function beginDownload(from = origin): Promise<IncomingMessage> {
    const links = new LocalUrlSigner({ secret: SECRET, ttl: 900, origin: () => from });
    const { url } = links.sign({ objectKey: 'large.csv', fileName: 'large.csv' });
    const [answer] = (await once(request(url, { agent: new Agent() }).end(), 'response')) as [
      IncomingMessage,
    ];
    return answer;
  }

  /** One that cannot end, begun first of all, for it takes its ten seconds. */
  let cutOff: Promise<{ status: unknown; log: readonly LogLine[] }>;
  let cutOffFolder: string;
  beforeAll(async () => {
    cutOffFolder = await mkdtemp(join(tmpdir(), 'shutdown-test-'));
    const started = await startWithLargeFile(cutOffFolder);
    const download = await beginDownload(started.origin);
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

  it('says so to balancers and on each connection, while it still serves', async () => {
    expect((await fetch(`${origin}/health/ready`)).status).toBe(200);
    program.kill('SIGTERM');
    await program.untilLine(/^SIGTERM: closing$/);
    const answers = await Promise.all(
      ['/health/ready', '/health/live', '/graphql?query={__typename}'].map((path) =>
        fetch(origin + path, { headers: { 'apollo-require-preflight': 'true' } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([503, 200, 200]);
    expect(answers.map(({ headers }) => headers.get('connection'))).toEqual(Array(3).fill('close'));
    expect(await program.ended).toBe(0);
  });

  it('lets what runs come to its end, and then closes its connection and those that ask nothing', async () => {
    const silent = await openConnection();
    const idle = await openConnection();
    idle.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(idle, 'data');
    const download = await beginDownload();
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
    // Asked late, but not refused: answered, or on a busy machine too late for anybody to listen.
    silent.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
    const answer = await Promise.race([
      once(silent, 'data').then(([data]: Buffer[]) => String(data)),
      once(silent, 'close').then(() => 'closed'),
    ]);
    expect(answer).toMatch(/^(closed$|HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n)/i);
    expect((await text(download)).length).toBe(FILE_SIZE);
    for (const socket of [silent, idle]) socket.resume();
    await Promise.all(closed);
    expect(await program.ended).toBe(0);
    expect(program.log.at(-1)?.msg).toBe('Closed');
  });

  it('ends at once when it is told a second time', async () => {
    const download = await beginDownload();
    download.on('error', () => undefined);
    program.kill('SIGTERM');
    await program.untilLine(/^SIGTERM: closing$/);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(143);
    expect(program.log.at(-1)?.msg).toMatch(/^SIGTERM again/);
  });

  it('cuts off what does not end by itself, and says so', async () => {
    const { status, log } = await cutOff;
    expect(status).toBe(1);
    expect(log.at(-1)?.msg).toMatch(/what still runs is cut off$/);
  });
});

import 'reflect-metadata';

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { beforeEach, describe, expect, it } from '@jest/globals';

import { startBalancer } from '../support/balancer.js';
import type { StartedProgram } from '../support/built-gateway.js';
import { createTables } from '../support/data-source.js';
import { describeWith } from '../support/describe-with.js';
import { postQuery } from '../support/exports-server.js';
import { signLink } from '../support/gateway.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { exportRows } from '../support/rows.js';
import { createTestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';

const built = useBuiltGateway();
const SECRET = 'the secret of the tests';
const FILE_SIZE = 60_000_000;

describeWith('mysql', 'two gateways behind a balancer', () => {
  it('lose no request in a rolling restart, and leave no connection on the server', async () => {
    const database = await createTestDatabase();
    await createTables(mysqlConfig(database.url), { exports: exportRows(20) });
    const balancer = await startBalancer();
    try {
      const env = { DATABASE_URL: database.url, FILES_SIGNING_SECRET: SECRET, AUTH: 'off' };
      const start = async () => {
        const program = built.start(built.folder, env);
        return { program, origin: await program.origin() };
      };
      let running = await Promise.all(Array.from({ length: 2 }, start));
      await balancer.setTargets(running.map(({ origin }) => origin));

      const query = '{ exports(limit: 5) { data { id name } } }';
      let isOver = false;
      let total = 0;
      const responses = new Set<string>();
      const load = Array.from({ length: 8 }, async () => {
        for (; !isOver; total++) {
          const response = await postQuery(balancer.origin, query, { timeoutMs: 30_000 });
          responses.add(JSON.stringify(response));
          // Leaves the processor to the gateways that start and end.
          await pause(5);
        }
      });
      const serve = async () => {
        const before = total;
        await until(() => total > before + 200 || undefined);
      };
      const statuses: unknown[] = [];
      for (let restart = 0; restart < 2; restart++) {
        const [leaving, staying] = running;
        if (leaving === undefined || staying === undefined) throw new Error('Not two gateways');
        await serve();
        leaving.program.kill('SIGTERM');
        statuses.push(await leaving.program.ended);
        running = [staying, await start()];
        await balancer.setTargets(running.map(({ origin }) => origin));
      }
      await serve();
      isOver = true;
      await Promise.all(load);

      expect(balancer.failures).toEqual([]);
      expect([...responses]).toEqual([expect.stringMatching(/^{"status":200,"data":{"exports":/)]);
      expect(total).toBeGreaterThan(600);
      expect(statuses).toEqual([0, 0]);
      expect([...balancer.served.keys()]).toHaveLength(4);
      for (const { program } of running) {
        program.kill('SIGTERM');
        expect(await program.ended).toBe(0);
      }
      const name = new URL(database.url).pathname.slice(1);
      const sql =
        'SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()';
      await until(async () => (await database.query(sql, [name])).length === 0 || undefined);
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
    const files = join(built.folder, 'files');
    const env = { FILES_URL: `file:${files}`, FILES_SIGNING_SECRET: SECRET };
    program = built.start(built.folder, env);
    origin = await program.origin();
    await writeFile(join(files, 'large.csv'), Buffer.alloc(FILE_SIZE));
  });

  /** Starts a download without reading it. */
  async function startDownload(): Promise<IncomingMessage> {
    const sent = request(origin + signLink('large.csv'), { agent: new Agent() }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response.on('error', () => undefined);
  }

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
    const paths = ['/health/ready', '/health/live', '/graphql?query={__typename}'];
    const headers = { 'apollo-require-preflight': 'true' };
    const responses = await Promise.all(paths.map((path) => fetch(origin + path, { headers })));
    expect(responses.map(({ status }) => status)).toEqual([503, 200, 200]);
    for (const response of responses) expect(response.headers.get('connection')).toBe('close');
    expect(await program.ended).toBe(0);
  });

  it('completes a running download, then closes its connection and the idle ones', async () => {
    const unused = await openConnection();
    const silent = await openConnection();
    const idle = await openConnection();
    idle.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(idle, 'data');
    const download = await startDownload();
    const closed = [unused, silent, idle, download.socket].map((socket) => once(socket, 'close'));
    program.kill('SIGTERM');
    const isRefused = async () => {
      const socket = await openConnection().catch(() => undefined);
      socket?.destroy();
      return socket === undefined || undefined;
    };
    await until(isRefused);
    // A late request gets a response, unless a busy machine, or Node 26, closes the connection first.
    if (silent.writable) silent.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const outcome = await Promise.race([
      once(silent, 'data').then(([data]: Buffer[]) => String(data)),
      closed[1]?.then(() => 'closed'),
    ]);
    expect(outcome).toMatch(/^(closed$|HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n)/i);
    let received = 0;
    for await (const chunk of download) received += (chunk as Buffer).length;
    expect(received).toBe(FILE_SIZE);
    for (const socket of [unused, silent, idle]) socket.resume();
    await Promise.all(closed);
    expect(await program.ended).toBe(0);
    expect(program.log.at(-1)?.msg).toBe('Closed');
  });

  it('exits at once on a second signal', async () => {
    await startDownload();
    program.kill('SIGTERM');
    await program.untilLine(/^SIGTERM: closing$/);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(143);
    expect(program.log.at(-1)?.msg).toMatch(/^SIGTERM again/);
  });

  it('cuts off a download that does not end, and logs it', async () => {
    await startDownload();
    program.kill('SIGTERM');
    expect(await program.ended).toBe(1);
    expect(program.log.at(-1)?.msg).toMatch(/aborting open requests$/);
  });
});

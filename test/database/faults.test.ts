import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { pino } from 'pino';

import { openDatabase } from '../../src/database/open-database.js';
import { entities } from '../../src/entities.js';
import { ServiceUnavailableError } from '../../src/errors.js';
import { buildGateway, type BuiltGateway, type StartedProgram } from '../support/built-gateway.js';
import { createDatabaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { describeWith } from '../support/describe-with.js';
import * as exportsServer from '../support/exports-server.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createPrivateServer, type PrivateServer } from '../support/private-server.js';
import { exportId, exportRow } from '../support/rows.js';
import { until } from '../support/until.js';

const { exportsUrl, RESPONSE_TIMEOUT_MS, runSql } = exportsServer;
const CONNECTION_LIMIT = 10;

describeWith('mysqlProgram', 'a gateway', () => {
  let server: PrivateServer;
  let proxy: DatabaseProxy;
  let built: BuiltGateway;
  let folder: string;
  let gateway: StartedProgram;
  let origin: string;
  /** The connection of root, which stays open when the server refuses new ones. */
  let admin: Connection;

  async function startServer(): Promise<void> {
    await server.start();
    admin = await createConnection({ uri: server.url });
    admin.on('error', () => undefined);
  }

  beforeAll(async () => {
    built = await buildGateway();
    folder = await mkdtemp(join(tmpdir(), 'faults-test-'));
    server = await createPrivateServer();
    await startServer();
    const exports = [...Array(60).keys()].map((index) => exportRow(index));
    await exportsServer.createExportsDatabase(server, { exports });
    await runSql(server.url, "CREATE USER gateway@'127.0.0.1' IDENTIFIED BY 'secret'");
    await runSql(server.url, "GRANT SELECT ON exports.* TO gateway@'127.0.0.1'");
    proxy = await createDatabaseProxy(exportsUrl(server).replace('root', 'gateway:secret'));
    await proxy.open();
    const settings = { FILES_SIGNING_SECRET: 'the secret of the tests', AUTH: 'off' };
    gateway = built.start(folder, { ...settings, DATABASE_URL: proxy.url });
    origin = await gateway.origin();
  });

  afterEach(async () => {
    await proxy.open();
    await untilHealthy();
    // No fault leaves a connection behind.
    await untilSessions('', (count) => count <= CONNECTION_LIMIT);
    expect(gateway.log.filter(({ level }) => level >= 50)).toEqual([]);
    expect(gateway.stderr()).toBe('');
  });

  afterAll(async () => {
    await proxy.close();
    await built.dispose();
    admin.destroy();
    await server.dispose();
    await rm(folder, { recursive: true });
  });

  let sent = 0;

  /** Returns `correct`, or a description of the response. */
  async function list(): Promise<string> {
    // Another page each time, because equal queries share a statement.
    const limit = 30 + (sent++ % 30);
    const query = `{ exports(limit: ${limit}) { data { id name createdAt } } }`;
    const { status, data, code } = await exportsServer.postQuery<{
      exports: { data: { id: string }[] } | null;
    }>(origin, query);
    const ids = data.exports?.data.map(({ id }) => id).join() ?? null;
    const isCorrect = status === 200 && ids === [...Array(limit).keys()].map(exportId).join();
    return isCorrect ? 'correct' : `${status} ${String(code)} ${String(ids)}`;
  }

  const listAtOnce = (count: number) => Promise.all([...Array(count).keys()].map(list));

  /** Until the gateway has forgotten how slow lists were: slow ones share five connections. */
  async function untilFast(): Promise<void> {
    let fast = 0;
    while (fast < 10) {
      const sentAt = performance.now();
      await list();
      fast = performance.now() - sentAt < 20 ? fast + 1 : 0;
    }
  }

  const unavailable = '503 SERVICE_UNAVAILABLE null';
  function expectOnly(outcome: string, outcomes: readonly string[]): void {
    expect([...new Set(outcomes)]).toEqual([outcome]);
  }
  function expectCorrectOrUnavailable(outcomes: readonly string[]): void {
    expect(['correct', unavailable]).toEqual(expect.arrayContaining([...new Set(outcomes)]));
  }

  async function expectHealth(ready: 200 | 503): Promise<void> {
    const signal = AbortSignal.timeout(RESPONSE_TIMEOUT_MS);
    const status = async (path: string) =>
      (await fetch(`${origin}/health/${path}`, { signal })).status;
    expect(await status('live')).toBe(200);
    // Checks share a query for a second.
    await until(async () => ((await status('ready')) === ready ? true : undefined));
  }

  async function untilHealthy(): Promise<void> {
    await until(async () => (await list()) === 'correct' || undefined, RESPONSE_TIMEOUT_MS);
    await expectHealth(200);
  }

  /** The sessions of the gateway on the server. */
  async function sessions(condition: string): Promise<RowDataPacket[]> {
    const table = 'information_schema.processlist';
    const sql = `SELECT id AS id FROM ${table} WHERE user = 'gateway' ${condition}`;
    return (await admin.query<RowDataPacket[]>(sql))[0];
  }
  const running = "AND info LIKE '%SELECT%'";

  async function untilSessions(condition: string, suffices: (count: number) => boolean) {
    const check = async () => suffices((await sessions(condition)).length) || undefined;
    await until(check, RESPONSE_TIMEOUT_MS);
  }

  const freeze = async () => {
    proxy.freeze();
  };
  it.each<[fault: string, begin: () => Promise<void>, end: () => Promise<void>]>([
    ['the server is down', () => server.kill(), startServer],
    ['the server hangs', () => server.signal('SIGSTOP'), () => server.signal('SIGCONT')],
    ['connections are refused', () => proxy.close(), () => proxy.open()],
    ['the network is a black hole', freeze, () => proxy.open()],
  ])('responds with 503 while %s, and recovers', async (_fault, begin, end) => {
    const outcomes = listAtOnce(20);
    await begin();
    try {
      expectCorrectOrUnavailable(await outcomes);
      // The threads of a server do not stop at the same moment.
      expectCorrectOrUnavailable(await listAtOnce(30));
      await expectHealth(503);
      expectOnly(unavailable, await listAtOnce(30));
    } finally {
      await end();
    }
    await untilHealthy();
    expectOnly('correct', await listAtOnce(30));
  });

  it('responds with 503 while the server accepts no connection, and recovers with one', async () => {
    const [[limit]] = await admin.query<RowDataPacket[]>('SELECT @@GLOBAL.max_connections AS it');
    await admin.query('SET GLOBAL max_connections = 10');
    const others: Connection[] = [];
    try {
      for (const { id } of await sessions('')) await admin.query(`KILL ${String(id)}`);
      await untilSessions('', (count) => count === 0);
      const takeAll = async () => {
        for (;;) others.push(await createConnection({ uri: proxy.url }));
      };
      await expect(takeAll()).rejects.toMatchObject({ code: 'ER_CON_COUNT_ERROR' });
      expectOnly(unavailable, await listAtOnce(30));
      await expectHealth(503);
      await others.pop()?.end();
      await untilHealthy();
    } finally {
      await admin.query('SET GLOBAL max_connections = ?', [limit?.['it']]);
      for (const other of others) await other.end();
    }
  });

  it('responds with 503 to slow queries, but stays ready', async () => {
    await untilFast();
    await admin.query('LOCK TABLES exports.exports WRITE');
    const outcomes = listAtOnce(15);
    // Half of the connections if the last list was slow already.
    await untilSessions(running, (count) => count >= CONNECTION_LIMIT / 2);
    expectOnly(unavailable, await outcomes);
    await expectHealth(200);
    await admin.query('UNLOCK TABLES');
  });

  it('aborts a slow query on the server, too', async () => {
    const logger = pino({ level: 'silent' });
    const database = await openDatabase(mysqlConfig(proxy.url), { entities, logger });
    // Without a limit, a server would run this for minutes: it has to look at each combination.
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const tables = names.map((name) => `exports ${name}`).join();
    const ids = names.map((name) => `${name}.id`).join();
    const slow = database.query(`SELECT COUNT(*) FROM ${tables} WHERE CONCAT(${ids}) = ''`);
    await expect(slow).rejects.toThrow(ServiceUnavailableError);
    await untilSessions(running, (count) => count === 0);
    expect(await database.query("SELECT 'one' AS one")).toEqual([{ one: 'one' }]);
    await database.close();
  });

  it('returns a complete list or 503 when a connection breaks within a response', async () => {
    const outcomes: string[] = [];
    for (let bytes = 1; bytes < 6_000; bytes += 1 + Math.floor(bytes / 4)) {
      proxy.cutAfter(bytes);
      outcomes.push(...(await listAtOnce(4)));
    }
    expectCorrectOrUnavailable(outcomes);
    expect(outcomes.filter((each) => each === unavailable).length).toBeGreaterThan(10);
  });

  it('waits for late responses until the deadline', async () => {
    proxy.delay(100);
    expectOnly('correct', await listAtOnce(10));
    proxy.delay(3 * RESPONSE_TIMEOUT_MS);
    expectOnly(unavailable, await listAtOnce(10));
  });

  it('recovers each of twenty times that its connections break', async () => {
    for (let round = 0; round < 20; round++) {
      const outcomes = listAtOnce(8);
      await proxy.close();
      expectCorrectOrUnavailable(await outcomes);
      await proxy.open();
      await untilHealthy();
    }
  });
});

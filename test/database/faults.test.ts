import 'reflect-metadata';

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { pino } from 'pino';

import { createTestDataSource } from '../support/data-source.js';
import { openDatabase } from '../../src/database/open-database.js';
import { ServiceUnavailableError } from '../../src/errors.js';
import { buildGateway, type BuiltGateway, type StartedProgram } from '../support/built-gateway.js';
import { createDatabaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { until } from '../support/until.js';
import { describeWith } from '../support/describe-with.js';
import { createPrivateServer, type PrivateServer } from '../support/private-server.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';
import { entities } from '../../src/entities.js';

/** More than twice what is promised, for a machine that has other things to do. */
const PATIENCE_MS = 5_000;
const CONNECTIONS = 10;

describeWith('mysqlProgram', 'a gateway whose database', () => {
  let server: PrivateServer;
  let directUrl: string;
  let proxy: DatabaseProxy;
  let built: BuiltGateway;
  let folder: string;
  /** One that goes straight to the server, and one that goes by the proxy. */
  let direct: { process: StartedProgram; origin: string };
  let proxied: { process: StartedProgram; origin: string };
  /** Of a user who is let in even where nobody else is. */
  let admin: Connection;

  async function connectAdmin(): Promise<void> {
    admin = await createConnection({ uri: new URL('/exports', server.url).href });
    admin.on('error', () => undefined);
  }

  async function start(url: string) {
    const started = built.start(folder, {
      DATABASE_URL: url,
      FILES_SIGNING_SECRET: 'the secret of the tests',
      AUTH: 'off',
    });
    const { msg } = await started.untilLine(/^Listening /);
    return { process: started, origin: msg.slice('Listening '.length).trim() };
  }

  beforeAll(async () => {
    built = await buildGateway();
    folder = await mkdtemp(join(tmpdir(), 'faults-test-'));
    server = await createPrivateServer();
    await server.start();
    const url = new URL('/exports', server.url);
    const root = await createConnection({ uri: server.url });
    await root.query('CREATE DATABASE exports CHARACTER SET utf8mb4');
    for (const user of ['direct', 'proxied']) {
      await root.query(`CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY 'secret'`);
      await root.query(`GRANT SELECT ON exports.* TO ${user}@'127.0.0.1'`);
    }
    await root.end();
    const source = await createTestDataSource({ kind: 'mysql', url: url.href });
    await source.initialize();
    await source.runMigrations();
    await insertRows(source, { exports: [...Array(60).keys()].map((index) => exportRow(index)) });
    await source.destroy();
    await connectAdmin();
    url.password = 'secret';
    url.username = 'proxied';
    proxy = await createDatabaseProxy(url.href);
    url.username = 'direct';
    directUrl = url.href;
    await proxy.open();
    direct = await start(directUrl);
    proxied = await start(proxy.url);
  });

  afterEach(async () => {
    // No fault ends the process, and every one passes.
    await proxy.open();
    for (const { origin } of [direct, proxied]) await untilHealthy(origin);
    // Nor does one leave a connection behind on the server.
    await until(async () => {
      const users = (await sessions()).map(({ user }) => String(user));
      const most = ['direct', 'proxied'].map(
        (name) => users.filter((user) => user === name).length,
      );
      return Math.max(...most) <= CONNECTIONS || undefined;
    }, PATIENCE_MS);
    const log = [...direct.process.log, ...proxied.process.log];
    expect(log.filter(({ level }) => level >= 50)).toEqual([]);
    expect(direct.process.stderr() + proxied.process.stderr()).toBe('');
  });

  afterAll(async () => {
    await proxy.close();
    await built.dispose();
    admin.destroy();
    await server.dispose();
    await rm(folder, { recursive: true });
  });

  interface OperationResult {
    readonly status: number;
    readonly code: string | undefined;
    /** Null: the list is null. */
    readonly ids: readonly string[] | null;
    readonly isRight: boolean;
  }

  const expectedIds = [...Array(60).keys()].map(exportId);
  let asked = 0;

  /** Fails when it takes longer than anybody should wait. */
  async function ask(origin: string): Promise<OperationResult> {
    // Each time another page, for those who ask the same at the same time share a statement.
    const limit = 30 + (asked++ % 30);
    const query = `{ exports(limit: ${limit}) { data { id name createdAt } } }`;
    const response = await fetch(`${origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const { data, errors } = (await response.json()) as {
      data: { exports: { data: { id: string }[] } | null };
      errors?: { extensions: { code: string } }[];
    };
    const ids = data.exports?.data.map(({ id }) => id) ?? null;
    return {
      status: response.status,
      code: errors?.[0]?.extensions.code,
      ids,
      isRight: response.status === 200 && ids?.join() === expectedIds.slice(0, limit).join(),
    };
  }

  function expectUnavailable(outcomes: readonly OperationResult[]): void {
    expect(outcomes.map(({ status, code, ids }) => [status, code, ids])).toEqual(
      outcomes.map(() => [503, 'SERVICE_UNAVAILABLE', null]),
    );
  }

  /** Right or unavailable, but nothing else. */
  function expectEither(outcomes: readonly OperationResult[]): void {
    expectUnavailable(outcomes.filter(({ isRight }) => !isRight));
  }

  const askAtOnce = (origin: string, count: number) =>
    Promise.all([...Array(count).keys()].map(() => ask(origin)));

  async function health(origin: string): Promise<{ live: number; ready: number }> {
    const status = async (path: string) =>
      (await fetch(`${origin}/health/${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) }))
        .status;
    return { live: await status('live'), ready: await status('ready') };
  }

  async function untilHealthy(origin: string): Promise<void> {
    await until(async () => (await ask(origin)).isRight || undefined, PATIENCE_MS);
    expect(await health(origin)).toEqual({ live: 200, ready: 200 });
  }

  /** The sessions of the gateways on the server. */
  async function sessions(): Promise<RowDataPacket[]> {
    const [rows] = await admin.query<RowDataPacket[]>(
      `SELECT id, user, info FROM information_schema.processlist WHERE user IN ('direct', 'proxied')`,
    );
    return rows;
  }

  it('is killed says so until it is back, and goes on by itself', async () => {
    const asked = askAtOnce(direct.origin, 20);
    await server.kill();
    expectEither(await asked);
    expectUnavailable(await askAtOnce(direct.origin, 30));
    expect(await health(direct.origin)).toEqual({ live: 200, ready: 503 });
    expectUnavailable([await ask(direct.origin)]);
    await server.start();
    await connectAdmin();
    await untilHealthy(direct.origin);
    expect((await askAtOnce(direct.origin, 30)).every(({ isRight }) => isRight)).toBe(true);
  });

  it('hangs says so, and goes on with it', async () => {
    await askAtOnce(direct.origin, 30);
    await server.signal('SIGSTOP');
    try {
      // It does not stop all of its threads at one moment.
      expectEither(await askAtOnce(direct.origin, 30));
      expect(await health(direct.origin)).toEqual({ live: 200, ready: 503 });
      expectUnavailable(await askAtOnce(direct.origin, 30));
    } finally {
      await server.signal('SIGCONT');
    }
    await untilHealthy(direct.origin);
  });

  it('takes no more connections says so, and goes on as soon as there is one', async () => {
    const [[limit]] = await admin.query<RowDataPacket[]>('SELECT @@GLOBAL.max_connections AS it');
    await admin.query('SET GLOBAL max_connections = 10');
    const others: Connection[] = [];
    try {
      for (const { id } of await sessions()) await admin.query(`KILL ${String(id)}`);
      await until(async () => ((await sessions()).length === 0 ? true : undefined));
      await expect(
        (async () => {
          for (;;) others.push(await createConnection({ uri: directUrl }));
        })(),
      ).rejects.toMatchObject({ code: 'ER_CON_COUNT_ERROR' });
      expectUnavailable(await askAtOnce(direct.origin, 30));
      expect(await health(direct.origin)).toEqual({ live: 200, ready: 503 });
      await others.pop()?.end();
      await until(async () => (await ask(direct.origin)).isRight || undefined, PATIENCE_MS);
    } finally {
      await admin.query('SET GLOBAL max_connections = ?', [limit?.['it']]);
      for (const other of others) await other.end();
    }
  });

  /** Statements that run on the server for the gateways. */
  const running = async () =>
    (await sessions()).filter(({ info }) => String(info).startsWith('SELECT'));

  it('takes too long says so, but is not lost', async () => {
    const locker = await createConnection({ uri: new URL('/exports', server.url).href });
    try {
      await locker.query('LOCK TABLES exports WRITE');
      const asked = askAtOnce(direct.origin, 15);
      await until(async () => ((await running()).length === CONNECTIONS ? true : undefined));
      expectUnavailable(await asked);
      // The server lives, which is all that the gateway can be asked.
      expect(await health(direct.origin)).toEqual({ live: 200, ready: 200 });
    } finally {
      await locker.end();
    }
  });

  it('takes too long over a statement ends it there, too', async () => {
    const logger = pino({ level: 'silent' });
    const database = await openDatabase({ kind: 'mysql', url: directUrl }, { entities, logger });
    try {
      // MariaDB would go on with this for minutes, although nobody waits for it any more.
      const tables = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `exports ${name}`).join();
      const asked = database.query(`SELECT MAX(CONCAT(a.name, f.name)) FROM ${tables}`);
      await expect(asked).rejects.toThrow(ServiceUnavailableError);
      await until(async () => ((await running()).length === 0 ? true : undefined), PATIENCE_MS);
      expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      await database.close();
    }
  });

  it('is cut off in the middle of an answer gives the right answer or none', async () => {
    let cut = 0;
    for (let bytes = 1; bytes < 6_000; bytes += 1 + Math.floor(bytes / 4)) {
      proxy.cutAfter(bytes);
      const outcomes = await askAtOnce(proxied.origin, 4);
      expectEither(outcomes);
      cut += outcomes.filter(({ isRight }) => !isRight).length;
    }
    expect(cut).toBeGreaterThan(10);
  });

  it('answers late is waited for, unless it is too late', async () => {
    await untilHealthy(proxied.origin);
    proxy.delay(100);
    expect((await askAtOnce(proxied.origin, 10)).every(({ isRight }) => isRight)).toBe(true);
    proxy.delay(3 * PATIENCE_MS);
    expectUnavailable(await askAtOnce(proxied.origin, 10));
  });

  it('is a black hole all at once is given up', async () => {
    await untilHealthy(proxied.origin);
    const asked = askAtOnce(proxied.origin, 20);
    proxy.freeze();
    expectEither(await asked);
    expectUnavailable(await askAtOnce(proxied.origin, 30));
    expect(await health(proxied.origin)).toEqual({ live: 200, ready: 503 });
  });

  it('comes and goes is there again each time', async () => {
    for (let round = 0; round < 20; round++) {
      const asked = askAtOnce(proxied.origin, 8);
      await proxy.close();
      await asked;
      await proxy.open();
      await untilHealthy(proxied.origin);
    }
  });
});

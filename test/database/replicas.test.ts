import 'reflect-metadata';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection, type Connection } from 'mysql2/promise';
import { pino } from 'pino';

import type { Config } from '../../src/config/config.js';
import { createTestDataSource } from '../support/data-source.js';
import { openDatabase } from '../../src/database/open-database.js';
import { StartupError } from '../../src/errors.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { addKeys, apiKeyRow, keyNamed } from '../auth/credentials.js';
import { until } from '../support/until.js';
import { describeWith } from '../support/describe-with.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { createPrivateServer, type PrivateServer } from '../support/private-server.js';
import { replicationOf, type Replication } from '../support/replication.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { entities } from '../../src/entities.js';

/** More than twice what is promised, for a machine that has other things to do. */
const PATIENCE_MS = 5_000;

describeWith('mysqlProgram', 'a gateway with two replicas', () => {
  let primary: PrivateServer;
  let replicas: readonly [PrivateServer, PrivateServer];
  let gateway: Gateway;
  let config: Config['database'];

  let replication: Replication;
  const urlOf = (server: PrivateServer) => new URL('/exports', server.url).href;

  async function onServer<Result>(
    server: PrivateServer,
    work: (connection: Connection) => Promise<Result>,
  ): Promise<Result> {
    const connection = await createConnection({ uri: server.url });
    try {
      return await work(connection);
    } finally {
      await connection.end();
    }
  }

  /** Lets each server be known by the name it gives to the first export. */
  async function nameServers(): Promise<void> {
    for (const [index, server] of [primary, ...replicas].entries()) {
      await onServer(server, async (connection) => {
        await connection.query('SET SESSION sql_log_bin = 0');
        await connection.query('UPDATE exports.exports SET name = ? WHERE id = ?', [
          ['the primary', 'one', 'the other'][index],
          exportId(0),
        ]);
      });
    }
  }

  beforeAll(async () => {
    [primary, ...replicas] = await Promise.all([
      createPrivateServer(),
      createPrivateServer(),
      createPrivateServer(),
    ]);
    replication = await replicationOf(primary.program);
    await Promise.all(
      [primary, ...replicas].map((server, index) =>
        server.start(replication.serverOptions(index + 1)),
      ),
    );
    for (const replica of replicas) await replication.follow(replica, primary);
    await onServer(primary, (connection) =>
      connection.query('CREATE DATABASE exports CHARACTER SET utf8mb4'),
    );
    const source = await createTestDataSource({ kind: 'mysql', url: urlOf(primary) });
    await source.initialize();
    await source.runMigrations();
    await insertRows(source, {
      exports: [exportRow(0), exportRow(1)],
      files: [fileRow(0, ExportFileKind.CSV)],
    });
    await source.destroy();
    await addKeys({ config: { kind: 'mysql', url: urlOf(primary) } }, [
      apiKeyRow(keyNamed('known'), 'org_demo'),
      apiKeyRow(keyNamed('new'), 'org_demo'),
    ]);
    for (const replica of replicas) await replication.untilCaughtUp(replica, primary);
    await nameServers();
    config = { kind: 'mysql', url: urlOf(primary), replicaUrls: replicas.map(urlOf) };
    gateway = await startGateway({ config }, { config: { auth: { kind: 'required', jwt: null } } });
  });

  afterAll(async () => {
    await gateway.close();
    for (const server of [primary, ...replicas]) await server.dispose();
  });

  interface Found {
    readonly export: { readonly name: string; readonly csvUrl: string | null };
  }

  /** The server that answered, by its name. Every answer must be right: 200, whole, and in time. */
  async function whoAnswers(key = 'known'): Promise<string> {
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': keyNamed(key) },
      body: JSON.stringify({
        query: `{ export(id: "${exportId(0)}", includeCsv: true) { name csvUrl } }`,
      }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const body = (await response.json()) as { data: Found; errors?: unknown };
    expect([response.status, body.errors, body.data.export.csvUrl]).toEqual([
      200,
      undefined,
      expect.stringContaining('http'),
    ]);
    return body.data.export.name;
  }

  async function whoAnswersOften(times = 20): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (let asked = 0; asked < times; asked++) {
      const name = await whoAnswers();
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  /** Keeps asking from all sides while `work` runs, and a little on; every answer must be right. */
  async function underLoad(work: () => Promise<void>): Promise<number> {
    let isOver = false;
    let answers = 0;
    const askers = [...Array(8).keys()].map(async () => {
      while (!isOver) {
        await whoAnswers();
        answers++;
      }
    });
    try {
      await work();
    } finally {
      isOver = true;
      await Promise.all(askers);
    }
    return answers;
  }

  const redactedUrl = (server: PrivateServer) => `mysql://${new URL(server.url).host}/exports`;

  /** Waits until the gateway says so from now on. */
  async function untilLogged(server: PrivateServer, what: string, from: number): Promise<void> {
    await until(
      () =>
        gateway.log
          .slice(from)
          .some(({ msg }) =>
            String(msg).startsWith(`The database ${redactedUrl(server)} ${what}`),
          ) || undefined,
      PATIENCE_MS,
    );
  }

  it('reads from both of them, and not from the primary', async () => {
    expect(Object.keys(await whoAnswersOften()).sort()).toEqual(['one', 'the other']);
    expect(gateway.log.some(({ msg }) => msg === `Replica   ${redactedUrl(replicas[1])}`)).toBe(
      true,
    );
  });

  it('sends statements of all kinds to both of them', async () => {
    const listed = new Set<string>();
    for (let asked = 0; asked < 20; asked++) {
      const { data } = await gateway.query<{ exports: { data: { name: string }[] } }>(
        '{ exports(limit: 1) { data { name } } }',
        {},
        { 'x-api-key': keyNamed('known') },
      );
      for (const { name } of data.exports.data) listed.add(name);
    }
    expect([...listed].sort()).toEqual(['one', 'the other']);
  });

  it('shows what the primary has been given as soon as they have it', async () => {
    await onServer(primary, (connection) =>
      connection.query('UPDATE exports.exports SET name = ? WHERE id = ?', ['new', exportId(1)]),
    );
    for (const replica of replicas) await replication.untilCaughtUp(replica, primary);
    const { data } = await gateway.query<{ export: { name: string } }>(
      `{ export(id: "${exportId(1)}") { name } }`,
      {},
      { 'x-api-key': keyNamed('known') },
    );
    expect(data.export.name).toBe('new');
  });

  it.each(['killed', 'stopped'] as const)(
    'leaves one that is %s, and takes it back, and nobody notices',
    async (how) => {
      const from = gateway.log.length;
      const answers = await underLoad(async () => {
        if (how === 'killed') await replicas[0].kill();
        else await replicas[0].signal('SIGSTOP');
        await untilLogged(replicas[0], 'is not used', from);
        if (how === 'killed') await replicas[0].start(replication.serverOptions(2));
        else await replicas[0].signal('SIGCONT');
        await untilLogged(replicas[0], 'responds again', from);
      });
      expect(answers).toBeGreaterThan(0);
      expect(Object.keys(await whoAnswersOften()).sort()).toEqual(['one', 'the other']);
    },
  );

  it('leaves one that cannot read its tables any more', async () => {
    const from = gateway.log.length;
    const rename = (to: string, what: string) =>
      onServer(replicas[1], async (connection) => {
        await connection.query('SET SESSION sql_log_bin = 0');
        await connection.query(`RENAME TABLE exports.${what} TO exports.${to}`);
      });
    await rename('gone', 'export_files');
    try {
      await whoAnswersOften();
      await untilLogged(replicas[1], 'is not used', from);
      expect(await whoAnswersOften(6)).toEqual({ one: 6 });
    } finally {
      await rename('export_files', 'gone');
    }
    await untilLogged(replicas[1], 'responds again', from);
  });

  it('needs no primary to read, nor to know whose an API key is', async () => {
    await primary.kill();
    try {
      expect(await whoAnswers('new')).toMatch(/^(one|the other)$/);
      expect(Object.keys(await whoAnswersOften()).sort()).toEqual(['one', 'the other']);
      expect((await fetch(`${gateway.origin}/health/ready`)).status).toBe(200);
    } finally {
      await primary.start(replication.serverOptions(1));
    }
  });

  it('reads from the primary when there is none left', async () => {
    const from = gateway.log.length;
    const answers = await underLoad(async () => {
      for (const replica of replicas) await replica.kill();
      for (const replica of replicas) await untilLogged(replica, 'is not used', from);
      expect(await whoAnswers()).toBe('the primary');
    });
    expect(answers).toBeGreaterThan(0);
    expect(await whoAnswersOften(4)).toEqual({ 'the primary': 4 });
    for (const [index, replica] of replicas.entries())
      await replica.start(replication.serverOptions(index + 2));
    for (const replica of replicas) await untilLogged(replica, 'responds again', from);
    expect(Object.keys(await whoAnswersOften()).sort()).toEqual(['one', 'the other']);
  });

  describe('at its start', () => {
    /** Opens a database with the first replica changed to this one; gives what it warns of. */
    async function warningsWith(replicaUrl: string): Promise<string[]> {
      const warnings: string[] = [];
      const write = (line: string) => {
        warnings.push((JSON.parse(line) as { msg: string }).msg);
      };
      const database = await openDatabase(
        { kind: 'mysql', url: urlOf(primary), replicaUrls: [replicaUrl, urlOf(replicas[1])] },
        { entities, logger: pino({ level: 'warn' }, { write }) },
      );
      try {
        for (let asked = 0; asked < 4; asked++) {
          expect(
            await database.query('SELECT name FROM exports WHERE id = ?', [exportId(0)]),
          ).toEqual([{ name: expect.any(String) }]);
        }
      } finally {
        await database.close();
      }
      return warnings;
    }

    it('does without one that is away', async () => {
      const away = 'mysql://reader@127.0.0.1:1/exports';
      const [warning] = await warningsWith(away);
      expect(warning).toMatch(
        /^The database mysql:\/\/127\.0\.0\.1:1\/exports does not respond .+ or correct DATABASE_REPLICA_URLS\. /,
      );
    });

    it('does without one that has no tables yet', async () => {
      const [warning] = await warningsWith(new URL('/mysql', replicas[0].url).href);
      expect(warning).toMatch(
        /\/mysql cannot be used .+ Run npm run migrate with the DATABASE_URL /,
      );
    });

    it('refuses those whose password is wrong, all of them by name', async () => {
      const wrong = replicas.map((replica) =>
        urlOf(replica).replace('root@', 'nobody:pa55-wrong@'),
      );
      const refused = warningsWith(wrong[0] ?? '');
      await expect(refused).rejects.toThrow(StartupError);
      await expect(refused).rejects.toThrow(
        /Check the user and the password in DATABASE_REPLICA_URLS\.$/,
      );
      await expect(refused).rejects.not.toThrow(/pa55-wrong/);
    });
  });
});

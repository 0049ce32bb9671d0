import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

import { beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';

import { openDatabase } from '../../src/database/open-database.js';
import { entities } from '../../src/entities.js';
import { StartupError } from '../../src/errors.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import * as exportsServer from '../support/exports-server.js';
import { keysRequired, useGateway } from '../support/gateway.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createPrivateServer, type PrivateServer } from '../support/private-server.js';
import { replicationOf, type Replication } from '../support/replication.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { until } from '../support/until.js';
import { describeWith } from '../support/describe-with.js';

const { exportsUrl, RESPONSE_TIMEOUT_MS, runSql } = exportsServer;
type Work = () => Promise<unknown>;

describeWith('mysqlProgram', 'a gateway with two replicas', () => {
  let primary: PrivateServer;
  let one: PrivateServer;
  let two: PrivateServer;
  let replication: Replication;

  const start = (server: PrivateServer, id: number) => server.start(replication.serverOptions(id));

  async function untilReplicated(): Promise<void> {
    for (const replica of [one, two]) await replication.untilCaughtUp(replica, primary);
  }

  /** Runs a statement that is not replicated. */
  async function runOn(server: PrivateServer, sql: string): Promise<void> {
    await runSql(`${server.url}?multipleStatements=true`, `SET SESSION sql_log_bin = 0; ${sql}`);
  }

  const configWith = (replicaUrls: string[]) => mysqlConfig(exportsUrl(primary), replicaUrls);

  async function provide() {
    const create = () => createPrivateServer();
    const servers = await Promise.all([create(), create(), create()] as const);
    [primary, one, two] = servers;
    replication = await replicationOf(primary.program);
    await Promise.all(servers.map((server, index) => start(server, index + 1)));
    for (const replica of [one, two]) await replication.follow(replica, primary);
    await exportsServer.createExportsDatabase(primary, {});
    await untilReplicated();
    const dispose = async () => {
      for (const server of servers) await server.dispose();
    };
    return { config: configWith([one, two].map(exportsUrl)), dispose };
  }

  const gateway = useGateway(
    { engine: 'replicas', provide },
    {
      config: keysRequired,
      exports: [exportRow(0)],
      files: [fileRow(0, ExportFileKind.CSV)],
      keys: [...Array(6).keys()].map((each) => apiKeyRow(keyNamed(`k${each}`), 'org_demo')),
    },
  );

  beforeAll(async () => {
    await untilReplicated();
    // The name of the first export identifies the server that a response comes from.
    for (const [name, server] of Object.entries({ primary, one, two })) {
      await runOn(server, `UPDATE exports.exports SET name = '${name}' ORDER BY id LIMIT 1`);
    }
  });

  const byId = `{ export(id: "${exportId(0)}", includeCsv: true) { name csvUrl } }`;

  /** The servers that respond to twenty queries, each of which must succeed. */
  async function respondingServers({ query = byId, key = 'k0' } = {}): Promise<string[]> {
    const names = new Set<string>();
    for (let count = 0; count < 20; count++) {
      const headers = { 'x-api-key': keyNamed(key) };
      const response = await exportsServer.postQuery(gateway.origin, query, { headers });
      const text = JSON.stringify(response);
      expect(text).toMatch(/"status":200.+"csvUrl":"http/);
      names.add(/"name":"(\w+)"/.exec(text)?.[1] ?? text);
    }
    return [...names].sort();
  }

  const name = (server: PrivateServer) => `mysql://${new URL(server.url).host}/exports`;

  it.each([
    { what: 'single exports', query: byId },
    { what: 'lists', query: '{ exports(limit: 1, includeCsv: true) { data { name csvUrl } } }' },
  ])('reads $what from both replicas and not from the primary', async ({ query }) => {
    expect(await respondingServers({ query })).toEqual(['one', 'two']);
    expect(gateway.log.map(({ msg }) => msg)).toContain(`Replica   ${name(two)}`);
  });

  let faults = 0;
  it.each<[fault: string, responding: string[], begin: Work, end: Work]>([
    ['a replica is down', ['two'], () => one.kill(), () => start(one, 2)],
    ['a replica hangs', ['two'], () => one.signal('SIGSTOP'), () => one.signal('SIGCONT')],
    [
      'a replica lacks a table',
      ['one'],
      () => runOn(two, 'RENAME TABLE exports.export_files TO exports.gone'),
      () => runOn(two, 'RENAME TABLE exports.gone TO exports.export_files'),
    ],
    ['the primary is down', ['one', 'two'], () => primary.kill(), () => start(primary, 1)],
    [
      'both replicas are down',
      ['primary'],
      () => Promise.all([one.kill(), two.kill()]),
      () => Promise.all([start(one, 2), start(two, 3)]),
    ],
  ])('fails no request while %s, and recovers', async (_fault, responding, begin, end) => {
    const from = gateway.log.length;
    const untilLogged = async (event: string) => {
      for (const [replica, server] of Object.entries({ one, two })) {
        if (responding.includes(replica)) continue;
        const start = `The database ${name(server)} ${event}`;
        const find = () => gateway.log.slice(from).find(({ msg }) => String(msg).startsWith(start));
        await until(find, RESPONSE_TIMEOUT_MS);
      }
    };
    // A key that is not cached yet, so that authentication reads the database as well.
    const key = `k${++faults}`;
    let isOver = false;
    const clients = [...Array(8).keys()].map(async () => {
      while (!isOver) await respondingServers();
    });
    try {
      await begin();
      await untilLogged('is not used');
      const { text: metrics } = await gateway.send({ path: '/metrics' });
      for (const [replica, server] of [
        ['one', 'replica-1'] as const,
        ['two', 'replica-2'] as const,
      ]) {
        const isUp = Number(responding.includes(replica));
        expect(metrics).toContain(
          `exports_gateway_database_server_up{server="${server}"} ${isUp}\n`,
        );
      }
      expect(await respondingServers({ key })).toEqual(responding);
      expect((await fetch(`${gateway.origin}/health/ready`)).status).toBe(200);
    } finally {
      await end();
      await untilLogged('responds again');
      isOver = true;
      await Promise.all(clients);
    }
    expect(await respondingServers()).toEqual(['one', 'two']);
  });

  /** Reads from a database with these replicas and returns its warnings. */
  async function warningsWith(replicaUrls: string[], reads = 4): Promise<string[]> {
    const warnings: string[] = [];
    const write = (line: string) => warnings.push((JSON.parse(line) as { msg: string }).msg);
    const logger = pino({ level: 'warn' }, { write });
    const database = await openDatabase(configWith(replicaUrls), { entities, logger });
    try {
      for (let count = 0; count < reads; count++) {
        const rows = await database.query('SELECT name FROM exports LIMIT 1');
        expect(rows).toEqual([{ name: expect.any(String) }]);
      }
    } finally {
      await database.close();
    }
    return warnings;
  }

  const down = 'mysql://reader@127.0.0.1:1/exports';
  it.each([
    ['is down', () => down, /:1\/exports does not respond .+ or correct DATABASE_REPLICA_URLS\. /],
    [
      'has no tables',
      () => new URL('/mysql', one.url).href,
      /\/mysql .+ Run npm run migrate with /,
    ],
  ])('starts with a warning when a replica %s', async (_, url, warning) => {
    expect((await warningsWith([url(), exportsUrl(two)]))[0]).toMatch(warning);
  });

  it('asks the primary first where replicas may lack something, and them while it is down', async () => {
    const replicas = [one, two].map(exportsUrl);
    const logger = pino({ level: 'silent' });
    const database = await openDatabase(configWith(replicas), { entities, logger });
    const read = async () => {
      const origin = { organization: 'org_demo', isAbandoned: false, fromPrimary: true };
      const sql = 'SELECT name FROM exports LIMIT 1';
      return (await database.query<{ name: string }>(sql, [], origin))[0]?.name;
    };
    try {
      expect(await read()).toBe('primary');
      await primary.kill();
      expect(await read()).toMatch(/^(one|two)$/);
    } finally {
      await start(primary, 1);
      await database.close();
    }
  });

  it('sends no queries to replicas that are down, but repeats their probes', async () => {
    let connections = 0;
    const broken = createServer((socket) => {
      connections++;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(broken, 'listening');
    const { port } = broken.address() as AddressInfo;
    const url = `mysql://reader@127.0.0.1:${port}/exports`;
    const warnings = await warningsWith([url, url], 100).finally(() => broken.close());
    expect(warnings.filter((each) => each.includes('is not used until'))).toHaveLength(2);
    expect(connections).toBeLessThan(50);
  });

  it('does not start when replicas deny access, and names each without its password', async () => {
    const denied = [one, two].map((each) => exportsUrl(each).replace('root', 'nobody:pa55'));
    const error = await warningsWith(denied).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartupError);
    const lines = String(error).split('\n');
    expect(lines).toEqual([one, two].map((each) => expect.stringContaining(name(each))));
    expect(lines[1]).toMatch(/Check the user and the password in DATABASE_REPLICA_URLS[.,] /);
    expect(String(error)).not.toContain('pa55');
  });
});

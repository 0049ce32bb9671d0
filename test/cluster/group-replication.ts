import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createConnection, type RowDataPacket } from 'mysql2/promise';

import { runSql } from '../support/exports-server.js';
import { thisMachine } from '../support/apt.js';
import { createPrivateServer, freePort, untilReady } from '../support/private-server.js';
import { unpackMysqld, unpackProgram } from '../support/unpack-program.js';
import { until } from '../support/until.js';
import type { Cluster, Node } from './cluster.js';

const ONLINE = `SELECT COUNT(*) AS count FROM performance_schema.replication_group_members
  WHERE MEMBER_STATE = 'ONLINE'`;

/** Starts three nodes of MySQL 9.7 in Group Replication, with one primary, behind a MySQL Router. */
export async function startGroupReplication(): Promise<Cluster> {
  const program = await unpackMysqld();
  const groupPorts = [await freePort(), await freePort(), await freePort()] as const;
  const seeds = groupPorts.map((port) => `127.0.0.1:${port}`);
  let isFounded = false;
  const createNode = async (index: 0 | 1 | 2): Promise<Node> => {
    const server = await createPrivateServer(program, thisMachine);
    const group = {
      'start-on-boot': 'OFF',
      'group-name': '5b0ec8a6-3c8e-4f6a-9d0e-1f2a3b4c5d6e',
      'local-address': seeds[index],
      'group-seeds': seeds.join(),
      'ip-allowlist': '127.0.0.1/8',
      // A killed node must leave before it may return; and the first becomes primary, then the second.
      'member-expel-timeout': '0',
      'member-weight': String(90 - index),
      // A node that is expelled refuses clients, and its data does not grow old.
      'exit-state-action': 'OFFLINE_MODE',
    };
    const options = [
      ...[`--server-id=${index + 1}`, '--log-bin=binlog', '--gtid-mode=ON'],
      ...['--enforce-gtid-consistency=ON', '--plugin-load-add=group_replication.so'],
      ...['--report-host=127.0.0.1', `--report-port=${new URL(server.url).port}`],
      ...Object.entries(group).map(([name, value]) => `--loose-group-replication-${name}=${value}`),
    ];
    return {
      name: `node ${index + 1}`,
      server,
      async start() {
        await server.start(options);
        const bootstrap = (value: string) =>
          runSql(server.url, `SET GLOBAL group_replication_bootstrap_group = ${value}`);
        if (!isFounded) await bootstrap('ON');
        await runSql(server.url, "START GROUP_REPLICATION USER = 'root'");
        if (!isFounded) await bootstrap('OFF');
        isFounded = true;
        await until(async () => {
          const member = `${ONLINE} AND MEMBER_ID = @@server_uuid`;
          return (await count(server.url, member)) === 1 || undefined;
        }, 60_000);
      },
    };
  };
  const nodes = await Promise.all([createNode(0), createNode(1), createNode(2)] as const);
  const [first, ...others] = nodes;
  let router: Router | undefined;
  const dispose = async () => {
    await router?.stop();
    for (const { server } of nodes) await server.dispose();
  };
  try {
    await first.start();
    for (const node of others) await node.start();
    router = await startRouter(nodes);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    nodes,
    primary: router.primary,
    replicas: [router.secondaries],
    // The primary, then a secondary that the router reads from.
    killed: [nodes[0], nodes[2]],
    async untilLeft() {
      // The second node becomes the primary when the first is killed, and stays it.
      const { url } = nodes[1].server;
      const others = `${ONLINE} AND @@super_read_only = 0`;
      await until(async () => (await count(url, others)) === 2 || undefined, 60_000);
      return url;
    },
    dispose,
  };
}

async function count(url: string, sql: string): Promise<number> {
  return Number((await runSql(url, sql))[0]?.['count']);
}

type Router = Awaited<ReturnType<typeof startRouter>>;

/** A MySQL Router that shares connections: a client has one only while it runs a statement. */
async function startRouter(nodes: readonly Node[]) {
  const { script, root } = await unpackProgram('mysql-router', 'usr/bin/mysqlrouter');
  const folder = await mkdtemp(join(tmpdir(), 'mysql-router-'));
  const ports = { primary: await freePort(), secondaries: await freePort() };
  const route = (name: keyof typeof ports, strategy: string, behind: readonly Node[]) => `
[routing:${name}]
bind_address=127.0.0.1
bind_port=${ports[name]}
destinations=${behind.map(({ server }) => new URL(server.url).host).join()}
routing_strategy=${strategy}
protocol=classic
client_ssl_mode=DISABLED
server_ssl_mode=DISABLED
connection_sharing=1
connection_sharing_delay=0
`;
  const folders = ['runtime', 'data', 'config'].map((name) => `${name}_folder=${folder}\n`);
  const config = `[DEFAULT]
plugin_folder=${root}/usr/lib/mysqlrouter/plugin
logging_folder=
${folders.join('')}
[logger]
level=WARNING
[connection_pool]
max_idle_server_connections=16
${route('primary', 'first-available', nodes)}${route('secondaries', 'round-robin', nodes.slice(1))}`;
  const configPath = join(folder, 'mysqlrouter.conf');
  await writeFile(configPath, config);
  const child = spawn(script, ['-c', configPath], { stdio: ['ignore', 'inherit', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const url = (port: number) => `mysql://root@127.0.0.1:${port}/`;
  await untilReady({ uri: url(ports.secondaries) }, () => child.exitCode !== null);
  await checkSharing(`${url(ports.primary)}mysql`);
  return {
    primary: url(ports.primary),
    secondaries: url(ports.secondaries),
    async stop() {
      const ended = once(child, 'close');
      child.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/** Throws unless two clients that are open at the same time share a connection to the server. */
async function checkSharing(uri: string): Promise<void> {
  const clients = [await createConnection({ uri }), await createConnection({ uri })];
  const ids = new Set<unknown>();
  for (const client of clients) {
    const [rows] = await client.query<RowDataPacket[]>('SELECT CONNECTION_ID() AS id');
    ids.add(rows[0]?.['id']);
  }
  for (const client of clients) await client.end();
  if (ids.size !== 1) throw new Error('The router does not share connections.');
}

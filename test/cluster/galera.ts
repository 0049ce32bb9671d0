import { access } from 'node:fs/promises';

import { createConnection, type RowDataPacket } from 'mysql2/promise';

import { until } from '../support/until.js';
import { findProgram, isRoot, run, thisMachine } from '../support/apt.js';
import { createPrivateServer, freePort, type PrivateServer } from '../support/private-server.js';

const libraries = [
  '/usr/lib/galera/libgalera_smm.so',
  '/usr/lib64/galera/libgalera_smm.so',
  '/usr/lib64/galera-4/libgalera_smm.so',
];

/** One of the servers of a Galera cluster. */
export interface Node {
  readonly name: string;
  readonly server: PrivateServer;
  /** Starts it, and waits until it is part of the cluster. */
  start(...more: readonly string[]): Promise<void>;
}

/** The three nodes of a cluster on loopback. The first has begun it, and the others have joined. */
export async function startCluster(): Promise<readonly [Node, Node, Node]> {
  const nodes = await createNodes();
  try {
    await nodes[0].start('--wsrep-new-cluster');
    for (const node of nodes.slice(1)) await node.start();
    return nodes;
  } catch (error) {
    for (const { server } of nodes) await server.dispose();
    throw error;
  }
}

async function createNodes(): Promise<[Node, Node, Node]> {
  const program = findProgram(['mariadbd'], thisMachine.folders);
  const library = await firstOf(libraries);
  if (program === undefined || library === undefined) {
    throw new Error('This needs MariaDB with Galera: install mariadb-server, galera-4 and rsync.');
  }
  // As root, the transfer of a node's state would drop its rights half-way and fail.
  const user = isRoot() ? { user: await userNamed('mysql') } : {};
  const groups = [await freePort(), await freePort(), await freePort()] as const;
  const createNode = async (index: 0 | 1 | 2): Promise<Node> => {
    const group = groups[index];
    const server = await createPrivateServer(program, thisMachine, user);
    const options = [
      '--wsrep-on=ON',
      `--wsrep-provider=${library}`,
      `--wsrep-cluster-address=gcomm://${groups.map((port) => `127.0.0.1:${port}`).join()}`,
      '--wsrep-node-address=127.0.0.1',
      '--wsrep-sst-method=rsync',
      `--wsrep-sst-receive-address=127.0.0.1:${await freePort()}`,
      `--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:${group};ist.recv_addr=127.0.0.1:${await freePort()}`,
      '--binlog-format=ROW',
      '--innodb-autoinc-lock-mode=2',
    ];
    return {
      name: `node ${index + 1}`,
      server,
      async start(...more) {
        await server.start([...options, ...more]);
        // It answers before it may be asked for anything but its state.
        await until(async () => {
          const [state] = await ask(server.url, "SHOW STATUS LIKE 'wsrep_ready'");
          return state?.['Value'] === 'ON' || undefined;
        }, 60_000);
      },
    };
  };
  return Promise.all([createNode(0), createNode(1), createNode(2)]);
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

async function userNamed(name: string) {
  const id = async (flag: string) => Number(await run('id', [flag, name], { timeout: 5_000 }));
  return { name, uid: await id('-u'), gid: await id('-g') };
}

/** The rows of a statement, by a connection for it alone. */
export async function ask(url: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection({ uri: url });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { findProgram, isRoot, run, thisMachine } from '../support/apt.js';
import { runSql } from '../support/exports-server.js';
import { createPrivateServer, freePort, type PrivateServer } from '../support/private-server.js';
import { until } from '../support/until.js';

const libraryFolders = ['/usr/lib/galera', '/usr/lib64/galera', '/usr/lib64/galera-4'];

/** A server of a Galera cluster. */
export interface Node {
  readonly name: string;
  readonly server: PrivateServer;
  /** Starts the server and waits until it is part of the cluster. */
  start(...options: readonly string[]): Promise<void>;
}

/** Starts a cluster of three nodes on loopback. */
export async function startCluster(): Promise<readonly [Node, Node, Node]> {
  const program = findProgram(['mariadbd'], thisMachine.folders);
  const libraries = libraryFolders.map((folder) => join(folder, 'libgalera_smm.so'));
  const library = libraries.find((path) => existsSync(path));
  if (program === undefined || library === undefined) {
    throw new Error('Galera is missing: install mariadb-server, galera-4 and rsync.');
  }
  // As root, the state transfer would drop its privileges and fail.
  const user = isRoot() ? { user: await findUser('mysql') } : {};
  const groupPorts = [await freePort(), await freePort(), await freePort()] as const;
  const createNode = async (index: 0 | 1 | 2): Promise<Node> => {
    const server = await createPrivateServer(program, thisMachine, user);
    const listen = `gmcast.listen_addr=tcp://127.0.0.1:${groupPorts[index]}`;
    const cluster = [
      '--wsrep-on=ON',
      `--wsrep-provider=${library}`,
      `--wsrep-cluster-address=gcomm://${groupPorts.map((port) => `127.0.0.1:${port}`).join()}`,
      '--wsrep-node-address=127.0.0.1',
      '--wsrep-sst-method=rsync',
      `--wsrep-sst-receive-address=127.0.0.1:${await freePort()}`,
      `--wsrep-provider-options=${listen};ist.recv_addr=127.0.0.1:${await freePort()}`,
      '--binlog-format=ROW',
      '--innodb-autoinc-lock-mode=2',
    ];
    return {
      name: `node ${index + 1}`,
      server,
      async start(...options) {
        await server.start([...cluster, ...options]);
        // The server accepts connections before it accepts statements.
        await until(async () => {
          const [status] = await runSql(server.url, "SHOW STATUS LIKE 'wsrep_ready'");
          return status?.['Value'] === 'ON' || undefined;
        }, 60_000);
      },
    };
  };
  const nodes = await Promise.all([createNode(0), createNode(1), createNode(2)] as const);
  try {
    await nodes[0].start('--wsrep-new-cluster');
    for (const node of nodes.slice(1)) await node.start();
    return nodes;
  } catch (error) {
    for (const { server } of nodes) await server.dispose();
    throw error;
  }
}

async function findUser(name: string) {
  const id = async (flag: string) => Number(await run('id', [flag, name], { timeout: 5_000 }));
  return { name, uid: await id('-u'), gid: await id('-g') };
}

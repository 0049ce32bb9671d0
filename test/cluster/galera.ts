import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { findProgram, isRoot, run, thisMachine } from '../support/apt.js';
import { runSql } from '../support/exports-server.js';
import { createPrivateServer, freePort } from '../support/private-server.js';
import { until } from '../support/until.js';
import type { Cluster, Node } from './cluster.js';

const libraryFolders = ['/usr/lib/galera', '/usr/lib64/galera', '/usr/lib64/galera-4'];

/** Starts three nodes of MariaDB with Galera. */
export async function startGalera(): Promise<Cluster> {
  const program = findProgram(['mariadbd'], thisMachine.folders);
  const libraries = libraryFolders.map((folder) => join(folder, 'libgalera_smm.so'));
  const library = libraries.find((path) => existsSync(path));
  if (program === undefined || library === undefined) {
    throw new Error('Galera is missing: install mariadb-server, galera-4 and rsync.');
  }
  // As root, the state transfer would drop its privileges and fail.
  const user = isRoot() ? { user: await findUser('mysql') } : {};
  const groupPorts = [await freePort(), await freePort(), await freePort()] as const;
  let isFounded = false;
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
      async start() {
        await server.start([...cluster, ...(isFounded ? [] : ['--wsrep-new-cluster'])]);
        isFounded = true;
        // The server accepts connections before it accepts statements.
        await until(async () => {
          const [status] = await runSql(server.url, "SHOW STATUS LIKE 'wsrep_ready'");
          return status?.['Value'] === 'ON' || undefined;
        }, 60_000);
      },
    };
  };
  const nodes = await Promise.all([createNode(0), createNode(1), createNode(2)] as const);
  const dispose = async () => {
    for (const { server } of nodes) await server.dispose();
  };
  try {
    for (const node of nodes) await node.start();
  } catch (error) {
    await dispose();
    throw error;
  }
  const [primary, replica, other] = nodes;
  return {
    nodes,
    primary: primary.server.url,
    replicas: [replica.server.url, other.server.url],
    killed: [replica, primary],
    async untilLeft(node) {
      const witness = node === other ? primary : other;
      await until(async () => {
        const sql = "SHOW STATUS LIKE 'wsrep_cluster_size'";
        return (await runSql(witness.server.url, sql))[0]?.['Value'] === '2' || undefined;
      }, 60_000);
      return witness.server.url;
    },
    dispose,
  };
}

async function findUser(name: string) {
  const id = async (flag: string) => Number(await run('id', [flag, name], { timeout: 5_000 }));
  return { name, uid: await id('-u'), gid: await id('-g') };
}

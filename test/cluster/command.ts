import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { buildGateway } from '../support/built-gateway.js';
import { createExportsDatabase, exportsUrl, runSql } from '../support/exports-server.js';
import { success, type Exchange } from '../soak/exchanges.js';
import { Traffic } from '../soak/traffic.js';
import { exportRows } from '../support/rows.js';
import { until } from '../support/until.js';
import type { Node } from './cluster.js';
import { startGalera } from './galera.js';
import { startGroupReplication } from './group-replication.js';

/**
 * `npm run test:cluster`: a gateway on three nodes of Galera, one as DATABASE_URL and two as its
 * replicas. With `-- --mysql`: on three nodes of MySQL Group Replication behind a MySQL Router, its
 * route to the primary as DATABASE_URL and the one over the secondaries as the replica. Under load,
 * two nodes are killed and restarted in turn. Prints a report and exits with status 1 when a response
 * was not correct.
 */
const PHASE_MS = 8_000;

console.log('Starting three nodes …');
setTimeout(() => {
  // The servers and the gateway end with this process.
  throw new Error('The run did not end within five minutes.');
}, 5 * 60_000).unref();

const isMysql = process.argv.includes('--mysql');
const cluster = await (isMysql ? startGroupReplication() : startGalera());
const built = await buildGateway();
const folder = await mkdtemp(join(tmpdir(), 'cluster-test-'));
try {
  const exports = exportRows(50);
  await createExportsDatabase({ url: cluster.primary }, { exports });
  const gateway = built.start(folder, {
    DATABASE_URL: exportsUrl({ url: cluster.primary }),
    DATABASE_REPLICA_URLS: cluster.replicas.map((url) => exportsUrl({ url })).join(),
    FILES_SIGNING_SECRET: 'the secret of the tests',
    AUTH: 'off',
  });
  const origin = await gateway.origin();
  const traffic = new Traffic(origin, lists(), { clients: 16 });
  await wait(PHASE_MS);
  for (const node of cluster.killed) await killAndRestart(node);
  for (const { name, server } of cluster.nodes) {
    const sql = `SELECT COUNT(*) AS count FROM information_schema.processlist WHERE db = 'exports'`;
    const [row] = await runSql(server.url, sql);
    console.log(`Connections to ${name}: ${String(row?.['count'])}`);
  }
  console.log((await traffic.stop()).join('\n'));
  gateway.kill('SIGTERM');
  const status = await gateway.ended;
  console.log(`Exit status of the gateway after SIGTERM: ${status}`);
  process.exitCode = traffic.unexpected.length > 0 || status !== 0 ? 1 : 0;

  /** Many different pages, because equal queries share a statement. */
  function* lists(): Generator<Exchange> {
    for (let count = 0; ; count = (count + 1) % exports.length) {
      const data = exports.slice(0, 1 + count).map(({ id }) => ({ id }));
      yield success(`{ exports(limit: ${1 + count}) { data { id } } }`, { exports: { data } });
    }
  }

  async function killAndRestart(node: Node): Promise<void> {
    console.log(`${node.name} is killed …`);
    await node.server.kill();
    const writer = await cluster.untilLeft(node);
    await wait(PHASE_MS);
    await runSql(writer, `UPDATE exports.exports SET name = '${node.name}'`);

    console.log(`${node.name} restarts …`);
    await node.start();
    await until(async () => {
      const sql = 'SELECT DISTINCT name FROM exports.exports';
      return (await runSql(node.server.url, sql))[0]?.['name'] === node.name || undefined;
    });
    await until(async () => {
      const metrics = await (await fetch(`${origin}/metrics`)).text();
      return !/^exports_gateway_database_server_up\{.*\} 0$/m.test(metrics) || undefined;
    }, 60_000);
    await wait(PHASE_MS);
  }
} finally {
  await built.dispose();
  await cluster.dispose();
  await rm(folder, { recursive: true });
}

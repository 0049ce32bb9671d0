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
import { startCluster, type Node } from './galera.js';

/**
 * `npm run test:cluster`: a gateway on a Galera cluster of three nodes, one as DATABASE_URL and two
 * as its replicas. Under load, a replica is killed and restarted, then the primary. Prints a report
 * and exits with status 1 when a response was not correct.
 */
const PHASE_MS = 8_000;

console.log('Starting three nodes …');
setTimeout(() => {
  // The servers and the gateway end with this process.
  throw new Error('The run did not end within five minutes.');
}, 5 * 60_000).unref();

const nodes = await startCluster();
const built = await buildGateway();
const folder = await mkdtemp(join(tmpdir(), 'cluster-test-'));
try {
  const [primary, replica, other] = nodes;
  const exports = exportRows(50);
  await createExportsDatabase(primary.server, { exports });
  const gateway = built.start(folder, {
    DATABASE_URL: exportsUrl(primary.server),
    DATABASE_REPLICA_URLS: [replica, other].map(({ server }) => exportsUrl(server)).join(),
    FILES_SIGNING_SECRET: 'the secret of the tests',
    AUTH: 'off',
  });
  const traffic = new Traffic(await gateway.origin(), lists(), { clients: 16 });
  await wait(PHASE_MS);
  const url = exportsUrl(replica.server).replace('root@', '');
  await killAndRestart(replica, primary, async (event) => {
    const since = performance.now();
    const start = `The database ${url} ${event}`;
    await until(() => gateway.log.find(({ msg }) => msg.startsWith(start)), 60_000);
    console.log(`  ${event} after ${Math.round(performance.now() - since)} ms`);
  });
  // The gateway does not read from the primary, so it does not notice.
  await killAndRestart(primary, replica, () => Promise.resolve());
  console.log((await traffic.stop()).join('\n'));

  for (const { name, server } of nodes) {
    const sql = `SELECT COUNT(*) AS count FROM information_schema.processlist WHERE db = 'exports'`;
    const [row] = await runSql(server.url, sql);
    console.log(`Connections to ${name}: ${String(row?.['count'])}`);
  }
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

  async function killAndRestart(
    node: Node,
    writer: Node,
    untilLogged: (event: 'is not used' | 'responds again') => Promise<void>,
  ): Promise<void> {
    console.log(`${node.name} is killed …`);
    await node.server.kill();
    await untilLogged('is not used');
    await wait(PHASE_MS);
    await runSql(writer.server.url, `UPDATE exports.exports SET name = '${node.name}'`);

    console.log(`${node.name} restarts …`);
    await node.start();
    await untilLogged('responds again');
    const names = await runSql(node.server.url, 'SELECT DISTINCT name FROM exports.exports');
    if (names[0]?.['name'] !== node.name) throw new Error(`${node.name} lacks a change.`);
    await wait(PHASE_MS);
  }
} finally {
  await built.dispose();
  for (const { server } of nodes) await server.dispose();
  await rm(folder, { recursive: true });
}

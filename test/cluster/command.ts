import 'reflect-metadata';

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createTestDataSource } from '../support/data-source.js';
import { buildGateway, type StartedProgram } from '../support/built-gateway.js';
import { until } from '../support/until.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';
import { ask, startCluster, type Node } from './galera.js';
import { Load } from './load.js';

/**
 * `npm run test:cluster`: a gateway on a Galera cluster of three nodes, one of them as DATABASE_URL and two as its replicas.
 * Under load one of the replicas is killed and brought back, then the primary. Prints what was seen, and ends with status 1
 * when an answer was not right.
 */
const LIMIT_MS = 5 * 60_000;
const PHASE_MS = 8_000;
const ROWS = 50;

process.stdout.write('Starting three nodes …\n');
setTimeout(() => {
  process.stderr.write(`Not done after ${LIMIT_MS / 60_000} minutes.\n`);
  // What was started ends with this process.
  process.exit(1);
}, LIMIT_MS).unref();

const nodes = await startCluster();
const built = await buildGateway();
const folder = await mkdtemp(join(tmpdir(), 'cluster-test-'));
try {
  const [primary, replica, other] = nodes;
  await fill(primary);
  const gateway = built.start(folder, {
    DATABASE_URL: urlOf(primary),
    DATABASE_REPLICA_URLS: [replica, other].map(urlOf).join(),
    FILES_SIGNING_SECRET: 'the secret of the tests',
    AUTH: 'off',
  });
  const { msg } = await gateway.untilLine(/^Listening /);
  const load = new Load(
    msg.slice('Listening '.length).trim(),
    // Of many kinds, for gateways let those who ask the same at the same time share an answer.
    (count) => `{ exports(limit: ${1 + (count % ROWS)}) { data { id } } }`,
    hasRows,
  );
  await load.goOn(PHASE_MS);
  await loseAndRegain(replica, { gateway, load, writer: primary, isRead: true });
  await loseAndRegain(primary, { gateway, load, writer: replica, isRead: false });
  await load.end();

  process.stdout.write(`\n${load.report()}\n`);
  for (const node of nodes) {
    const sql = `SELECT COUNT(*) AS count FROM information_schema.processlist WHERE db = 'exports'`;
    const [row] = await ask(node.server.url, sql);
    process.stdout.write(`Connections of the gateway to ${node.name}: ${String(row?.['count'])}\n`);
  }
  gateway.kill('SIGTERM');
  const ending = await gateway.ended;
  process.stdout.write(`The gateway, ended by SIGTERM: ${String(ending)}\n`);
  if (load.errors > 0 || ending !== 0) process.exitCode = 1;
} finally {
  await built.dispose();
  for (const { server } of nodes) await server.dispose();
  await rm(folder, { recursive: true });
}

/** Kills a node, waits until the gateway has left it, brings it back, and waits until the gateway has taken it back. */
async function loseAndRegain(
  lost: Node,
  {
    gateway,
    load,
    writer,
    isRead,
  }: {
    gateway: StartedProgram;
    load: Load;
    /** Where is written what the lost one has to learn when it is back. */
    writer: Node;
    /** Whether the gateway reads from it, so that it notices. */
    isRead: boolean;
  },
): Promise<void> {
  const place = `mysql://${new URL(lost.server.url).host}/exports`;
  const from = gateway.log.length;
  const hears = (what: string) =>
    until(
      () =>
        gateway.log
          .slice(from)
          .some((line) => line.msg.startsWith(`The database ${place} ${what}`)) || undefined,
      60_000,
    );

  load.begin(`${lost.name} is killed`);
  const killedAt = performance.now();
  await lost.server.kill();
  if (isRead) {
    await hears('is not used');
    say(`left after ${Math.round(performance.now() - killedAt)} ms`);
  }
  await load.goOn(PHASE_MS);
  const name = `Renamed without ${lost.name}`;
  await ask(
    writer.server.url,
    `UPDATE exports.exports SET name = '${name}' WHERE id = '${exportId(0)}'`,
  );

  load.begin(`${lost.name} comes back`);
  const startedAt = performance.now();
  await lost.start();
  const readyAt = performance.now();
  say(`its server was ready after ${Math.round(readyAt - startedAt)} ms`);
  if (isRead) {
    await hears('responds again');
    say(`the gateway had it back within ${Math.round(performance.now() - readyAt)} ms of that`);
  }
  const [row] = await ask(
    lost.server.url,
    `SELECT name FROM exports.exports WHERE id = '${exportId(0)}'`,
  );
  if (row?.['name'] !== name) throw new Error(`${lost.name} came back without what it had missed.`);
  await load.goOn(PHASE_MS);
}

function say(words: string): void {
  process.stdout.write(`  ${words}\n`);
}

function urlOf({ server }: Node): string {
  return new URL('/exports', server.url).href;
}

function hasRows(data: unknown, count: number): boolean {
  const { exports } = data as { exports: { data: { id: string }[] } };
  const expected = [...Array(1 + (count % ROWS)).keys()].map(exportId);
  return exports.data.map(({ id }) => id).join() === expected.join();
}

async function fill(node: Node): Promise<void> {
  await ask(node.server.url, 'CREATE DATABASE exports CHARACTER SET utf8mb4');
  const config = { kind: 'mysql', url: urlOf(node) } as const;
  const source = await createTestDataSource(config);
  await source.initialize();
  await source.runMigrations();
  await insertRows(source, { exports: [...Array(ROWS).keys()].map((index) => exportRow(index)) });
  await source.destroy();
}

import 'reflect-metadata';

import { expect, it } from '@jest/globals';

import { ExportStatus } from '../../src/exports/export.js';
import { liveClients } from '../clients/live-clients.js';
import { startBalancer } from '../support/balancer.js';
import type { StartedProgram } from '../support/built-gateway.js';
import { createTables } from '../support/data-source.js';
import { describeWith } from '../support/describe-with.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { exportId, exportRows } from '../support/rows.js';
import { createTestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';

const SINGLES = 476;
const LISTS = 24;
/** Exports that finish at once. There are seven moments in the test when some do. */
const BATCH = SINGLES / 7;

const built = useBuiltGateway();

/** Subscribes with one of the real clients; resolves once `isOver` says so for the exports seen. */
function follow(
  origin: string,
  { index, query }: { index: number; query: string },
  isOver: (finished: ReadonlySet<string>) => boolean,
): Promise<void> {
  const client = liveClients[index % liveClients.length];
  return new Promise((resolve, reject) => {
    const finished = new Set<string>();
    const endpoint = { url: `${origin}/graphql`, credentials: () => ({}) };
    const stop = client?.subscribe(endpoint, { query }, ({ data, error, isComplete }) => {
      for (const row of Object.values(data ?? {}) as { id: string; status: string }[])
        if (row.status === 'COMPLETED') finished.add(row.id);
      if (isOver(finished)) {
        resolve();
        stop?.();
      } else if (error !== undefined || isComplete === true) {
        reject(new Error(`${client.name} ended early: ${JSON.stringify(error)}`));
      }
    });
  });
}

describeWith('mysql', 'two gateways behind a balancer, with 500 subscribers', () => {
  it('show each subscriber every final state in a rolling restart', async () => {
    const database = await createTestDatabase();
    const status = ExportStatus.PROCESSING;
    const exports = exportRows(SINGLES, () => ({ status }));
    await createTables(mysqlConfig(database.url), { exports });
    const balancer = await startBalancer();
    try {
      const env = { DATABASE_URL: database.url, FILES_SIGNING_SECRET: 's'.repeat(16), AUTH: 'off' };
      const start = async () => {
        const program = built.start(built.folder, { ...env, LIVE_POLL_INTERVAL: '200' });
        return { program, origin: await program.origin() };
      };
      let running = await Promise.all(Array.from({ length: 2 }, start));
      const balance = () => balancer.setTargets(running.map(({ origin }) => origin));
      await balance();

      const singles = Array.from({ length: SINGLES }, (_, index) => {
        const query = `subscription { exportUpdated(id: "${exportId(index)}") { id status } }`;
        return follow(balancer.origin, { index, query }, ({ size }) => size === 1);
      });
      const lists = Array.from({ length: LISTS }, (_, index) => {
        const query = 'subscription { exportsUpdated { id status } }';
        return follow(balancer.origin, { index, query }, ({ size }) => size === SINGLES);
      });
      const followed = Promise.all([...singles, ...lists]);
      await until(async () => {
        const counts = await Promise.all(running.map(({ origin }) => openSubscriptions(origin)));
        return counts.reduce((sum, count) => sum + count) === SINGLES + LISTS || undefined;
      }, 30_000);

      let finished = 0;
      const finishSome = async () => {
        const ids = Array.from({ length: BATCH }, () => exportId(finished++));
        const sql = `UPDATE exports SET status = 'completed', updated_at = UTC_TIMESTAMP(3) WHERE id IN (?)`;
        await database.query(sql, [ids]);
      };
      const restart = async (program: StartedProgram) => {
        await finishSome();
        program.kill('SIGTERM');
        await finishSome();
        expect(await program.ended).toBe(0);
        await finishSome();
      };
      for (let restarts = 0; restarts < 2; restarts++) {
        const [leaving, staying] = running;
        if (leaving === undefined || staying === undefined) throw new Error('Not two gateways');
        await restart(leaving.program);
        running = [staying, await start()];
        await balance();
      }
      await finishSome();
      expect(finished).toBe(SINGLES);
      await followed;
    } finally {
      await balancer.close();
      await built.endAll(built.folder);
      await database.drop();
    }
  }, 120_000);
});

async function openSubscriptions(origin: string): Promise<number> {
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  const counts = metrics.matchAll(/^exports_gateway_subscriptions_open\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

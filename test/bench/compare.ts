import type { Bench, Rounds } from './bench.js';
import { checkResponses } from './check.js';
import { digits, median, ratios, summarize } from './figures.js';
import { createRequests, workloads } from './workloads.js';

const ROWS = 1_000_000;

/** Checks and measures the gateway and LIMIT, and prints tables. */
export async function compare(
  bench: Bench,
  { only, ...rounds }: Rounds & { only: readonly string[] },
): Promise<void> {
  const contenders = [
    await bench.startContender('limit', ROWS),
    await bench.startContender('gateway', ROWS),
  ];
  const selected = workloads.filter(({ name }) => only.includes(name));
  for (const workload of selected) {
    console.error(`Checking ${workload.name}`);
    await checkResponses(workload, contenders, { connection: bench.connection, rows: ROWS });
  }
  const summary: Record<string, object> = {};
  for (const workload of selected) {
    const { name, title, goal } = workload;
    const requests = createRequests(workload, ROWS);
    const targets = contenders.map((contender) => ({ contender, requests }));
    const measured = await bench.measure(targets, rounds);
    const [limit = [], gateway = []] = measured;
    console.log(`${name}: ${title}`);
    console.table({ limit: summarize(limit), gateway: summarize(gateway) });

    const toLimit = ratios(measured, ({ perSecond }) => perSecond);
    summary[name] = {
      median: digits(median(toLimit)),
      lowest: digits(Math.min(...toLimit)),
      highest: digits(Math.max(...toLimit)),
      goal,
      reached: median(toLimit) >= goal,
    };
  }
  console.log('Requests a second of the gateway as a ratio to LIMIT, over the rounds');
  console.table(summary);
}

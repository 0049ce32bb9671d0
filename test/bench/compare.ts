import { contenderNames, type Bench, type Contender, type Rounds } from './bench.js';
import { checkResponses } from './check.js';
import { digits, median, summarize } from './figures.js';
import { createRequests, supports, workloads } from './workloads.js';

const ROWS = 1_000_000;

/** Checks, measures and compares contenders with LIMIT, which always runs, and prints tables. */
export async function compare(
  bench: Bench,
  { only, names, ...rounds }: Rounds & { only: readonly string[]; names: readonly string[] },
): Promise<void> {
  const contenders: Contender[] = [];
  for (const name of contenderNames)
    if (name === 'limit' || names.includes(name))
      contenders.push(await bench.startContender(name, ROWS));
  const selected = workloads
    .filter(({ name }) => only.includes(name))
    .map((workload) => ({
      workload,
      able: contenders.filter(({ name }) => supports(name, workload)),
    }));

  const { connection } = bench;
  for (const { workload, able } of selected) {
    console.error(`Checking ${workload.name}`);
    await checkResponses(workload, able, { connection, rows: ROWS });
  }
  const summary: Record<string, object> = {};
  for (const { workload, able } of selected) {
    const { name, title, goal } = workload;
    const requests = createRequests(workload, ROWS);
    const targets = able.map((contender) => ({ contender, requests }));
    const measured = await bench.measure(targets, rounds);
    const results = able.map((contender, at) => [contender.name, summarize(measured[at] ?? [])]);
    console.log(`${name}: ${title}`);
    console.table(Object.fromEntries(results));

    // Within a round, because a disturbance of the machine slows both contenders.
    const [limit = []] = measured;
    const ratios = (contender: string) =>
      (measured[able.findIndex((each) => each.name === contender)] ?? []).map(
        ({ perSecond }, round) => perSecond / (limit[round]?.perSecond ?? NaN),
      );
    summary[name] = {
      gateway: describeRatios(ratios('gateway')),
      mercurius: describeRatios(ratios('mercurius')),
      goal,
      reached: median(ratios('gateway')) >= goal,
    };
  }
  console.log(
    'Requests a second as a ratio to LIMIT: the median of the rounds (lowest to highest)',
  );
  console.table(summary);
}

function describeRatios(ratios: readonly number[]): string {
  const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)].map(digits);
  return ratios.length === 0 ? '–' : `${digits(median(ratios))} (${lowest}–${highest})`;
}

import { contenderNames, type Bench, type Contender, type Rounds } from './bench.js';
import { checkResponses } from './check.js';
import { digits, measuredCells, measuredColumns, median, table } from './figures.js';
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

  for (const { workload, able } of selected) {
    console.error(`Checking ${workload.name}`);
    await checkResponses(workload, { contenders: able, connection: bench.connection, rows: ROWS });
  }
  const summary: string[][] = [];
  for (const { workload, able } of selected) {
    const { name, title, goal } = workload;
    console.error(`Measuring ${name}`);
    const requests = createRequests(workload, ROWS);
    const targets = able.map((contender) => ({ contender, requests }));
    const measured = await bench.measure(targets, rounds);
    const rows = able.map((contender, at) => [
      contender.name,
      ...measuredCells(measured[at] ?? []),
    ]);
    console.log(`${name}: ${title}\n\n${table(['', ...measuredColumns], rows)}\n`);

    // Within a round, because a disturbance of the machine slows both contenders.
    const [limit = []] = measured;
    const ratios = ['gateway', 'mercurius'].map((each) =>
      (measured[able.findIndex((contender) => contender.name === each)] ?? []).map(
        ({ perSecond }, round) => perSecond / (limit[round]?.perSecond ?? NaN),
      ),
    );
    const [gateway = []] = ratios;
    const reached = gateway.length === 0 ? '–' : median(gateway) >= goal ? 'yes' : 'no';
    summary.push([name, title, `≥ ${goal}`, reached, ...ratios.map(ratioCell)]);
  }
  console.log(
    'Requests a second as a ratio to LIMIT: the median of the rounds (lowest to highest)\n\n' +
      table(['', 'requests', 'goal', 'reached', 'gateway', 'mercurius'], summary),
  );
}

function ratioCell(ratios: readonly number[]): string {
  if (ratios.length === 0) return '–';
  const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)];
  return `${digits(median(ratios))} (${digits(lowest)}–${digits(highest)})`;
}

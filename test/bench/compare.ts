import { print, say, type Bench, type Rounds } from './bench.js';
import { checkAnswers } from './check.js';
import { contenderNames, type Contender, type ContenderName } from './contenders.js';
import { errorsOf, measuredCells, measuredColumns, type Measurement } from './measure.js';
import { digits, median, table } from './report.js';
import { requestsOf, type Workload } from './workloads.js';

const ROWS = 1_000_000;

/** What was measured of each contender at one workload, round by round. */
type Measured = ReadonlyMap<ContenderName, readonly Measurement[]>;

/**
 * Checks the answers of contenders, measures them at workloads, and prints how they compare to LIMIT, which runs in any case.
 * Gives the number of errors.
 */
export async function compare(
  bench: Bench,
  {
    workloads,
    contenders: wanted,
    ...rounds
  }: Rounds & { workloads: readonly Workload[]; contenders: readonly ContenderName[] },
): Promise<number> {
  const contenders: Contender[] = [];
  for (const name of contenderNames.filter((each) => each === 'limit' || wanted.includes(each))) {
    contenders.push(await bench.startContender(name, ROWS));
  }
  // Mercurius makes no links.
  const ableTo = ({ name }: Workload) =>
    contenders.filter((contender) => name !== 'W8' || contender.name !== 'mercurius');

  for (const workload of workloads) {
    say(`Checking the answers to ${workload.name}`);
    const { connection } = bench;
    await checkAnswers(workload, { contenders: ableTo(workload), connection, rows: ROWS });
  }
  const results = new Map<Workload, Measured>();
  for (const workload of workloads) {
    say(`Measuring ${workload.name}`);
    const able = ableTo(workload);
    const requests = requestsOf(workload, ROWS);
    const found = await bench.measure(
      able.map((contender) => ({ contender, requests })),
      rounds,
    );
    const measured = new Map(able.map(({ name }, at) => [name, found[at] ?? []]));
    results.set(workload, measured);
    const rows = [...measured].map(([name, each]) => [name, ...measuredCells(each)]);
    print(`${workload.name}: ${workload.title}\n\n${table(['', ...measuredColumns], rows)}`);
  }
  print(
    `Requests a second as a ratio to LIMIT: the median of the rounds (lowest to highest)\n\n${ratioTable(results)}`,
  );
  return errorsOf([...results.values()].flatMap((measured) => [...measured.values()].flat()));
}

function ratioTable(results: ReadonlyMap<Workload, Measured>): string {
  const rows = [...results].map(([{ name, title, goal }, measured]) => {
    const gateway = ratios(measured, 'gateway');
    const reached = gateway.length === 0 ? '–' : median(gateway) >= goal ? 'yes' : 'no';
    const mercurius = ratios(measured, 'mercurius');
    return [name, title, `≥ ${goal}`, reached, ratioCell(gateway), ratioCell(mercurius)];
  });
  return table(['', 'requests', 'goal', 'reached', 'gateway', 'mercurius'], rows);
}

/** Round by round, for what slows one contender down for a while slows the other, too. */
function ratios(measured: Measured, name: ContenderName): number[] {
  const limit = measured.get('limit') ?? [];
  return (measured.get(name) ?? []).map(
    ({ perSecond }, round) => perSecond / (limit[round]?.perSecond ?? NaN),
  );
}

function ratioCell(all: readonly number[]): string {
  if (all.length === 0) return '–';
  return `${digits(median(all))} (${digits(Math.min(...all))}–${digits(Math.max(...all))})`;
}

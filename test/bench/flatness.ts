import { print, say, type Bench, type Rounds } from './bench.js';
import { ask } from './check.js';
import type { Contender } from './contenders.js';
import { errorsOf, type Measurement } from './measure.js';
import { digits, median, table } from './report.js';
import { request, requestsOf, workloadNamed, type GraphqlRequest } from './workloads.js';

const SIZES = [10_000, 100_000, 1_000_000] as const;

/** How much slower the largest table may be than the smallest, except where a count is asked for. */
const GOAL = 1.3;

/** The requests to a gateway at `origin` on a database of `rows` exports. */
type Requests = (rows: number, origin: string) => Promise<readonly GraphqlRequest[]>;

const flatWorkloads: readonly (readonly [title: string, goal: number | null, Requests])[] = [
  ['W2', GOAL, async (rows) => requestsOf(workloadNamed('W2'), rows)],
  ['W4', null, async (rows) => requestsOf(workloadNamed('W4'), rows)],
  ['W4 without its count', GOAL, withoutCount],
  ['W5 by cursor', GOAL, byCursor],
  ['W7', GOAL, async (rows) => requestsOf(workloadNamed('W7'), rows)],
];

async function withoutCount(rows: number): Promise<GraphqlRequest[]> {
  const counting = requestsOf(workloadNamed('W4'), rows);
  return counting.map(({ variables }) => request('Exports', variables));
}

/** The pages behind those of W5, by the cursors that a client has who went there. */
async function byCursor(rows: number, origin: string): Promise<GraphqlRequest[]> {
  const requests: GraphqlRequest[] = [];
  for (let page = rows / 50; page < rows / 50 + 20; page++) {
    const answer = (await ask(origin, request('ExportsByCursor', { page }))) as {
      data: { exports: { pagination: { endCursor: string } } };
    };
    requests.push(request('ExportsByCursor', { after: answer.data.exports.pagination.endCursor }));
  }
  return requests;
}

/** Measures the gateway on databases of several sizes and prints how it slows down. Gives the number of errors. */
export async function measureFlatness(bench: Bench, rounds: Rounds): Promise<number> {
  const gateways: { rows: number; contender: Contender }[] = [];
  for (const rows of SIZES) {
    gateways.push({ rows, contender: await bench.startContender('gateway', rows) });
  }
  const all: Measurement[] = [];
  const lines: string[][] = [];
  for (const [title, goal, requests] of flatWorkloads) {
    say(`Measuring ${title}`);
    const targets = gateways.map(async ({ rows, contender }) => ({
      contender,
      requests: await requests(rows, contender.origin),
    }));
    const measured = await bench.measure(await Promise.all(targets), rounds);
    all.push(...measured.flat());
    const slowdown = growth(measured, ({ perSecond }) => 1 / perSecond);
    const work = growth(measured, ({ cpu, databaseCpu }) => cpu + databaseCpu);
    lines.push([
      title,
      ...measured.map((each) => digits(median(each.map(({ perSecond }) => perSecond)))),
      digits(work),
      digits(slowdown),
      ...(goal === null ? ['–', '–'] : [`≤ ${goal}`, slowdown <= goal ? 'yes' : 'no']),
    ]);
  }
  const sizes = SIZES.map((rows) => `${rows.toLocaleString('en')} rows`);
  const head = ['', ...sizes, 'times the CPU', 'times slower', 'goal', 'reached'];
  print(`Requests a second of the gateway as the table grows\n\n${table(head, lines)}`);
  return errorsOf(all);
}

/** How many times what it is on the smallest table something is on the largest: the median of the rounds. */
function growth(measured: readonly Measurement[][], of: (each: Measurement) => number): number {
  const [smallest = []] = measured;
  const largest = measured.at(-1) ?? [];
  return median(largest.map((each, round) => of(each) / of(smallest[round] ?? each)));
}

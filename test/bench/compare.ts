import { CLIENTS, type Bench, type Rounds, type Target } from './bench.js';
import { checkResponses } from './check.js';
import { digits, median, ratios, steps, summarize, type Measurement } from './figures.js';
import { createRequests, workloads } from './workloads.js';

const ROWS = 1_000_000;

/** The highest 99th percentile at half load, as a ratio to LIMIT. */
const P99_GOAL = 2;
/** Fewer requests in a load have no 99th percentile. */
const MIN_REQUESTS = 100;

/** A figure of the gateway as a ratio to LIMIT, one of each round, and what its median should be. */
interface Comparison {
  readonly name: string;
  readonly ratios: readonly number[];
  readonly goal: number | null;
  readonly isReached: (ratio: number, goal: number) => boolean;
}

const atLeast: Comparison['isReached'] = (ratio, goal) => ratio >= goal;
const atMost: Comparison['isReached'] = (ratio, goal) => ratio <= goal;

/** Checks and measures the gateway and LIMIT, and prints tables and the goals that it misses. */
export async function compare(
  bench: Bench,
  { only, isQuick, ...rounds }: Rounds & { only: readonly string[]; isQuick: boolean },
): Promise<void> {
  const contenders = [
    await bench.startContender('limit', ROWS),
    await bench.startContender('gateway', ROWS),
  ];
  const selected = workloads.filter(({ name }) => only.includes(name));
  for (const workload of selected) {
    console.error(`Checking ${workload.name}`);
    const indexes = isQuick ? [1] : [0, 1, 24];
    await checkResponses(workload, contenders, {
      ...{ connection: bench.connection, rows: ROWS, indexes },
    });
  }
  const summary: Record<string, object> = {};
  const missed: string[] = [];
  const unjudged: string[] = [];
  for (const workload of selected) {
    const { name, title } = workload;
    const requests = createRequests(workload, ROWS);
    const targets = contenders.map((contender) => ({ contender, requests }));
    const measured = await bench.measure(targets, { ...rounds, isQuick });
    const [limit = [], gateway = []] = measured;
    const hasGoals = limit.every(({ clients }) => clients === CLIENTS);
    const goals = hasGoals ? workload : { goal: null, cpuGoal: null };
    if (!hasGoals) unjudged.push(name);
    const latencies = await measureHalfLoad(bench, targets, {
      ...{ limit, seconds: rounds.seconds },
      rounds: isQuick ? 1 : rounds.rounds,
    });
    console.log(`${name}: ${title}`);
    const atHalfLoad = (at: number) => latencies && digits(median(latencies[at] ?? []));
    console.table({
      limit: { ...summarize(limit), 'p99 ms at half load': atHalfLoad(0) },
      gateway: { ...summarize(gateway), 'p99 ms at half load': atHalfLoad(1) },
    });

    const comparisons: Comparison[] = [
      {
        name: 'requests/s',
        ratios: ratios(measured, ({ perSecond }) => perSecond),
        ...{ goal: goals.goal, isReached: atLeast },
      },
      {
        name: 'CPU',
        ratios: ratios(measured, ({ cpu }) => cpu),
        ...{ goal: goals.cpuGoal, isReached: atMost },
      },
      {
        name: 'p99 at half load',
        ratios: latencies === null ? [] : ratios(latencies, (ms) => ms),
        ...{ goal: P99_GOAL, isReached: atMost },
      },
    ];
    summary[name] = Object.assign({}, ...comparisons.map(columns)) as object;
    missed.push(...comparisons.flatMap(shortfall).map((each) => `${name}: ${each}`));
  }
  console.log('The gateway as a ratio to LIMIT: the median of the rounds, and their spread');
  console.table(summary);
  console.log(['', 'Short of its goal:', ...(missed.length > 0 ? missed : ['nothing'])].join('\n'));
  if (unjudged.length > 0) {
    console.log(
      `Fewer than ${CLIENTS} connections, for which there are no goals: ${unjudged.join(', ')}`,
    );
  }
}

/**
 * The 99th percentiles of each target, in milliseconds by round, at half of what LIMIT serves; null
 * for a workload so slow that they say nothing.
 */
async function measureHalfLoad(
  bench: Bench,
  targets: readonly Target[],
  { limit, rounds, seconds }: Rounds & { limit: readonly Measurement[] },
): Promise<number[][] | null> {
  const perSecond = median(limit.map((each) => each.perSecond)) / 2;
  if (perSecond * seconds < MIN_REQUESTS) return null;
  return bench.inRounds(targets, rounds, (target) =>
    bench.latencyAtRate(target, { perSecond, seconds }),
  );
}

function columns({ name, ratios: all, goal, isReached }: Comparison): object {
  if (all.length === 0) return {};
  const spread = `${steps(Math.min(...all))} to ${steps(Math.max(...all))}`;
  const bound = isReached === atLeast ? '≥' : '≤';
  return {
    [name]: `${steps(median(all))} (${spread})`,
    [`${name}, goal`]: goal === null ? '' : `${bound} ${goal}`,
  };
}

/** Says by how much a goal is missed, less rounded than in the table. */
function shortfall({ name, ratios: all, goal, isReached }: Comparison): string[] {
  if (goal === null || all.length === 0 || isReached(median(all), goal)) return [];
  const bound = isReached === atLeast ? 'at least' : 'at most';
  return [`${name} ${digits(median(all))} times that of LIMIT, goal ${bound} ${goal}`];
}

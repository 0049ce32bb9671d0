import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { RowDataPacket } from 'mysql2';

import { outcomes, quantile, sendQuietly, TOKEN_SECRET } from '../support/fairness.js';
import type { Bench, Contender } from './bench.js';
import { digits, residentMemory } from './figures.js';
import type { Delivery, LiveCommand, Mix } from './live-load.js';

const ROWS = 100_000;
/** Of its own, because its exports change. */
const DATABASE = 'exports_live';
/** Has exports like the others, and no subscriber. */
const QUIET_ORGANIZATION = 'org_300';

const GOAL_KIB = 15;
/** Twice the default of LIVE_POLL_INTERVAL. */
const GOAL_P99_MS = 2_000;
const GOAL_QUERIES = 2;
/** Until what starting and connecting has begun is over. */
const IDLE_MS = 8_000;

/** A module for the gateway: what a process keeps shows only without what it will release. */
const COLLECT_ON_SIGNAL = `
  import { setFlagsFromString } from 'node:v8';
  import { runInNewContext } from 'node:vm';
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => { for (let times = 0; times < 3; times++) collect(); });
`;

/** Compares subscribers of the gateway with as many clients that poll LIMIT every second. */
export async function measureLive(bench: Bench, isQuick: boolean): Promise<void> {
  const [few, many] = isQuick ? [500, 2_000] : [1_000, 10_000];
  const run = await LiveRun.start(bench, isQuick ? 5 : 15);
  try {
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(COLLECT_ON_SIGNAL)}`;
    const auth = { AUTH: 'required', JWT_SECRET: TOKEN_SECRET };
    const env = { ...auth, LOG_LEVEL: 'error', NODE_OPTIONS };
    const gateway = await bench.startContender('gateway', ROWS, { env, database: DATABASE });
    // The first requests compile code and fill caches.
    await run.queryP99(gateway);
    const queriesAlone = await run.queryP99(gateway);

    await run.connect(gateway, 'mixed', few);
    const small = await run.measure(gateway);
    // Of what is added to these, because the first ones fill caches and let the heap grow.
    const fewMib = await keptMemory(gateway);
    const kibEach = async () => ((await keptMemory(gateway)) - fewMib) * (1_024 / (many - few));
    await run.connect(gateway, 'mixed', many);
    const kib = await kibEach();
    const mixed = await run.measure(gateway);
    const kibAfterwards = await kibEach();
    const queriesMixed = await run.queryP99(gateway);
    await run.disconnect();

    await run.connect(gateway, 'lists', many);
    const lists = await run.measure(gateway);
    const queriesLists = await run.queryP99(gateway);
    await run.disconnect();
    await bench.stop(gateway);

    const limit = await bench.startContender('limit', ROWS, { database: DATABASE });
    await run.connect(limit, 'polling', many);
    const polling = await run.measure(limit);

    console.log('200 changes per second of exports of 100 organizations');
    console.table({
      [`${few} subscribers, a tenth of lists`]: rowOf(small),
      [`${many} subscribers, a tenth of lists`]: rowOf(mixed),
      [`${many} subscribers, all of lists`]: rowOf(lists),
      [`${many} clients that poll LIMIT`]: rowOf(polling),
    });
    console.log(`LIMIT served ${digits(polling.responses)} of ${many} polls per second.`);
    const goal = (text: string, isReached: boolean) => {
      console.log(`${text}: ${isReached ? 'yes' : 'no'}.`);
    };
    const memory = `${digits(kib)} KiB a subscriber (${digits(kibAfterwards)} after the changes)`;
    goal(`${memory}, at most ${GOAL_KIB}`, kib <= GOAL_KIB);
    for (const { p99 } of [mixed, lists])
      goal(`Delivery p99 ${digits(p99)} ms, at most ${GOAL_P99_MS}`, p99 <= GOAL_P99_MS);
    for (const p99 of [queriesMixed, queriesLists]) {
      const figures = `${digits(p99)} ms, ${digits(queriesAlone)} ms without subscribers`;
      const isReached = p99 <= GOAL_QUERIES * queriesAlone;
      goal(`p99 of queries ${figures}, at most ${GOAL_QUERIES} times`, isReached);
    }
  } finally {
    run.end();
  }
}

/** The resident memory without garbage, in MiB. */
async function keptMemory({ pid }: Contender): Promise<number> {
  await sleep(IDLE_MS);
  process.kill(pid, 'SIGUSR2');
  await sleep(IDLE_MS / 2);
  return residentMemory(pid);
}

interface Figures extends Delivery {
  /** CPU time as a part of one core. */
  readonly serverCpu: number;
  readonly databaseCpu: number;
  readonly statementsPerSecond: number;
}

function rowOf(figures: Figures): object {
  return {
    'p50 ms': digits(figures.p50),
    'p99 ms': digits(figures.p99),
    results: figures.received,
    'not received': figures.lost,
    CPU: digits(figures.serverCpu),
    'database CPU': digits(figures.databaseCpu),
    'clients CPU': digits(figures.cpu),
    'SELECT/s': digits(figures.statementsPerSecond),
  };
}

class LiveRun {
  private mix: Mix = 'mixed';

  private constructor(
    private readonly bench: Bench,
    private readonly load: ReturnType<typeof fork>,
    private readonly seconds: number,
  ) {}

  /** Starts the process with the clients and the writer of the changes. */
  static async start(bench: Bench, seconds: number): Promise<LiveRun> {
    const url = await bench.provideData(ROWS, DATABASE);
    await bench.connection.query(
      `UPDATE ${DATABASE}.exports SET status = 'processing', count_total = 0, updated_at = created_at`,
    );
    const program = fileURLToPath(new URL('live-load.ts', import.meta.url));
    const execArgv = ['--import', import.meta.resolve('@swc-node/register/esm-register')];
    return new LiveRun(bench, fork(program, [url], { execArgv }), seconds);
  }

  async connect({ origin }: Contender, mix: Mix, clients: number): Promise<void> {
    this.mix = mix;
    await this.command({ connect: { origin, mix, clients } });
    await sleep(IDLE_MS / 2);
  }

  async disconnect(): Promise<void> {
    await this.command({ close: true });
  }

  async measure(contender: Contender): Promise<Figures> {
    const [cpu, databaseCpu] = await this.bench.cpuTimes(contender);
    const statements = await this.statements();
    const startedAt = performance.now();
    const delivery = await this.change();
    const elapsed = performance.now() - startedAt;
    const [cpuAfter, databaseCpuAfter] = await this.bench.cpuTimes(contender);
    return {
      ...delivery,
      serverCpu: (cpuAfter - cpu) / elapsed,
      databaseCpu: (databaseCpuAfter - databaseCpu) / elapsed,
      statementsPerSecond: ((await this.statements()) - statements) / (elapsed / 1_000),
    };
  }

  /** The 99th percentile of the duration of queries beside the changes, in milliseconds. */
  async queryP99({ origin }: Contender): Promise<number> {
    const { seconds } = this;
    const queries = sendQuietly({ origin, quiet: QUIET_ORGANIZATION, noisy: '', seconds });
    const [responses] = await Promise.all([queries, this.change()]);
    this.bench.errors += responses.length - (outcomes(responses)['200'] ?? 0);
    return quantile(responses, 0.99);
  }

  end(): void {
    if (this.load.connected) this.load.disconnect();
  }

  private async change(): Promise<Delivery> {
    const delivery = await this.command<Delivery>({ change: { seconds: this.seconds } });
    this.bench.errors += delivery.errors;
    // A server that cannot keep up skips states that newer ones have replaced.
    if (this.mix === 'mixed') this.bench.errors += delivery.lost;
    return delivery;
  }

  private async command<Result>(command: LiveCommand): Promise<Result> {
    this.load.send(command);
    // Without the signal, each command would leave a listener.
    const settled = new AbortController();
    const options = { signal: settled.signal };
    const result = once(this.load, 'message', options);
    const exit = once(this.load, 'exit', options);
    await Promise.race([result, exit]);
    if (this.load.exitCode !== null) throw new Error('The process of the clients has ended.');
    exit.catch(() => undefined);
    settled.abort();
    return ((await result) as [Result])[0];
  }

  private async statements(): Promise<number> {
    const sql = "SHOW GLOBAL STATUS LIKE 'Com_select'";
    const [[row]] = await this.bench.connection.query<RowDataPacket[]>(sql);
    return Number(row?.['Value']);
  }
}

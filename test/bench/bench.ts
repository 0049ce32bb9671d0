import { createConnection, type Connection } from 'mysql2/promise';

import type { PrivateServer } from '../support/private-server.js';
import { startContender, type Contender, type ContenderName } from './contenders.js';
import { provideData } from './data.js';
import { putLoad, type LoadResult } from './load.js';
import { cpuOf, type Measurement } from './measure.js';
import { benchFolder, startBenchServer } from './server.js';
import type { GraphqlRequest } from './workloads.js';

/** A contender and what it is asked. */
export interface Target {
  readonly contender: Contender;
  readonly requests: readonly GraphqlRequest[];
}

export interface Rounds {
  readonly rounds: number;
  /** How long each target is loaded in a round. */
  readonly seconds: number;
}

/** The database server of the bench, and the contenders that were started on it. */
export class Bench {
  private readonly contenders: Contender[] = [];

  private constructor(
    private readonly folder: string,
    private readonly server: PrivateServer,
    readonly connection: Connection,
  ) {}

  static async open(env: Readonly<Record<string, string | undefined>>): Promise<Bench> {
    const folder = benchFolder(env);
    const server = await startBenchServer(folder);
    return new Bench(folder, server, await createConnection({ uri: server.url }));
  }

  /** Starts a contender on the database of so many exports, which is filled if need be. */
  async startContender(name: ContenderName, rows: number): Promise<Contender> {
    const databaseUrl = await provideData(this.connection, {
      serverUrl: this.server.url,
      rows,
      say,
    });
    const contender = await startContender(name, { databaseUrl, folder: this.folder });
    this.contenders.push(contender);
    return contender;
  }

  /** Loads targets in rounds in which each has its turn. Gives the measurements of each, in the order of `targets`. */
  async measure(targets: readonly Target[], { rounds, seconds }: Rounds): Promise<Measurement[][]> {
    const measured = targets.map((): Measurement[] => []);
    // The first time, code is compiled and the database's pages are read. A few clients are enough for that, and slow answers
    // to all of them would take long.
    for (const target of targets) await this.load(target, { seconds: seconds / 3, clients: 8 });
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < targets.length; turn++) {
        // Another one begins each round, or what comes last would always come last.
        const at = (round + turn) % targets.length;
        const target = targets[at];
        if (target !== undefined) measured[at]?.push(await this.measureOnce(target, seconds));
      }
    }
    return measured;
  }

  /** Loads a target for some seconds. */
  async load(
    { contender, requests }: Target,
    options: { seconds: number; clients?: number },
  ): Promise<LoadResult> {
    return putLoad(contender.origin, { ...options, requests, folder: this.folder });
  }

  async close(): Promise<void> {
    for (const contender of this.contenders) await contender.stop();
    await this.connection.end();
    await this.server.dispose();
  }

  private async measureOnce(target: Target, seconds: number): Promise<Measurement> {
    const pids = [target.contender.pid, await this.server.pid()];
    const before = await Promise.all(pids.map(cpuOf));
    const { received, ...load } = await this.load(target, { seconds });
    const after = await Promise.all(pids.map(cpuOf));
    const [cpu = NaN, databaseCpu = NaN] = after.map(
      (ms, at) => (ms - (before[at] ?? NaN)) / received,
    );
    const { p50, p99, errors } = load;
    return { perSecond: received / load.seconds, p50, p99, cpu, databaseCpu, errors };
  }
}

/** Progress, which is not part of the report. */
export function say(progress: string): void {
  process.stderr.write(`${progress}\n`);
}

/** A part of the report. */
export function print(text: string): void {
  process.stdout.write(`${text}\n\n`);
}

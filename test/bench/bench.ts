import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { createConnection, type Connection } from 'mysql2/promise';

import type { Environment } from '../../src/config/settings.js';
import { Export } from '../../src/exports/export.js';
import { findOrInstall, findProgram, thisMachine } from '../support/apt.js';
import { createTables, createTestDataSource } from '../support/data-source.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createPrivateServer, freePort, type PrivateServer } from '../support/private-server.js';
import { LINK_SECRET } from './check.js';
import { ORGANIZATION, provideData, storeFiles } from './data.js';
import { cpuTime, type Measurement } from './figures.js';
import type { GraphqlRequest } from './workloads.js';

export type ContenderName = 'limit' | 'gateway';

/** A GraphQL server in its own process. */
export interface Contender {
  readonly name: ContenderName;
  readonly origin: string;
  readonly pid: number;
}

/** A contender and the requests that measure it. */
export interface Target {
  readonly contender: Contender;
  readonly requests: readonly GraphqlRequest[];
}

export interface Rounds {
  readonly rounds: number;
  /** The duration of the load on each target in a round. */
  readonly seconds: number;
  /** The number of connections; by default CLIENTS. */
  readonly clients?: number;
}

/** The result of one load as wrk reports it; times to respond in milliseconds. */
interface LoadResult extends Pick<Measurement, 'p50' | 'p99' | 'errors'> {
  readonly received: number;
  /** The time until the last response. */
  readonly seconds: number;
}

/** The maximum time of a response after the end of the load, in seconds. */
const RESPONSE_TIMEOUT = 120;

/** The connections of a load for which there are goals. */
export const CLIENTS = 32;

/** At a rate: so many that a slow response keeps few requests from being sent. */
const PAUSING_CLIENTS = 128;

/** A shorter one leaves code that V8 has yet to optimize in the first workload. */
const WARM_UP_S = 1;

/** Fewer responses per second need many seconds until all clients have one. */
const SLOW = 40;

/** Ends child processes together with this process. */
const exiting = new AbortController();
process.once('exit', () => {
  exiting.abort();
});

const root = fileURLToPath(new URL('../../', import.meta.url));
const serverOptions = [
  '--skip-log-bin',
  // All data fits, so that the bench measures queries and not a disk.
  '--innodb-buffer-pool-size=1G',
  '--innodb-log-file-size=512M',
  '--query-cache-type=OFF',
  '--max-connections=200',
];

/** The database server of the bench and the contenders that use it. */
export class Bench {
  /** The number of errors in all loads. */
  errors = 0;
  private readonly children = new Map<number, ChildProcess>();
  /** The paths of the logs of all contenders. */
  private readonly logs: string[] = [];

  private constructor(
    private readonly folder: string,
    private readonly server: PrivateServer,
    readonly connection: Connection,
  ) {}

  /** Starts a private MariaDB on the data of earlier runs. Throws when another run uses it. */
  static async open(env: Environment): Promise<Bench> {
    const cache = env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
    const folder = env['BENCH_FOLDER'] ?? join(cache, 'exports-gateway-bench');
    await storeFiles(join(folder, 'files'));
    await rm(join(folder, 'logs'), { recursive: true, force: true });
    await mkdir(join(folder, 'logs'));
    const program = findProgram(['mariadbd'], thisMachine.folders);
    if (program === undefined) throw new Error('Install mariadb-server: the bench needs mariadbd.');
    const server = await createPrivateServer(program, thisMachine, { keptIn: folder });
    await server.start(serverOptions);
    return new Bench(folder, server, await createConnection({ uri: server.url }));
  }

  /** Returns the URL of a database with this number of exports, which no run changes unless it has a name. */
  async provideData(rows: number, name = `exports_${rows}`): Promise<string> {
    return provideData(this.connection, { serverUrl: this.server.url, rows, name });
  }

  /** The CPU time of a contender, and of the database server, so far in milliseconds. */
  async cpuTimes({ pid }: Contender): Promise<[contender: number, database: number]> {
    return Promise.all([cpuTime(pid), cpuTime(await this.server.pid())]);
  }

  /** Starts a contender, in production mode, on a database with this number of exports. */
  async startContender(
    name: ContenderName,
    rows: number,
    {
      env = {},
      folder = this.folder,
      database,
    }: { env?: Environment; folder?: string; database?: string } = {},
  ): Promise<Contender> {
    const databaseUrl = await this.provideData(rows, database);
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const isGateway = name === 'gateway';
    const typescript = ['--import', import.meta.resolve('@swc-node/register/esm-register')];
    const args = isGateway
      ? [join(root, 'dist/src/main.js')]
      : [...typescript, join(root, 'test/bench/contenders/start.ts')];
    const logPath = join(this.folder, 'logs', `${name}-${1 + this.logs.length}.log`);
    this.logs.push(logPath);
    const log = await open(logPath, 'w');
    const child = spawn(process.execPath, args, {
      // The gateway would read a .env file of the checkout; the others need its tsconfig.json.
      cwd: isGateway ? folder : root,
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        // As in the image.
        MALLOC_ARENA_MAX: '1',
        PORT: String(port),
        DATABASE_URL: databaseUrl,
        AUTH: 'off',
        ORGANIZATION,
        LOG_LEVEL: 'warn',
        FILES_URL: `file:${join(this.folder, 'files')}`,
        FILES_SIGNING_SECRET: LINK_SECRET,
        PUBLIC_URL: origin,
        ...env,
      },
      stdio: ['ignore', log.fd, log.fd],
      signal: exiting.signal,
      killSignal: 'SIGKILL',
    });
    await log.close();
    this.children.set(child.pid ?? NaN, child);
    const isListening = () =>
      fetch(`${origin}/graphql`, { method: 'POST', body: '{}' }).then(
        () => true,
        () => false,
      );
    while (!(await isListening())) {
      if (child.exitCode !== null)
        throw new Error(`${name} did not start:\n${await readFile(logPath, 'utf8')}`);
      await sleep(50);
    }
    return { name, origin, pid: child.pid ?? NaN };
  }

  /** Starts the gateway on an embedded database with a copy of this number of exports. */
  async startEmbedded(rows: number, env: Environment): Promise<Contender> {
    const url = await this.provideData(rows);
    const source = await (await createTestDataSource(mysqlConfig(url))).initialize();
    const exports = await source.getRepository(Export).find();
    await source.destroy();
    const folder = join(this.folder, 'embedded');
    await rm(folder, { recursive: true, force: true });
    const path = join(folder, 'data', 'exports.sqlite');
    await createTables({ kind: 'embedded', path }, { exports });
    return this.startContender('gateway', rows, { env: { ...env, DATABASE_URL: '' }, folder });
  }

  /**
   * Loads the targets by turns in each round. Returns the measurements of each target. A quick one
   * has a single round of fewer clients where a target is slow, because it waits for all responses.
   */
  async measure(
    targets: readonly Target[],
    { rounds, isQuick = false, ...load }: Rounds & { isQuick?: boolean },
  ): Promise<Measurement[][]> {
    let slowest = Infinity;
    // Before the first round, code is compiled and the database reads its pages. A few clients are
    // enough, and keep slow contenders from a long queue.
    for (const target of targets) {
      const options = { seconds: WARM_UP_S, clients: isQuick ? 2 : 8 };
      const { received, seconds } = await this.load(target, options);
      slowest = Math.min(slowest, received / seconds);
    }
    const isShort = isQuick && slowest < SLOW;
    const options = isShort ? { ...load, clients: 16 } : load;
    return this.inRounds(targets, isShort ? 1 : rounds, (target) =>
      this.measureOnce(target, options),
    );
  }

  /** Measures the targets by turns in each round. Returns the results of each target. */
  async inRounds<Result>(
    targets: readonly Target[],
    rounds: number,
    measureOnce: (target: Target) => Promise<Result>,
  ): Promise<Result[][]> {
    const measured = targets.map((): Result[] => []);
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < targets.length; turn++) {
        // Each round begins with another target, because the position has an influence.
        const index = (round + turn) % targets.length;
        const target = targets[index];
        if (target !== undefined) measured[index]?.push(await measureOnce(target));
      }
    }
    return measured;
  }

  /** The 99th percentile of the times to respond, in milliseconds, at about this rate. */
  async latencyAtRate(
    target: Target,
    { perSecond, seconds }: { perSecond: number; seconds: number },
  ): Promise<number> {
    const clients = PAUSING_CLIENTS;
    const { p99 } = await this.load(target, {
      seconds,
      clients,
      pause: (1_000 * clients) / perSecond,
    });
    return p99;
  }

  /** Loads a contender with wrk, which needs less CPU than others, and waits for all responses. */
  async load(
    { contender, requests }: Target,
    { seconds, clients = CLIENTS, pause = 0 }: Omit<Rounds, 'rounds'> & { pause?: number },
  ): Promise<LoadResult> {
    const bodies = join(this.folder, 'requests');
    await writeFile(bodies, requests.map((request) => JSON.stringify(request)).join('\n'));
    const wrk = await findOrInstall(['wrk'], () => findProgram(['wrk'], thisMachine.folders));
    const duration = Math.ceil(seconds) + RESPONSE_TIMEOUT;
    const args = [
      ...['-t1', `-c${clients}`, `-d${duration}s`, `--timeout=${RESPONSE_TIMEOUT}s`],
      ...['-s', join(root, 'test/bench/load.lua'), `${contender.origin}/graphql`],
      ...['--', bodies, String(seconds), String(pause)],
    ];
    const { stdout } = await promisify(execFile)(wrk, args, { signal: exiting.signal });
    const printed = /^\{"received".*$/m.exec(stdout)?.[0];
    if (printed === undefined) throw new Error(`wrk printed no result:\n${stdout}`);
    const result = JSON.parse(printed) as LoadResult;
    this.errors += result.errors;
    return result;
  }

  async stop({ pid }: Pick<Contender, 'pid'>): Promise<void> {
    const child = this.children.get(pid);
    this.children.delete(pid);
    if (child?.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  }

  async close(): Promise<void> {
    for (const pid of [...this.children.keys()]) await this.stop({ pid });
    await this.connection.end();
    await this.server.dispose();
    for (const path of this.logs) {
      const lines = (await readFile(path, 'utf8')).split('\n').length - 1;
      if (lines > 0) console.error(`${lines} lines in the log ${path}`);
    }
  }

  private async measureOnce(target: Target, options: Omit<Rounds, 'rounds'>): Promise<Measurement> {
    const before = await this.cpuTimes(target.contender);
    const { received, ...load } = await this.load(target, options);
    const after = await this.cpuTimes(target.contender);
    const [cpu = NaN, databaseCpu = NaN] = after.map(
      (ms, index) => (ms - (before[index] ?? NaN)) / received,
    );
    const { clients = CLIENTS } = options;
    return { ...load, clients, perSecond: received / load.seconds, cpu, databaseCpu };
  }
}

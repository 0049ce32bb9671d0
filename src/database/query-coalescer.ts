import { LRUCache } from 'lru-cache';

import { RequestAbandonedError, ServiceUnavailableError } from '../errors.js';
import type { Database, QueryOrigin } from './database.js';
import { FairSemaphore } from './fair-semaphore.js';
import { MicroBatcher } from './micro-batcher.js';
import { SharedOrigin } from './shared-origin.js';
import type { SqlValue } from './sql-format.js';

/** A query waits no longer for an equal one that runs, because that one may hang. */
const MAX_JOIN_WAIT_MS = 200;
/** From this duration of its last run on, a query waits a tenth of it for others to join. */
const SLOW_MS = 20;
/** From this one on, a query that has waited for an equal one waits a quarter for its callers. */
const MODERATE_MS = 3;
const BATCH_WINDOW_MS = 10;
/** The part of a server's connections for slow queries; the others stay free for fast ones. */
const SLOW_SHARE = 0.5;
/** Together with slow ones they leave connections for fast ones, whatever organizations send. */
const UNKNOWN_SHARE = 0.3;
/** In place of a limit of connections. */
const EMBEDDED_CONCURRENCY = 10;
/** The rest of a query's deadline is for its run. */
const MAX_SLOW_WAIT_MS = 1_200;
/** With the wait for a place in its request. Later the run would end at the deadline in any case. */
const MAX_WAIT_MS = 1_500;
/** How fast a shape becomes fast again: by run, as a part of its duration. */
const DURATION_DECAY = 0.5;
const MAX_SHAPES_BYTES = 1_000_000;

type Row = Readonly<Record<string, unknown>>;

/** A query that has not started, and the requests that share it. */
interface QueuedQuery {
  readonly result: Promise<unknown>;
  readonly origins: [QueryOrigin, ...QueryOrigin[]];
}

/**
 * Single-flight on the next run: equal queries that arrive while one runs wait for its end and then
 * share a run. A caller never joins a query that has already started, so results are never stale.
 * Equal means the same SQL and parameters, one of which is the organization.
 *
 * A query is slow when the last one of its organization with the same SQL was, whatever the
 * parameters: a client can make up any number of those. A slow query waits for a batch window, and so
 * does one that takes some milliseconds and has waited for an equal one: callers that repeat it would
 * split into two groups that alternate. A semaphore bounds slow queries: concurrent ones take as long
 * as sequential ones, but none can join them. Fast queries start in micro-batches: longer ticks let
 * more queries join.
 */
export class QueryCoalescer {
  private queued = new Map<string, QueuedQuery>();
  private readonly inFlight = new Map<string, Promise<void>>();
  /** In milliseconds, by shape: the organization and the SQL. */
  private readonly durations = new LRUCache<string, number>({
    maxSize: MAX_SHAPES_BYTES,
    sizeCalculation: (_duration, shape) => 2 * shape.length + 100,
  });
  private readonly batcher = new MicroBatcher();
  private readonly slowQueries: FairSemaphore;
  /** For shapes that have never run: they may be slow, but must not wait for slow ones. */
  private readonly unknownQueries: FairSemaphore;

  constructor(private readonly database: Pick<Database, 'query' | 'poolStats'>) {
    const [primary, ...replicas] = database.poolStats().map((server) => server.connectionLimit);
    // Where there are replicas, the primary is not read.
    const limits = replicas.length > 0 ? replicas : [primary ?? EMBEDDED_CONCURRENCY];
    const permits = (share: number) =>
      limits.map((limit) => Math.max(1, Math.floor(limit * share))).reduce((a, b) => a + b);
    this.slowQueries = new FairSemaphore(permits(SLOW_SHARE));
    this.unknownQueries = new FairSemaphore(permits(UNKNOWN_SHARE));
  }

  /**
   * Resolves to what `read` makes of the rows, once per run. Callers may share it and must not
   * change it; equal queries must be read alike.
   */
  query<Result>(
    sql: string,
    parameters: readonly SqlValue[],
    origin: QueryOrigin,
    read: (rows: readonly Row[]) => Result,
  ): Promise<Result> {
    const arrivedAt = performance.now();
    const key = `${sql}\n${JSON.stringify(parameters)}`;
    const joined = this.join<Result>(key, origin);
    if (joined !== undefined) return joined;
    // Before others can join it: they must not wait for a place in this request.
    const place = origin.enter?.();
    const arrived = { key, sql, parameters, origin, arrivedAt };
    if (place === undefined) return this.enqueue(arrived, read);
    return place.then(() => {
      const late = this.join<Result>(key, origin);
      if (late !== undefined) origin.leave?.();
      return late ?? this.enqueue(arrived, read);
    });
  }

  /** Returns the result of an equal query that has not started. */
  private join<Result>(key: string, origin: QueryOrigin): Promise<Result> | undefined {
    const queued = this.queued.get(key);
    queued?.origins.push(origin);
    return queued?.result as Promise<Result> | undefined;
  }

  private enqueue<Result>(
    { key, sql, parameters, origin, arrivedAt }: ArrivedQuery,
    read: (rows: readonly Row[]) => Result,
  ): Promise<Result> {
    const { organization } = origin;
    const shape = `${organization}\n${sql}`;
    const origins: QueuedQuery['origins'] = [origin];
    const start = (started: Start) => {
      this.unqueue(key);
      const shared = new StartedOrigin(origins, started);
      if (shared.isAbandoned || started.waitedMs > MAX_WAIT_MS) {
        started.release();
        throw shared.isAbandoned ? new RequestAbandonedError() : noTimeLeft();
      }
      const run = this.database.query<Row>(sql, parameters, shared);
      this.trackInFlight(key, shape, run, started);
      return run.then(read);
    };
    const result = this.schedule({ key, shape, origin, arrivedAt }).then(
      start,
      (error: unknown) => {
        this.unqueue(key);
        origin.leave?.();
        throw error;
      },
    );
    this.queued.set(key, { result, origins });
    return result;
  }

  private unqueue(key: string): void {
    this.queued.delete(key);
    // Else its old tables would keep results in memory, as in-flight.ts says.
    if (this.queued.size === 0) this.queued = new Map();
  }

  /** Resolves when the query may start. */
  private async schedule({ key, shape, origin, arrivedAt }: ScheduledQuery): Promise<Start> {
    const { organization } = origin;
    // Else a query that becomes slow would wait until others return permits beyond their share.
    this.slowQueries.use(organization, arrivedAt);
    this.unknownQueries.use(organization, arrivedAt);
    const running = this.inFlight.get(key);
    if (running !== undefined) await raceTimeout(running, MAX_JOIN_WAIT_MS);
    const duration = this.durations.get(shape);
    let leave: (() => void) | undefined;
    if (duration === undefined) {
      await this.batcher.next(organization);
      leave = await this.acquire(this.unknownQueries, organization);
    } else if (duration < SLOW_MS) {
      if (running !== undefined && duration >= MODERATE_MS) await sleep(duration / 4);
      await this.batcher.next(organization);
    } else {
      await sleep(Math.min(duration / 10, BATCH_WINDOW_MS));
      leave = await this.acquire(this.slowQueries, organization);
    }
    const now = performance.now();
    const release = () => {
      leave?.();
      origin.leave?.();
    };
    return { startedAt: now, waitedMs: now - arrivedAt, release };
  }

  /** Resolves to the function that returns the permit. */
  private acquire(semaphore: FairSemaphore, organization: string): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const release = () => {
        semaphore.release(holder);
      };
      const timer = setTimeout(() => {
        release();
        reject(noTimeLeft());
      }, MAX_SLOW_WAIT_MS);
      const holder = {
        organization,
        enter: () => {
          clearTimeout(timer);
          resolve(release);
        },
      };
      semaphore.acquire(holder);
    });
  }

  private trackInFlight(key: string, shape: string, run: Promise<unknown>, started: Start): void {
    const learn = (shortest: number) => {
      this.durations.set(shape, Math.max(performance.now() - started.startedAt, shortest));
      started.release();
      if (this.inFlight.get(key) === ended) this.inFlight.delete(key);
    };
    const last = this.durations.get(shape) ?? 0;
    // The callers receive the error, and an early one does not show that the query is fast.
    const ended = run.then(
      () => {
        learn(last * DURATION_DECAY);
      },
      () => {
        learn(last);
      },
    );
    this.inFlight.set(key, ended);
  }
}

interface ArrivedQuery {
  readonly key: string;
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  readonly origin: QueryOrigin;
  /** As by performance.now(), before it waited for a place in its request. */
  readonly arrivedAt: number;
}

interface ScheduledQuery extends Pick<ArrivedQuery, 'key' | 'origin' | 'arrivedAt'> {
  readonly shape: string;
}

interface Start {
  /** When a connection took the query; until then, when it may start. */
  startedAt: number;
  readonly waitedMs: number;
  readonly release: () => void;
}

function noTimeLeft(): ServiceUnavailableError {
  const cause = new Error('Slow queries of its request or organization left no time for a query');
  return new ServiceUnavailableError({ cause });
}

class StartedOrigin extends SharedOrigin {
  readonly waitedMs: number;

  constructor(
    origins: QueuedQuery['origins'],
    private readonly start: Start,
  ) {
    super(origins);
    this.waitedMs = start.waitedMs;
  }

  onStart(): void {
    this.start.startedAt = performance.now();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function raceTimeout(promise: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void promise.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

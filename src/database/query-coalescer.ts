import { LRUCache } from 'lru-cache';

import type { Database } from './database.js';
import { MicroBatcher } from './micro-batcher.js';
import { Semaphore } from './semaphore.js';

/** A query waits no longer for those that run, because they may hang. */
const MAX_WAIT_MS = 200;
/** From this duration of its last run on, a query waits a tenth of it for others to join. */
const SLOW_MS = 20;
const BATCH_WINDOW_MS = 10;
/** Half of a server's connections; the other half stays free for fast queries. */
const MAX_SLOW_PER_SERVER = 5;

/**
 * Single-flight on the next run: equal queries that arrive while one runs wait for its end and then
 * share a run. A caller never joins a query that has already started, so results are never stale.
 * Equal means the same SQL and parameters, one of which is the organization.
 * A slow query waits for a batch window, or callers that repeat it would split into two groups that
 * alternate. A semaphore bounds slow queries: concurrent ones take as long as sequential ones, but
 * none can join them. Fast queries start in micro-batches: longer ticks let more queries join.
 */
export class QueryCoalescer {
  private readonly queued = new Map<string, Promise<unknown[]>>();
  private readonly inFlight = new Map<string, Promise<void>>();
  /** In milliseconds. */
  private readonly lastDuration = new LRUCache<string, number>({ max: 1_000 });
  private readonly batcher = new MicroBatcher();
  private readonly slowQueries: Semaphore;

  constructor(private readonly database: Pick<Database, 'query' | 'poolStats'>) {
    // Where there are replicas, the primary is not read.
    const servers = Math.max(database.poolStats().length - 1, 1);
    this.slowQueries = new Semaphore(MAX_SLOW_PER_SERVER * servers);
  }

  /** As `Database.query`, but callers may share the rows and must not change them. */
  query<Row>(sql: string, parameters: readonly unknown[]): Promise<readonly Row[]> {
    const key = `${sql}\n${JSON.stringify(parameters)}`;
    const queued = this.queued.get(key) as Promise<Row[]> | undefined;
    if (queued !== undefined) return queued;
    const rows = this.schedule(key).then((release) => {
      this.queued.delete(key);
      const run = this.database.query<Row>(sql, parameters);
      this.trackInFlight(key, run, release);
      return run;
    });
    this.queued.set(key, rows);
    return rows;
  }

  /** Resolves when the query may start, to a function that must be called when it has ended. */
  private async schedule(key: string): Promise<() => void> {
    const arrivedAt = performance.now();
    const running = this.inFlight.get(key);
    if (running !== undefined) await raceTimeout(running, MAX_WAIT_MS);
    const duration = this.lastDuration.get(key) ?? 0;
    if (duration < SLOW_MS) {
      await this.batcher.next();
      return () => undefined;
    }
    const window = Math.min(duration / 10, BATCH_WINDOW_MS);
    await new Promise((resolve) => setTimeout(resolve, window));
    await this.slowQueries.acquire(MAX_WAIT_MS - (performance.now() - arrivedAt));
    return () => {
      this.slowQueries.release();
    };
  }

  private trackInFlight(key: string, run: Promise<unknown>, release: () => void): void {
    const startedAt = performance.now();
    // The callers receive the error, and an early one does not show that the query is fast.
    const onError = () => this.lastDuration.get(key) ?? 0;
    const ended = run
      .then(() => 0, onError)
      .then((shortest) => {
        this.lastDuration.set(key, Math.max(performance.now() - startedAt, shortest));
        release();
        if (this.inFlight.get(key) === ended) this.inFlight.delete(key);
      });
    this.inFlight.set(key, ended);
  }
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

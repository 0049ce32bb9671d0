import { LRUCache } from 'lru-cache';

import type { Database } from './database.js';

/** How long a statement waits at most for those that run: they may hang. */
const PATIENCE_MS = 200;
/** A statement that took so long the last time is worth waiting for company, for a tenth of that time. */
const SLOW_MS = 20;
const MAX_LINGER_MS = 10;
/** So many slow ones run at once on each server: half of its connections, so that the quick ones find one. */
const SLOW_PER_SERVER = 5;
/** So many others begin in one turn of the event loop. Fewer would make the embedded database, which takes all of a turn, slower. */
const PER_TURN = 3;

/**
 * Equal statements share the next run: one that comes while an equal one runs waits for that to end, together with all others
 * that come meanwhile, and then they run as one. Nobody joins a run that has begun, so no answer is older than its question. A slow
 * one lingers a little before it runs: those who were just answered ask again, and without it they would form a second group
 * that takes turns with the first. Nor do many of them run at once: where they keep the server's cores busy, all together take as
 * long as one after the other, and nobody could join. Of the others a few begin in each turn of the event loop: the more this
 * process has to do, the longer these turns are, and the more come meanwhile that can join. An idle one loses nothing by it.
 *
 * The parameters are part of what is equal, and so is the organization among them.
 */
export class QueryCoalescer {
  readonly #waiting = new Map<string, Promise<unknown[]>>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #turns = new Turns();
  /** What a statement took the last time, in milliseconds. */
  readonly #took = new LRUCache<string, number>({ max: 1_000 });
  readonly #slow: Places;

  constructor(private readonly database: Pick<Database, 'query' | 'poolStats'>) {
    // Where there are replicas, the primary is not read.
    const servers = Math.max(database.poolStats().length - 1, 1);
    this.#slow = new Places(SLOW_PER_SERVER * servers);
  }

  /** The rows of a statement, as `Database.query`. They may be shared, so nobody may change them. */
  query<Row>(sql: string, parameters: readonly unknown[]): Promise<readonly Row[]> {
    const key = `${sql}\n${JSON.stringify(parameters)}`;
    const waiting = this.#waiting.get(key) as Promise<Row[]> | undefined;
    if (waiting !== undefined) return waiting;
    const rows = this.turnOf(key).then((leave) => {
      this.#waiting.delete(key);
      const run = this.database.query<Row>(sql, parameters);
      this.occupy(key, run, leave);
      return run;
    });
    this.#waiting.set(key, rows);
    return rows;
  }

  /**
   * Comes when no equal statement runs and there is room for this one, or it has waited long enough; not before others could
   * join in. Gives what is to be called when it has ended.
   */
  private async turnOf(key: string): Promise<() => void> {
    const since = performance.now();
    const running = this.#running.get(key);
    if (running !== undefined) await settledOrLate(running);
    const took = this.#took.get(key) ?? 0;
    if (took < SLOW_MS) {
      await this.#turns.next();
      return () => undefined;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(took / 10, MAX_LINGER_MS)));
    await this.#slow.take(PATIENCE_MS - (performance.now() - since));
    return () => {
      this.#slow.release();
    };
  }

  private occupy(key: string, run: Promise<unknown>, leave: () => void): void {
    const begun = performance.now();
    const settled = run.then(
      () => {
        this.#took.set(key, performance.now() - begun);
      },
      // The error is that of those who wait for the rows. It tells of the time only when it came late.
      () => {
        this.#took.set(key, Math.max(performance.now() - begun, this.#took.get(key) ?? 0));
      },
    );
    this.#running.set(key, settled);
    void settled.then(() => {
      leave();
      if (this.#running.get(key) === settled) this.#running.delete(key);
    });
  }
}

/** Lets a few go in each turn of the event loop, in the order in which they came. */
class Turns {
  readonly #waiting: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((go) => {
      if (this.#waiting.push(go) === 1) this.begin();
    });
  }

  private begin(): void {
    setImmediate(() => {
      for (const go of this.#waiting.splice(0, PER_TURN)) go();
      if (this.#waiting.length > 0) this.begin();
    });
  }
}

/** Room for so many at once; more, when somebody has waited for too long. */
class Places {
  #free: number;
  /** The oldest first. */
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  take(patienceMs: number): Promise<void> {
    if (this.#free > 0 || patienceMs <= 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((taken) => {
      const enter = () => {
        clearTimeout(late);
        this.#waiting.delete(enter);
        this.#free--;
        taken();
      };
      const late = setTimeout(enter, patienceMs);
      this.#waiting.add(enter);
    });
  }

  release(): void {
    this.#free++;
    const [next] = this.#waiting;
    if (this.#free > 0) next?.();
  }
}

function settledOrLate(running: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, PATIENCE_MS);
    void running.then(() => {
      clearTimeout(late);
      resolve();
    });
  });
}

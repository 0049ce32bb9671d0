import type { Database } from './database.js';
import { parseSqlDateTime } from './sql-datetime.js';

const MAX_AGE_MS = 60_000;

/** Compares the clock of the database server with that of the gateway, at most once a minute. */
export class ClockDifference {
  #seconds = NaN;
  #measuredAt = -Infinity;

  constructor(private readonly database: Pick<Database, 'query' | 'currentTimeSql'>) {}

  /**
   * How far the database is ahead, in seconds; NaN until it has been measured. Returns at once: an
   * old value is measured again in the background.
   */
  read(): number {
    if (performance.now() - this.#measuredAt >= MAX_AGE_MS) void this.measure();
    return this.#seconds;
  }

  async measure(): Promise<void> {
    this.#measuredAt = performance.now();
    try {
      const sentAt = Date.now();
      const sql = `SELECT ${this.database.currentTimeSql} AS now`;
      const [row] = await this.database.query<{ now: string }>(sql);
      // The server read its clock about halfway.
      const halfway = (sentAt + Date.now()) / 2;
      if (row === undefined) return;
      this.#seconds = (parseSqlDateTime(row.now).getTime() - halfway) / 1_000;
    } catch {
      // Requests report an outage. The last value remains.
    }
  }
}

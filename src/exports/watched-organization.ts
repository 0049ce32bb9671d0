import { parseSqlDateTime, toSqlDateTime } from '../database/sql-datetime.js';
import type { Changes, ChangesPage } from './export-repository.js';
import { allColumns, type ExportRow } from './export.js';

/** How long a transaction may stay open after it has set `updated_at`. */
const OVERLAP_MS = 10_000;
/** How late a replica may show a change, its transaction included. */
const WINDOW_MS = 60_000;
/** Columns may have whole seconds. */
const ROUNDING_MS = 1_000;
/** What a new follower of lists receives at first: what changed in 30 s. */
const RECENT_MS = 30_000 + ROUNDING_MS;
/** An organization in which more exports change within the window is re-read for a shorter time. */
const MAX_STATES = 20_000;

/** Receives what is new in one organization. */
export interface ChangeListener {
  /** The newest state of an export: always the same object for the same state. */
  onChange(row: ExportRow): void;
  /** Everything has been read since the organization is followed. */
  onCurrent(): void;
}

export interface DatabaseTime {
  /** The database's. */
  readonly now: number;
  /** As by performance.now(): when it was asked for. */
  readonly sentAt: number;
}

/** How many changes of a page were new, and whether another page follows. */
export interface AddedPage {
  readonly changes: number;
  readonly hasMore: boolean;
}

interface SeenState {
  readonly row: ExportRow;
  /** When it was seen; of what is read at first, until when it may have been committed. */
  readonly seenAt: number;
}

/**
 * What the feed knows of an organization: from where on to read, and which states it has seen. All
 * times are the database's, in milliseconds.
 *
 * Each sweep reads the changes since the newest one seen, less an overlap, because commits may come
 * late. Where nothing changes it does not reach back further than replicas may lag.
 */
export class WatchedOrganization {
  listener: ChangeListener | null = null;
  /** Whether everything has been read since the listener came. */
  isCurrent = false;
  /** As by performance.now(): when the last complete sweep began; before it, the listener came. */
  readAt = performance.now();
  /** In the order in which they were seen. */
  readonly #states = new Map<string, SeenState>();
  /** The newest `updatedAt` that is not in the future. */
  #newest = '';
  /** When the last complete sweep began. */
  #sweptAt: number | null = null;
  /** The sweep that has further pages. */
  #sweep: (DatabaseTime & { start: ChangesPage['start'] }) | null = null;
  /** Changes before this time may have been forgotten. */
  #floor = -Infinity;
  #recent: readonly ExportRow[] | null = null;

  constructor(readonly name: string) {}

  /** The page to read next. `time` is that of the database before it is read. */
  nextPage(time: DatabaseTime): ChangesPage {
    this.#sweep ??= { ...time, start: toSqlDateTime(new Date(this.#lowerBound(time))) };
    return { organization: this.name, start: this.#sweep.start };
  }

  /**
   * Tells the listener what is new in the page. Yields after each change, because thousands may
   * follow the organization.
   */
  *add({ rows, next }: Changes): Generator<undefined, AddedPage, void> {
    if (this.#sweep === null) throw new Error('No page of the organization was asked for.');
    const { now, sentAt } = this.#sweep;
    const nowText = toSqlDateTime(new Date(now));
    const mayBeLate = OVERLAP_MS + this.#waitedMs(sentAt);
    let changes = 0;
    for (const row of rows) {
      const updatedAt = changedAt(row);
      if (updatedAt > this.#newest && updatedAt <= nowText) this.#newest = updatedAt;
      const known = this.newest(row.id);
      // A replica that lags shows a state again that another one has replaced.
      if (known !== undefined && (isOlder(row, known) || isSame(row, known))) continue;
      const seenAt = this.#sweptAt === null ? Math.min(toMs(updatedAt) + mayBeLate, now) : now;
      this.#states.delete(row.id);
      this.#states.set(row.id, { row, seenAt });
      this.#recent = null;
      changes++;
      this.listener?.onChange(row);
      yield;
    }
    this.#limit(now, rows.at(-1));
    if (next !== null) {
      this.#sweep.start = next;
      return { changes, hasMore: true };
    }
    this.#sweep = null;
    this.#sweptAt = now;
    this.#recent = null;
    this.readAt = sentAt;
    this.#prune(now);
    if (!this.isCurrent) {
      this.isCurrent = true;
      this.listener?.onCurrent();
    }
    return { changes, hasMore: false };
  }

  /** The newest state that the feed has seen of an export that changed within the window. */
  newest(id: string): ExportRow | undefined {
    return this.#states.get(id)?.row;
  }

  /** The states that changed within 30 s before the last sweep. All callers share the array. */
  recent(): readonly ExportRow[] {
    const since = (this.#sweptAt ?? Infinity) - RECENT_MS;
    this.#recent ??= [...this.#states.values()]
      .filter(({ seenAt }) => seenAt >= since)
      .map(({ row }) => row);
    return this.#recent;
  }

  #lowerBound({ now, sentAt }: DatabaseTime): number {
    if (this.#sweptAt === null) return now - WINDOW_MS - this.#waitedMs(sentAt);
    const newest = this.#newest === '' ? -Infinity : toMs(this.#newest);
    const overlapping = Math.min(newest, this.#sweptAt) - OVERLAP_MS;
    return Math.max(overlapping, this.#sweptAt - WINDOW_MS, this.#floor);
  }

  /** How long the listener has waited for its first sweep: for as long as an outage lasts. */
  #waitedMs(sentAt: number): number {
    return Math.max(sentAt - this.readAt, 0);
  }

  /** Forgets what no sweep reads again. */
  #prune(now: number): void {
    const since = now - WINDOW_MS - 2 * ROUNDING_MS;
    const sinceText = toSqlDateTime(new Date(since));
    for (const [id, { row, seenAt }] of this.#states) {
      if (seenAt >= since) return;
      // Changes whose time is in the future are read until it has passed.
      if (changedAt(row) < sinceText) this.#states.delete(id);
    }
  }

  /** Bounds the memory. What is forgotten must not be read again, or it would be news. */
  #limit(now: number, lastRead: ExportRow | undefined): void {
    for (const [id, { row }] of this.#states) {
      const isUnread = lastRead !== undefined && isOlder(lastRead, row);
      if (this.#states.size <= MAX_STATES || isUnread) return;
      this.#states.delete(id);
      const forgotten = Math.min(toMs(changedAt(row)), now) + ROUNDING_MS;
      this.#floor = Math.max(this.#floor, forgotten);
    }
  }
}

/** Whether two states of an export are the same, whatever their `updatedAt`. */
export function isSame(one: ExportRow, other: ExportRow): boolean {
  return one === other || allColumns.every((column) => one[column] === other[column]);
}

export function isOlder(row: ExportRow, than: ExportRow): boolean {
  return changedAt(row) < changedAt(than);
}

export function toMs(time: string): number {
  return parseSqlDateTime(time).getTime();
}

/** Rows of the feed have every column. */
function changedAt({ updatedAt = '' }: ExportRow): string {
  return updatedAt;
}

import { StreamOverflowError } from '../errors.js';
import { currentSecond } from './export-clock.js';
import { isEmptyFilter, matchesFilter, type NormalizedExportFilter } from './export-filter.js';
import { isInScope } from './export-scope.js';
import { isRunning, type ExportRow } from './export.js';
import { isOlder, isSame } from './watched-organization.js';

const MAX_PENDING = 1_000;
/** Of one subscription. An export that was emitted longer ago is not seen leaving the filter. */
const MAX_MATCHED = 10_000;

/** What one subscription has yet to emit. Iterating emits states one by one. */
export interface PendingExports extends AsyncIterable<ExportRow | null> {
  /**
   * Resolves to true once a state is pending, to false once the subscription is complete. Throws
   * StreamOverflowError when more than 1,000 exports are pending. One call at a time.
   */
  ready(): Promise<boolean>;
  /**
   * The next pending export in its newest state; null for an unknown id; undefined when nothing is
   * pending any more.
   */
  take(): ExportRow | null | undefined;
  /** Unsubscribes; a waiting ready() resolves to false. */
  close(): void;
}

/** The open subscriptions of one organization. */
export interface Followers {
  remove(pending: Pending): void;
}

/** Thousands of subscriptions wait in such objects: they hold no closures, and sets only in use. */
export abstract class Pending implements PendingExports {
  #wake: ((isPending: boolean) => void) | null = null;

  /** `followers` is null once no changes follow. */
  constructor(private followers: Followers | null) {}

  protected abstract hasPending(): boolean;
  abstract take(): ExportRow | null | undefined;

  // Not async: what an async function holds while it waits takes 0.2 KiB.
  ready(): Promise<boolean> {
    if (this.hasPending()) return Promise.resolve(true);
    if (this.followers === null) return Promise.resolve(false);
    return new Promise((resolve) => (this.#wake = resolve));
  }

  close(): void {
    this.unfollow();
    this.wake(false);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ExportRow | null, void> {
    try {
      while (await this.ready()) {
        const row = this.take();
        if (row !== undefined) yield row;
      }
    } finally {
      this.close();
    }
  }

  /** Receives no more changes. What is pending remains. */
  protected unfollow(): void {
    this.followers?.remove(this);
    this.followers = null;
  }

  protected wake(isPending: boolean): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.(isPending);
  }
}

/** The states of one export, until it ends or leaves the scope. */
export class PendingExport extends Pending {
  readonly #requester: string | null;
  #pending: ExportRow | null | undefined;
  #last: ExportRow | null;

  /** Emits the current state first, null for an export that the viewer does not have. */
  constructor(
    followers: Followers | null,
    readonly id: string,
    { requester, current }: { requester: string | null; current: ExportRow | null },
  ) {
    super(followers);
    this.#requester = requester;
    this.#pending = current;
    this.#last = current;
  }

  onChange(row: ExportRow): void {
    const last = this.#last;
    if (last === null || isOlder(row, last) || isSame(row, last)) return;
    // What has left the scope looks like what never was in it.
    const state = isInScope(row, this.#requester) ? row : null;
    this.#pending = state;
    this.#last = state;
    if (state === null || !isRunning(state)) this.unfollow();
    this.wake(true);
  }

  protected hasPending(): boolean {
    return this.#pending !== undefined;
  }

  take(): ExportRow | null | undefined {
    const state = this.#pending;
    this.#pending = undefined;
    return state;
  }

  override close(): void {
    this.#pending = undefined;
    super.close();
  }
}

/** The changes of all exports of a scope that match a filter, or did when they were emitted. */
export class PendingList extends Pending {
  /** What changed before the subscription began. Others share the array. */
  #recent: readonly ExportRow[] | null = null;
  #position = 0;
  /** Exports that have changed since, while some of these are not emitted. */
  #superseded: Set<string> | null = null;
  #isPrimed = false;
  #pending: Map<string, ExportRow> | null = null;
  /** The ids of exports that matched when they were emitted; null for an empty filter. */
  #matched: Set<string> | null = null;
  #overflow: StreamOverflowError | null = null;

  constructor(
    followers: Followers,
    private readonly requester: string | null,
    private readonly filter: NormalizedExportFilter,
  ) {
    super(followers);
  }

  /** Emits what changed last, and what changes from now on. */
  prime(recent: readonly ExportRow[]): void {
    if (this.#isPrimed) return;
    this.#isPrimed = true;
    this.#recent = recent;
    if (this.hasPending()) this.wake(true);
  }

  onChange(row: ExportRow): void {
    if (!this.#isPrimed) return;
    if (this.#nextRecent() !== undefined) (this.#superseded ??= new Set()).add(row.id);
    const isVisible = isInScope(row, this.requester);
    const wasEmitted = this.#matched?.has(row.id) === true;
    if (isVisible && (wasEmitted || this.#matches(row))) {
      // An export that is pending keeps its place.
      (this.#pending ??= new Map()).set(row.id, row);
      this.wake(true);
    } else {
      this.#pending?.delete(row.id);
    }
    const pending = Math.max(this.#pending?.size ?? 0, this.#superseded?.size ?? 0);
    if (pending > MAX_PENDING) this.#fail();
  }

  override ready(): Promise<boolean> {
    return this.#overflow === null ? super.ready() : Promise.reject(this.#overflow);
  }

  protected hasPending(): boolean {
    return (this.#pending?.size ?? 0) > 0 || this.#nextRecent() !== undefined;
  }

  take(): ExportRow | undefined {
    const row = this.#nextRecent() ?? this.#pending?.values().next().value;
    if (row === undefined) return undefined;
    if (this.#recent !== null) this.#position++;
    else this.#pending?.delete(row.id);
    if (!isEmptyFilter(this.filter)) this.#remember(row);
    return row;
  }

  override close(): void {
    this.#clear();
    super.close();
  }

  /** The next of the recent changes that matches and is not superseded. */
  #nextRecent(): ExportRow | undefined {
    while (this.#recent !== null) {
      const row = this.#recent[this.#position];
      if (row === undefined) {
        this.#recent = null;
        this.#superseded = null;
      } else if (
        this.#superseded?.has(row.id) !== true &&
        isInScope(row, this.requester) &&
        this.#matches(row)
      ) {
        return row;
      } else {
        this.#position++;
      }
    }
    return undefined;
  }

  #matches(row: ExportRow): boolean {
    return matchesFilter(row, this.filter, currentSecond());
  }

  /** Keeps which exports are to be seen leaving the filter. */
  #remember(row: ExportRow): void {
    const matched = (this.#matched ??= new Set());
    matched.delete(row.id);
    if (!this.#matches(row)) return;
    matched.add(row.id);
    const [oldest] = matched;
    if (matched.size > MAX_MATCHED && oldest !== undefined) matched.delete(oldest);
  }

  #fail(): void {
    this.#overflow = new StreamOverflowError();
    this.#clear();
    this.unfollow();
  }

  #clear(): void {
    this.#recent = null;
    this.#superseded = null;
    this.#pending = null;
    this.#matched = null;
  }
}

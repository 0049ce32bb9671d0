import type { Logger } from '../logger.js';
import type { ExportRepository } from './export-repository.js';
import type { ExportRow } from './export.js';
import { Turn } from './turn.js';
import {
  toMs,
  WatchedOrganization,
  type AddedPage,
  type ChangeListener,
  type DatabaseTime,
} from './watched-organization.js';

/** By statement, so that it stays short. */
const MAX_ORGANIZATIONS = 50;
/** Of organizations whose last read failed; they are read beside the polls of the others. */
const MAX_CONCURRENT_RETRIES = 2;
/** A failed read waits for this multiple of its duration. */
const RETRY_AFTER = 5;
/** What an organization without followers is remembered for. */
const MEMORY_MS = 60_000;
/**
 * The pause after a poll that took longer than the interval, and between the pages of an
 * organization with many changes, as a part of the interval: consumers need time to emit a page.
 */
const MIN_PAUSE = 0.1;

export interface CompletedPoll {
  readonly seconds: number;
  /** Whether an organization could not be read. */
  readonly failed: boolean;
  /** Since the poll before, with those of organizations that are read alone. */
  readonly statements: number;
  /** How many new states it has found. */
  readonly changes: number;
}

interface ChangeFeedOptions {
  readonly intervalMs: number;
  readonly logger: Logger;
  readonly onPolled?: (poll: CompletedPoll) => void;
}

type ChangesReader = Pick<ExportRepository, 'readChanges' | 'currentTime'>;

/** Of an organization that could not be read. */
interface Failure {
  /** As by performance.now(). */
  readonly retryAt: number;
  readonly error: unknown;
}

/**
 * Reads the changes of all followed organizations, once per interval whatever the number of their
 * followers, and nothing while there are none. A failure of the database delays what it tells and
 * loses nothing: the next sweep of an organization starts where the last complete one did.
 */
export class ChangeFeed {
  readonly #organizations = new Map<string, WatchedOrganization>();
  /** Those that have never been read since they are followed. */
  readonly #added = new Set<WatchedOrganization>();
  /** Those whose changes are more than a page. */
  readonly #unfinished = new Set<WatchedOrganization>();
  readonly #failures = new Map<WatchedOrganization, Failure>();
  readonly #retrying = new Set<WatchedOrganization>();
  readonly #leftAt = new Map<WatchedOrganization, number>();
  #timer: NodeJS.Timeout | undefined;
  #isPolling = false;
  #isClosed = false;
  #isFailing = false;
  /** Whether the last statement that tells the time failed. */
  #isDown = false;
  #clock: DatabaseTime = { now: 0, sentAt: 0 };
  /** As by performance.now(). */
  #nextPollAt = -Infinity;
  #statements = 0;
  #changes = 0;

  constructor(
    private readonly reader: ChangesReader,
    private readonly options: ChangeFeedOptions,
  ) {}

  /** The number of followed organizations. */
  get organizations(): number {
    return this.#organizations.size - this.#leftAt.size;
  }

  /** For how long changes may be unknown, in seconds, in the organization that is read last. */
  get lagSeconds(): number {
    const now = performance.now();
    const lags = this.#followed().map(({ readAt }) => now - readAt);
    return lags.reduce((longest, lag) => Math.max(longest, lag), 0) / 1_000;
  }

  /** Polls the organization at once, and then tells the only listener of it what changes. */
  watch(name: string, listener: ChangeListener): WatchedOrganization {
    const organization = this.#organizations.get(name) ?? new WatchedOrganization(name);
    this.#organizations.set(name, organization);
    this.#leftAt.delete(organization);
    organization.listener = listener;
    organization.isCurrent = false;
    organization.readAt = performance.now();
    this.#added.add(organization);
    this.#schedule();
    return organization;
  }

  unwatch(organization: WatchedOrganization): void {
    organization.listener = null;
    this.#added.delete(organization);
    this.#unfinished.delete(organization);
    this.#leftAt.set(organization, performance.now());
  }

  /** The newest state that the feed has seen of an export, if it changed within a minute. */
  newest(organization: string, id: string): ExportRow | undefined {
    return this.#organizations.get(organization)?.newest(id);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #followed(): WatchedOrganization[] {
    return [...this.#organizations.values()].filter(({ listener }) => listener !== null);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#isPolling || this.#isClosed || this.#organizations.size === 0) return;
    const pause = this.options.intervalMs * MIN_PAUSE;
    const untilNext = Math.max(this.#nextPollAt - performance.now(), pause);
    const wait = this.#unfinished.size > 0 ? pause : untilNext;
    this.#timer = setTimeout(() => void this.#poll(), this.#added.size > 0 ? 0 : wait);
  }

  async #poll(): Promise<void> {
    const startedAt = performance.now();
    this.#forget(startedAt);
    let due = [...new Set([...this.#added, ...this.#unfinished])];
    if (startedAt >= this.#nextPollAt) {
      due = this.#followed();
      this.#nextPollAt = startedAt + this.options.intervalMs;
    }
    this.#added.clear();
    this.#unfinished.clear();
    if (due.length > 0) {
      this.#isPolling = true;
      let failure: unknown;
      try {
        await this.#readTime();
        this.#retry();
        failure = await this.#read(
          due.filter((each) => !this.#failures.has(each) && !this.#retrying.has(each)),
        );
      } catch (error) {
        failure = error;
        this.#isDown = true;
      }
      this.#report(failure, startedAt);
      this.#isPolling = false;
    }
    this.#schedule();
  }

  /** Throws when the database is down. */
  async #readTime(): Promise<void> {
    this.#statements++;
    const sentAt = performance.now();
    this.#clock = { now: toMs(await this.reader.currentTime()), sentAt };
    // Other statements may have failed in the outage.
    if (this.#isDown) this.#failures.clear();
    this.#isDown = false;
  }

  /** Returns the last error, if there was one. Throws when the database is down. */
  async #read(organizations: readonly WatchedOrganization[]): Promise<unknown> {
    let failure: unknown;
    for (let at = 0; at < organizations.length; at += MAX_ORGANIZATIONS) {
      const group = organizations.slice(at, at + MAX_ORGANIZATIONS);
      try {
        await this.#readPages(group);
      } catch (error) {
        failure = error;
        await this.#readTime();
        for (const each of group) this.#failures.set(each, { retryAt: 0, error });
        this.#retry();
      }
    }
    return failure;
  }

  /** Reads a page of each organization by one statement. */
  async #readPages(organizations: readonly WatchedOrganization[]): Promise<void> {
    this.#statements++;
    const pages = organizations.map((each) => each.nextPage(this.#clock));
    const read = await this.reader.readChanges(pages);
    for (const [index, organization] of organizations.entries()) {
      const adding = organization.add(read[index] ?? { rows: [], next: null });
      const added = await this.#tell(adding);
      if (added === undefined) return;
      this.#changes += added.changes;
      if (added.hasMore && organization.listener !== null) this.#unfinished.add(organization);
    }
  }

  /** Tells of changes in turns of the event loop; undefined once the feed is closed. */
  async #tell(adding: ReturnType<WatchedOrganization['add']>): Promise<AddedPage | undefined> {
    const turn = new Turn();
    while (!this.#isClosed) {
      const step = adding.next();
      if (step.done === true) return step.value;
      if (turn.isOver) await turn.next();
    }
    return undefined;
  }

  /** Reads organizations that failed, each alone, while polls read the others. */
  #retry(): void {
    const now = performance.now();
    for (const [organization, { retryAt }] of this.#failures) {
      if (this.#retrying.size >= MAX_CONCURRENT_RETRIES) return;
      if (now >= retryAt && !this.#retrying.has(organization)) void this.#readAlone(organization);
    }
  }

  async #readAlone(organization: WatchedOrganization): Promise<void> {
    this.#retrying.add(organization);
    const sentAt = performance.now();
    try {
      if (organization.listener !== null) await this.#readPages([organization]);
      this.#failures.delete(organization);
    } catch (error) {
      const failedAt = performance.now();
      const retryAt = failedAt + RETRY_AFTER * (failedAt - sentAt);
      this.#failures.set(organization, { retryAt, error });
    }
    this.#retrying.delete(organization);
    if (!this.#isClosed) this.#retry();
  }

  /** Logs the begin and the end of an outage. */
  #report(ofPoll: unknown, startedAt: number): void {
    if (this.#isClosed) return;
    const { logger, onPolled } = this.options;
    const [ofOrganization] = this.#failures.values();
    const failure = ofPoll ?? ofOrganization?.error;
    const failed = failure !== undefined;
    if (failed && !this.#isFailing) {
      logger.warn({ err: failure }, 'Live updates are late: changes cannot be read');
    } else if (!failed && this.#isFailing) {
      logger.info('Live updates are read again.');
    }
    this.#isFailing = failed;
    const seconds = (performance.now() - startedAt) / 1_000;
    onPolled?.({ seconds, failed, statements: this.#statements, changes: this.#changes });
    this.#statements = 0;
    this.#changes = 0;
  }

  #forget(now: number): void {
    for (const [organization, leftAt] of this.#leftAt) {
      if (now - leftAt < MEMORY_MS) return;
      this.#leftAt.delete(organization);
      this.#failures.delete(organization);
      this.#organizations.delete(organization.name);
    }
  }
}

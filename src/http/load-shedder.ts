import { Partition, Partitions } from '../partitions.js';

/** Four for each connection to a database server. Fewer requests queue only under overload. */
const MAX_CONCURRENCY = 40;
/** With bodies of up to 256 KiB, all admitted and queued requests take at most 125 MiB. */
const MAX_QUEUE = 460;
/** A burst, such as a page or a router sends, is shorter than this; an overload is not. */
const OVERLOAD_DELAY_MS = 200;
/** Under overload: as many as a database server has connections, so that none of them idles. */
const MAX_CONCURRENCY_LIMIT = 10;
/** Under overload without CPU time left: a higher limit would only delay each response. */
const MIN_CONCURRENCY_LIMIT = 2;
/** The part of its time that a process without CPU time left spends in the event loop. */
const MAX_UTILIZATION = 0.95;
/** Under overload an older request is not admitted: its response would be among the slowest. */
const MAX_QUEUE_AGE_MS = 25;
/** Under overload. Clients that retry a sooner rejection at once would cost CPU time. */
const REJECT_AFTER_MS = 100;
/** Under overload: a client with few connections must learn of its rejections soon. */
const MAX_OVERLOAD_QUEUE = 80;
/** An overload ends when fewer than MAX_CONCURRENCY requests ran or queued for this long. */
const RECOVERY_MS = 400;
const TICK_MS = 25;

/** What each organization may run beyond the limit, while requests of others fill it. */
const RESERVED_CONCURRENCY = 10;
const MAX_TOTAL_CONCURRENCY = 2 * MAX_CONCURRENCY;

/**
 * While several organizations are active, requests start for so long in one turn of the event loop:
 * the parsing of one takes up to tens of milliseconds, during which no other makes progress.
 */
const MAX_TURN_MS = 5;
/** The charge for each start, so that organizations with equally fast requests take turns. */
const START_MS = 0.1;
/** Only recent time counts, or one that sends for long would wait until a new one has caught up. */
const SPENT_HALF_LIFE_MS = 200;
/** After slower starts an organization pauses for the excess: others need the event loop as well. */
const FAST_START_MS = 1;

interface QueuedRequest {
  readonly queuedAt: number;
  /** Resolves the wait of the request: true admits it, false rejects it. */
  readonly admit: (isAdmitted: boolean) => void;
}

/** The requests of one organization. Each is overloaded by itself. */
class Requests extends Partition {
  inFlight = 0;
  /** The oldest first. */
  readonly queue: QueuedRequest[] = [];
  isOverloaded = false;
  /** Since when new requests displace old ones from a full queue. */
  fullSince: number | null = null;
  /** When as many requests as it may run were last running and queued. */
  lastCrowdedAt = 0;
  /** When `spentMs` was last changed. */
  #spentAt = 0;
  #spentMs = 0;
  /** Of that, the time for one request; before the first, as many as a turn has. */
  msPerStart = MAX_TURN_MS;
  /** While others are active, until when it pauses. */
  pausedUntil = 0;

  get isBusy(): boolean {
    return this.inFlight > 0 || this.queue.length > 0;
  }

  /** The recent time in which its requests, from their start on, kept the event loop from others. */
  spentMs(now: number): number {
    return this.#spentMs * 0.5 ** ((now - this.#spentAt) / SPENT_HALF_LIFE_MS);
  }

  spend(ms: number, now: number): void {
    this.#spentMs = this.spentMs(now) + ms;
    this.#spentAt = now;
  }

  oldestAge(now: number): number {
    return now - (this.queue[0]?.queuedAt ?? now);
  }

  hasNext(now: number): boolean {
    const newest = this.queue.at(-1);
    return (
      newest !== undefined && (!this.isOverloaded || now - newest.queuedAt <= MAX_QUEUE_AGE_MS)
    );
  }

  takeNext(): QueuedRequest | undefined {
    return this.isOverloaded ? this.queue.pop() : this.queue.shift();
  }
}

interface RunOptions<Result> {
  readonly organization: string;
  readonly onRejected: () => Result;
  /** Receives a function that takes the request out of the queue, for a client that disconnects. */
  readonly onQueued?: (cancel: () => void) => void;
}

/**
 * A partitioned, adaptive LIFO queue with an AIMD concurrency limit, as in Facebook's adaptive LIFO
 * and Netflix's concurrency-limits. Normally many requests run at once, because they share queries,
 * and the queue of an organization is FIFO. Under overload of an organization fewer of its requests
 * run, newest first: the oldest have likely timed out. Next is the organization that has spent the
 * least time of the event loop recently, as in fair queueing. While several are active, each may use
 * at most half of the limit.
 */
export class LoadShedder {
  inFlight = 0;
  queued = 0;
  readonly #partitions = new Partitions(() => new Requests());
  /** For an organization under overload. */
  #concurrencyLimit = MAX_CONCURRENCY_LIMIT;
  /** When a request first started in this turn of the event loop. */
  #turnStartedAt: number | null = null;
  /** The last starts in it, which belong to one organization. */
  #starts: { readonly partition: Requests; readonly since: number; count: number } | null = null;
  /** Ticks while requests are queued. */
  #timer: NodeJS.Timeout | undefined;

  /** `utilization` returns that of the event loop since its last call, 0 to 1. */
  constructor(
    private readonly onShed = () => {},
    private readonly utilization = eventLoopUtilization(),
  ) {}

  /** Returns `onRejected()` for a rejected request. `onQueued` receives its cancellation. */
  async run<Result>(
    request: () => Promise<Result>,
    { organization, onRejected, onQueued }: RunOptions<Result>,
  ): Promise<Result> {
    const now = performance.now();
    const partition = this.#partitions.use(organization, now);
    if (partition.isOverloaded) this.#dispatch(now);
    if (this.#mayStart(partition, now)) this.#start(partition, now);
    else if (!(await this.#enqueue(partition, onQueued))) return onRejected();
    try {
      return await request();
    } finally {
      this.inFlight--;
      partition.inFlight--;
      if (this.queued > 0) this.#dispatch(performance.now());
    }
  }

  #mayStart(partition: Requests, now: number): boolean {
    // An organization alone gains nothing by waiting, and its requests share queries of a turn.
    const isTurnOver = this.#turnStartedAt !== null && now - this.#turnStartedAt > MAX_TURN_MS;
    const mustWait = isTurnOver || now < partition.pausedUntil;
    if (mustWait && this.#partitions.isShared(now)) return false;
    const limit = partition.isOverloaded ? this.#concurrencyLimit : MAX_CONCURRENCY;
    if (partition.inFlight >= this.#partitions.shareOf(limit, now)) return false;
    if (this.inFlight < MAX_CONCURRENCY) return true;
    return this.inFlight < MAX_TOTAL_CONCURRENCY && partition.inFlight < RESERVED_CONCURRENCY;
  }

  #start(partition: Requests, now: number): void {
    this.inFlight++;
    partition.inFlight++;
    if (this.#partitions.size < 2) return;
    partition.spend(START_MS, now);
    if (this.#starts?.partition === partition) {
      this.#starts.count++;
    } else {
      this.#charge(now);
      this.#starts = { partition, since: now, count: 1 };
    }
    if (this.#turnStartedAt !== null) return;
    this.#turnStartedAt = now;
    setImmediate(() => {
      const end = performance.now();
      this.#charge(end);
      this.#turnStartedAt = null;
      if (this.queued > 0) this.#dispatch(end);
    });
  }

  /** Charges the time since the last starts to their organization. */
  #charge(now: number): void {
    if (this.#starts === null) return;
    const { partition, since, count } = this.#starts;
    this.#starts = null;
    const spentMs = now - since;
    partition.spend(spentMs, now);
    partition.msPerStart = (partition.msPerStart + spentMs / count) / 2;
    const pauseMs = spentMs - count * FAST_START_MS;
    if (pauseMs <= 0) return;
    partition.pausedUntil = now + pauseMs;
    setTimeout(() => {
      if (this.queued > 0) this.#dispatch(performance.now());
    }, Math.ceil(pauseMs));
  }

  #enqueue(partition: Requests, onQueued: RunOptions<unknown>['onQueued']): Promise<boolean> {
    const now = performance.now();
    if (this.queued === MAX_QUEUE) {
      const longest = this.#longestQueue(partition);
      longest.fullSince ??= now;
      this.#rejectOldest(longest);
    }
    this.#timer ??= setInterval(() => {
      this.#tick();
    }, TICK_MS);
    return new Promise((admit) => {
      const queued: QueuedRequest = { queuedAt: now, admit };
      partition.queue.push(queued);
      this.queued++;
      onQueued?.(() => {
        const index = partition.queue.indexOf(queued);
        if (index === -1) return;
        partition.queue.splice(index, 1);
        this.queued--;
        admit(false);
      });
    });
  }

  #longestQueue(preferred: Requests): Requests {
    let longest = preferred;
    for (const partition of this.#partitions.values()) {
      if (partition.queue.length > longest.queue.length) longest = partition;
    }
    return longest;
  }

  #tick(): void {
    this.#adjustLimit();
    const now = performance.now();
    for (const partition of this.#partitions.values()) {
      // While a full queue drops its oldest request again and again, no request gets old.
      const fullFor = now - (partition.fullSince ?? now);
      if (Math.max(partition.oldestAge(now), fullFor) <= OVERLOAD_DELAY_MS) continue;
      if (!partition.isOverloaded) partition.lastCrowdedAt = now;
      partition.isOverloaded = true;
    }
    this.#dispatch(now);
    for (const partition of this.#partitions.values()) {
      while (
        partition.isOverloaded &&
        (partition.oldestAge(now) >= REJECT_AFTER_MS || partition.queue.length > MAX_OVERLOAD_QUEUE)
      ) {
        this.#rejectOldest(partition);
      }
    }
    if (this.queued > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Additive increase, multiplicative decrease. */
  #adjustLimit(): void {
    this.#concurrencyLimit =
      this.utilization() > MAX_UTILIZATION
        ? Math.max(Math.floor(this.#concurrencyLimit / 2), MIN_CONCURRENCY_LIMIT)
        : Math.min(this.#concurrencyLimit + 1, MAX_CONCURRENCY_LIMIT);
  }

  /** Ends overloads that are over, and admits queued requests of one organization. */
  #dispatch(now: number): void {
    const crowd = this.#partitions.shareOf(MAX_CONCURRENCY, now);
    let next: Requests | undefined;
    for (const partition of this.#partitions.values()) {
      const { inFlight, queue, lastCrowdedAt } = partition;
      if (queue.length === 0) partition.fullSince = null;
      if (inFlight + queue.length >= crowd) partition.lastCrowdedAt = now;
      else if (now - lastCrowdedAt >= RECOVERY_MS) partition.isOverloaded = false;
      const isNext = next === undefined || partition.spentMs(now) < next.spentMs(now);
      if (isNext && partition.hasNext(now) && this.#mayStart(partition, now)) next = partition;
    }
    if (next === undefined) return;
    let turnMs = this.#partitions.isShared(now) ? MAX_TURN_MS : Infinity;
    while (turnMs > 0 && next.hasNext(now) && this.#mayStart(next, now)) {
      turnMs -= next.msPerStart;
      this.queued--;
      this.#start(next, now);
      next.takeNext()?.admit(true);
    }
  }

  #rejectOldest(partition: Requests): void {
    const oldest = partition.queue.shift();
    if (oldest === undefined) return;
    this.queued--;
    oldest.admit(false);
    this.onShed();
  }
}

function eventLoopUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const previous = last;
    last = performance.eventLoopUtilization();
    return performance.eventLoopUtilization(last, previous).utilization;
  };
}

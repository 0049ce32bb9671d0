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

interface QueuedRequest {
  readonly queuedAt: number;
  /** Resolves the wait of the request: true admits it, false rejects it. */
  readonly admit: (isAdmitted: boolean) => void;
}

/**
 * An adaptive LIFO queue with an AIMD concurrency limit, as in Facebook's adaptive LIFO and
 * Netflix's concurrency-limits. Normally many requests run at once, because they share queries, and
 * the queue is FIFO. Under overload fewer run, newest first: the oldest have likely timed out.
 */
export class LoadShedder {
  #inFlight = 0;
  /** The oldest first. */
  readonly #queue: QueuedRequest[] = [];
  #isOverloaded = false;
  /** Applies under overload. */
  #concurrencyLimit = MAX_CONCURRENCY_LIMIT;
  /** Since when new requests displace old ones from a full queue. */
  #fullSince: number | null = null;
  /** When MAX_CONCURRENCY requests were last running and queued. */
  #lastCrowdedAt = 0;
  /** Ticks while requests are queued. */
  #timer: NodeJS.Timeout | undefined;

  /** `utilization` returns that of the event loop since its last call, 0 to 1. */
  constructor(
    private readonly onShed = () => {},
    private readonly utilization = eventLoopUtilization(),
  ) {}

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Returns `onRejected()` for a rejected request. `onQueued` receives its cancellation. */
  async run<Result>(
    request: () => Promise<Result>,
    options: { onRejected: () => Result; onQueued?: (cancel: () => void) => void },
  ): Promise<Result> {
    if (this.#isOverloaded) this.#dispatch();
    if (this.#inFlight < this.#limit) this.#inFlight++;
    else if (!(await this.#enqueue(options.onQueued))) return options.onRejected();
    try {
      return await request();
    } finally {
      this.#inFlight--;
      if (this.#queue.length > 0) this.#dispatch();
    }
  }

  get #limit(): number {
    return this.#isOverloaded ? this.#concurrencyLimit : MAX_CONCURRENCY;
  }

  #enqueue(onQueued?: (cancel: () => void) => void): Promise<boolean> {
    if (this.#queue.length === MAX_QUEUE) {
      this.#fullSince ??= performance.now();
      this.#rejectOldest();
    }
    this.#timer ??= setInterval(() => {
      this.#tick();
    }, TICK_MS);
    return new Promise((admit) => {
      const queued: QueuedRequest = { queuedAt: performance.now(), admit };
      this.#queue.push(queued);
      onQueued?.(() => {
        const index = this.#queue.indexOf(queued);
        if (index === -1) return;
        this.#queue.splice(index, 1);
        admit(false);
      });
    });
  }

  #tick(): void {
    this.#adjustLimit();
    const now = performance.now();
    const oldestAge = () => now - (this.#queue[0]?.queuedAt ?? now);
    // While a full queue drops its oldest request again and again, no request gets old.
    const fullFor = now - (this.#fullSince ?? now);
    if (!this.#isOverloaded && Math.max(oldestAge(), fullFor) > OVERLOAD_DELAY_MS) {
      this.#isOverloaded = true;
      this.#lastCrowdedAt = now;
    }
    this.#dispatch();
    while (
      this.#isOverloaded &&
      (oldestAge() >= REJECT_AFTER_MS || this.#queue.length > MAX_OVERLOAD_QUEUE)
    ) {
      this.#rejectOldest();
    }
    if (this.#queue.length > 0) return;
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

  /** Ends an overload that is over, and admits queued requests up to the limit. */
  #dispatch(): void {
    const now = performance.now();
    if (this.#queue.length === 0) this.#fullSince = null;
    if (this.#inFlight + this.#queue.length >= MAX_CONCURRENCY) this.#lastCrowdedAt = now;
    else if (now - this.#lastCrowdedAt >= RECOVERY_MS) this.#isOverloaded = false;
    while (this.#inFlight < this.#limit) {
      const newest = this.#queue.at(-1);
      if (newest === undefined) return;
      if (this.#isOverloaded && now - newest.queuedAt > MAX_QUEUE_AGE_MS) return;
      const next = this.#isOverloaded ? this.#queue.pop() : this.#queue.shift();
      this.#inFlight++;
      next?.admit(true);
    }
  }

  #rejectOldest(): void {
    this.#queue.shift()?.admit(false);
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

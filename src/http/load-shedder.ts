/** More are not worked on at once: four for each connection to a database server. Fewer never wait. */
const MANY = 40;
/** How many wait at most. A body has at most 256 KiB, so those of all who are here have at most 125 MiB. */
const MOST_WAITING = 460;
/** A burst, such as what a router or a page with many parts sends at once, is over after this; otherwise it is too much. */
const BURST_MS = 200;
/** How long somebody waits while it is too much: who asks again at once when he is refused would leave no time for others. */
const PATIENCE_MS = 100;
/** How many go on to wait then: clients with few connections are to hear soon that they are refused. */
const FEW_WAITING = 80;
/** Who has waited longer is not let in then: his answer would be among the slowest. */
const FRESH_MS = 25;
/** How many are worked on then: as many as there are connections to a database server, so that none idles, … */
const MOST_RUNNING = 10;
/** … or fewer, where it is this process that has no time left: working on more at once, it would only take longer for each. */
const LEAST_RUNNING = 2;
/** The part of its time above which a process has none left. */
const BUSY = 0.95;
/** It is over when for so long there have been fewer than MANY, of those who wait, too. */
const CALM_MS = 400;
const TICK_MS = 25;

/** Somebody who waits to be let in. */
interface Waiting {
  readonly since: number;
  readonly decide: (isAdmitted: boolean) => void;
}

/**
 * Refuses what is too much, so that the rest is answered as quickly as ever. Usually everybody is let in at once, for those who
 * are worked on together share statements. When somebody has waited for too long, few are let in, and the newest first: if some
 * have to be refused anyway, it is better that they wait in vain than that all wait.
 */
export class LoadShedder {
  private running = 0;
  /** The oldest first. */
  private readonly waiting: Waiting[] = [];
  private isOverloaded = false;
  /** Since when there have been more than can wait; null: there are not. */
  private fullSince: number | null = null;
  /** When there last were MANY. */
  private crowdedAt = 0;
  /** How many may be worked on while it is too much. */
  private few = MOST_RUNNING;
  /** Ticks while somebody waits. */
  private clock: NodeJS.Timeout | undefined;
  private readonly onRefused: () => void;
  private readonly utilization: () => number;

  constructor({
    onRefused = () => undefined,
    utilization = utilizationOfProcess(),
  }: { onRefused?: () => void; utilization?: () => number } = {}) {
    this.onRefused = onRefused;
    this.utilization = utilization;
  }

  /** How many are worked on, and how many wait. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.running, waiting: this.waiting.length };
  }

  /**
   * Does some work when there is room, or `otherwise` when there is none in time. Who has to wait is handed to `whileWaiting`,
   * with a function that takes him out again.
   */
  async run<Done>(
    work: () => Promise<Done>,
    {
      otherwise,
      whileWaiting,
    }: { otherwise: () => Done; whileWaiting?: (leave: () => void) => void },
  ): Promise<Done> {
    if (this.isOverloaded) this.lookAfter();
    if (this.running < this.most) this.running++;
    else if (!(await this.turn(whileWaiting))) return otherwise();
    try {
      return await work();
    } finally {
      this.running--;
      if (this.waiting.length > 0) this.lookAfter();
    }
  }

  private get most(): number {
    return this.isOverloaded ? this.few : MANY;
  }

  private turn(whileWaiting?: (leave: () => void) => void): Promise<boolean> {
    if (this.waiting.length === MOST_WAITING) {
      this.fullSince ??= performance.now();
      this.refuseOldest();
    }
    this.clock ??= setInterval(() => {
      this.tick();
    }, TICK_MS);
    return new Promise((decide) => {
      const one: Waiting = { since: performance.now(), decide };
      this.waiting.push(one);
      whileWaiting?.(() => {
        const at = this.waiting.indexOf(one);
        if (at === -1) return;
        this.waiting.splice(at, 1);
        decide(false);
      });
    });
  }

  private tick(): void {
    this.adapt();
    const now = performance.now();
    const waited = () => now - (this.waiting[0]?.since ?? now);
    // Where so many come that the oldest is always refused, nobody waits for long.
    const isTooMuch = waited() > BURST_MS || now - (this.fullSince ?? now) > BURST_MS;
    if (!this.isOverloaded && isTooMuch) this.overload();
    this.lookAfter();
    while (this.isOverloaded && (waited() >= PATIENCE_MS || this.waiting.length > FEW_WAITING)) {
      this.refuseOldest();
    }
    if (this.waiting.length > 0) return;
    clearInterval(this.clock);
    this.clock = undefined;
  }

  private adapt(): void {
    this.few =
      this.utilization() > BUSY
        ? Math.max(Math.floor(this.few / 2), LEAST_RUNNING)
        : Math.min(this.few + 1, MOST_RUNNING);
  }

  /** Sees whether it is over, and lets in for whom there is room. */
  private lookAfter(): void {
    const now = performance.now();
    if (this.waiting.length === 0) this.fullSince = null;
    if (this.running + this.waiting.length >= MANY) this.crowdedAt = now;
    else if (now - this.crowdedAt >= CALM_MS) this.isOverloaded = false;
    while (this.running < this.most) {
      const newest = this.waiting.at(-1);
      if (newest === undefined || (this.isOverloaded && now - newest.since > FRESH_MS)) return;
      // Usually in their order, or somebody would wait for long in a crowd that is served well.
      const next = this.isOverloaded ? this.waiting.pop() : this.waiting.shift();
      if (next === undefined) return;
      this.running++;
      next.decide(true);
    }
  }

  private overload(): void {
    this.isOverloaded = true;
    this.crowdedAt = performance.now();
  }

  private refuseOldest(): void {
    this.waiting.shift()?.decide(false);
    this.onRefused();
  }
}

/** Gives the part of its time in which this process had something to do, since it was last asked. */
function utilizationOfProcess(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const use = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(use, last);
    last = use;
    return utilization;
  };
}

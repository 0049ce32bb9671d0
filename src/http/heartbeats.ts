/** Balancers, routers and the gateway itself close connections on which nothing is sent. */
interface Beating {
  /** Called once in each interval. */
  beat(): void;
}

/** Enough for ten thousand connections without a pause that requests would notice. */
const GROUPS = 20;

/** Beats for many connections with one timer, a part of them at a time: a timer each takes memory. */
export class Heartbeats {
  readonly #groups = Array.from({ length: GROUPS }, () => new Set<Beating>());
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #added = 0;

  constructor(intervalMs: number) {
    this.#timer = setInterval(() => {
      for (const beating of this.#groups[this.#next] ?? []) beating.beat();
      this.#next = (this.#next + 1) % GROUPS;
    }, intervalMs / GROUPS).unref();
  }

  /** Returns a function that ends the beats of a connection. */
  start(beating: Beating): () => void {
    const group = this.#groups[this.#added++ % GROUPS];
    group?.add(beating);
    return () => void group?.delete(beating);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

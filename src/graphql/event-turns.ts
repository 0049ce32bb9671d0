import { FairQueue } from '../fair-queue.js';

/** How long events run in one turn of the event loop before requests get theirs. */
const MAX_TURN_MS = 2;

/**
 * Spreads the events of a poll over turns of the event loop, because thousands begin at once and
 * each takes tens of microseconds until it is sent. The organizations take turns.
 */
export class EventTurns {
  readonly #waiting = new FairQueue<() => void>();
  #isScheduled = false;

  /** Resolves when an event of the organization may begin. */
  wait(organization: string): Promise<void> {
    return new Promise((begin) => {
      this.#waiting.add(organization, begin);
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    let begin: (() => void) | undefined;
    while (performance.now() - startedAt < MAX_TURN_MS && (begin = this.#waiting.take())) {
      begin();
      // Lets the events that have begun go on, so that their time counts.
      await Promise.resolve();
    }
    this.#isScheduled = !this.#waiting.isEmpty;
    if (this.#isScheduled) setImmediate(() => void this.#run());
  }
}

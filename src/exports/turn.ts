import { setImmediate } from 'node:timers/promises';

const MAX_TURN_MS = 5;

/** A turn of the event loop in which thousands of subscriptions are told what is new. */
export class Turn {
  #startedAt = performance.now();

  /** Whether others have waited long enough. */
  get isOver(): boolean {
    return performance.now() - this.#startedAt > MAX_TURN_MS;
  }

  /** Resolves in the next turn. */
  async next(): Promise<void> {
    await setImmediate();
    this.#startedAt = performance.now();
  }
}

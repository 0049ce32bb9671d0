import { FairQueue } from '../fair-queue.js';

/** Fewer would slow down the embedded database, whose queries take a whole tick each. */
const MAX_STARTS_PER_TICK = 3;

/** Starts a few callers per tick of the event loop, the organizations in turn. */
export class MicroBatcher {
  private readonly waiters = new FairQueue<() => void>();

  /** Resolves when the caller may start. */
  next(organization: string): Promise<void> {
    return new Promise((start) => {
      if (this.waiters.isEmpty) this.scheduleBatch();
      this.waiters.add(organization, start);
    });
  }

  private scheduleBatch(): void {
    setImmediate(() => {
      for (let started = 0; started < MAX_STARTS_PER_TICK; started++) this.waiters.take()?.();
      if (!this.waiters.isEmpty) this.scheduleBatch();
    });
  }
}

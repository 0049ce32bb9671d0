/** Fewer would slow down the embedded database, whose queries take a whole tick each. */
const MAX_STARTS_PER_TICK = 3;

/** Starts a few callers per tick of the event loop, first in, first out. */
export class MicroBatcher {
  private readonly waiters: (() => void)[] = [];

  /** Resolves when the caller may start. */
  next(): Promise<void> {
    return new Promise((start) => {
      if (this.waiters.push(start) === 1) this.scheduleBatch();
    });
  }

  private scheduleBatch(): void {
    setImmediate(() => {
      for (const start of this.waiters.splice(0, MAX_STARTS_PER_TICK)) start();
      if (this.waiters.length > 0) this.scheduleBatch();
    });
  }
}

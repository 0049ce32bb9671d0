/** Fewer would slow down the embedded database, whose queries take a whole tick each. */
const MAX_STARTS_PER_TICK = 3;

/** Starts a few callers per tick of the event loop, the organizations in turn. */
export class MicroBatcher {
  /** In the order of their turns. */
  private readonly waiters = new Map<string, (() => void)[]>();

  /** Resolves when the caller may start. */
  next(organization: string): Promise<void> {
    return new Promise((start) => {
      const queue = this.waiters.get(organization);
      if (queue !== undefined) queue.push(start);
      else if (this.waiters.set(organization, [start]).size === 1) this.scheduleBatch();
    });
  }

  private scheduleBatch(): void {
    setImmediate(() => {
      let started = 0;
      for (const [organization, queue] of this.waiters) {
        if (started === MAX_STARTS_PER_TICK) break;
        started++;
        queue.shift()?.();
        this.waiters.delete(organization);
        if (queue.length > 0) this.waiters.set(organization, queue);
      }
      if (this.waiters.size > 0) this.scheduleBatch();
    });
  }
}

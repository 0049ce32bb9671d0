/** A semaphore that admits a waiter after its maximum wait even without a free permit. */
export class Semaphore {
  private readonly waiters = new Set<() => void>();

  constructor(private permits: number) {}

  acquire(maxWaitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const enter = () => {
        clearTimeout(timer);
        this.waiters.delete(enter);
        this.permits--;
        resolve();
      };
      const timer = setTimeout(enter, maxWaitMs);
      if (this.permits > 0 || maxWaitMs <= 0) enter();
      else this.waiters.add(enter);
    });
  }

  release(): void {
    this.permits++;
    const [oldest] = this.waiters;
    if (this.permits > 0) oldest?.();
  }
}

const TICK_MS = 100;

export const ticks = (ms: number) => ms / TICK_MS;

/**
 * A deadline timer that counts ticks. A process that is too busy to read a response is too busy to
 * tick as well, so its own delay does not count against the server.
 */
export class TickClock {
  now = 0;
  private readonly timer = setInterval(() => {
    this.now++;
    this.onTick();
  }, TICK_MS).unref();

  constructor(private readonly onTick: () => void) {}

  stop(): void {
    clearInterval(this.timer);
  }
}

const TICK_MS = 100;

export const ticks = (ms: number) => ms / TICK_MS;

/**
 * Ticks after the event loop has read what has arrived, so that a response which waits in a socket
 * is not late. The breaker counts ticks: a process too busy to read a response is too busy to tick.
 */
export class TickClock {
  now = 0;
  private immediate: NodeJS.Immediate | undefined;
  private readonly timer = setInterval(() => {
    this.immediate = setImmediate(() => {
      this.now++;
      this.onTick();
    });
  }, TICK_MS).unref();

  constructor(private readonly onTick: () => void) {}

  stop(): void {
    clearInterval(this.timer);
    clearImmediate(this.immediate);
  }
}

const TICK_MS = 100;

export const ticks = (ms: number) => ms / TICK_MS;

/** Deadlines count its ticks: a process too busy to read a response is too busy to tick as well. */
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

import { Partition, Partitions } from '../partitions.js';

export interface PermitHolder {
  readonly organization: string;
  /** Called with the permit, at once or later. */
  readonly enter: () => void;
}

class Permits extends Partition {
  readonly holders = new Set<PermitHolder>();
  /** The oldest first. */
  readonly waiters = new Set<PermitHolder>();

  get isBusy(): boolean {
    return this.holders.size > 0 || this.waiters.size > 0;
  }
}

/**
 * A semaphore with a queue per organization. Free permits go to the organizations in turn, and
 * while several are active, none of them holds more than half of the permits.
 */
export class FairSemaphore {
  private readonly partitions = new Partitions(() => new Permits());
  private held = 0;

  constructor(private readonly permits: number) {}

  /** Counts an organization as active, though it needs no permit now: it may at any time. */
  use(organization: string, now: number): void {
    this.partitions.use(organization, now);
  }

  acquire(holder: PermitHolder): void {
    const now = performance.now();
    this.partitions.use(holder.organization, now).waiters.add(holder);
    this.admit(now);
  }

  /** Returns a permit, or ends the wait for it. */
  release(holder: PermitHolder): void {
    const partition = this.partitions.get(holder.organization);
    partition?.waiters.delete(holder);
    if (partition?.holders.delete(holder) !== true) return;
    this.held--;
    this.admit(performance.now());
  }

  private admit(now: number): void {
    if (this.held >= this.permits) return;
    const share = this.partitions.shareOf(this.permits, now);
    this.partitions.takeTurns(({ holders, waiters }) => {
      const [oldest] = waiters;
      if (oldest === undefined || holders.size >= share || this.held >= this.permits) return null;
      return () => {
        waiters.delete(oldest);
        holders.add(oldest);
        this.held++;
        oldest.enter();
      };
    });
  }
}

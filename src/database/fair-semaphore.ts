import { FairQueue } from '../fair-queue.js';
import { Partition, Partitions } from '../partitions.js';

export interface PermitHolder {
  readonly organization: string;
  /** Set by the semaphore. */
  hasPermit?: boolean;
  /** Called with the permit, at once or later. */
  readonly enter: () => void;
}

class Permits extends Partition {
  held = 0;

  get isBusy(): boolean {
    return this.held > 0;
  }
}

/**
 * A semaphore with a queue per organization. Free permits go to the organizations in turn, and
 * while several are active, none of them holds more than half of the permits.
 */
export class FairSemaphore {
  private readonly partitions = new Partitions(() => new Permits());
  private readonly waiters = new FairQueue<PermitHolder>();
  private held = 0;

  constructor(private readonly permits: number) {}

  /** Counts an organization as active, though it needs no permit now: it may at any time. */
  use(organization: string, now: number): void {
    this.partitions.use(organization, now);
  }

  /** Runs the work once it has a permit. */
  async run<Result>(organization: string, work: () => Promise<Result>): Promise<Result> {
    const holder = await new Promise<PermitHolder>((resolve) => {
      const waiting: PermitHolder = {
        organization,
        enter() {
          resolve(waiting);
        },
      };
      this.acquire(waiting);
    });
    try {
      return await work();
    } finally {
      this.release(holder);
    }
  }

  acquire(holder: PermitHolder): void {
    const now = performance.now();
    this.use(holder.organization, now);
    if (this.mayEnter(holder.organization, this.partitions.shareOf(this.permits, now))) {
      this.enter(holder, now);
    } else {
      this.waiters.add(holder.organization, holder);
    }
  }

  /** Returns a permit, or ends the wait for it. */
  release(holder: PermitHolder): void {
    const { organization } = holder;
    if (holder.hasPermit !== true) {
      this.waiters.delete(organization, holder);
      return;
    }
    holder.hasPermit = false;
    const partition = this.partitions.get(organization);
    if (partition !== undefined) partition.held--;
    this.held--;
    if (this.waiters.isEmpty) return;
    const now = performance.now();
    const share = this.partitions.shareOf(this.permits, now);
    for (;;) {
      const next = this.waiters.take((each) => this.mayEnter(each, share));
      if (next === undefined) return;
      this.enter(next, now);
    }
  }

  private mayEnter(organization: string, share: number): boolean {
    const held = this.partitions.get(organization)?.held ?? 0;
    return this.held < this.permits && held < share;
  }

  private enter(holder: PermitHolder, now: number): void {
    this.held++;
    this.partitions.use(holder.organization, now).held++;
    holder.hasPermit = true;
    holder.enter();
  }
}

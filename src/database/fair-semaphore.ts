/** How long an organization counts as active after it last asked for a permit. */
const ACTIVE_MS = 10_000;

export interface PermitHolder {
  readonly organization: string;
  /** Called with the permit, at once or later. */
  readonly enter: () => void;
}

interface Partition {
  lastUsedAt: number;
  readonly holders: Set<PermitHolder>;
  /** The oldest first. */
  readonly waiters: Set<PermitHolder>;
}

/**
 * A semaphore with a queue per organization. Free permits go to the organizations in turn, and
 * while several are active, none of them holds more than half of the permits.
 */
export class FairSemaphore {
  /** In the order of their turns. */
  private readonly partitions = new Map<string, Partition>();
  private held = 0;

  constructor(private readonly permits: number) {}

  acquire(holder: PermitHolder): void {
    const now = performance.now();
    let partition = this.partitions.get(holder.organization);
    if (partition === undefined) {
      this.removeInactive(now);
      partition = { lastUsedAt: now, holders: new Set(), waiters: new Set() };
      this.partitions.set(holder.organization, partition);
    }
    partition.lastUsedAt = now;
    partition.waiters.add(holder);
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
    const share = this.isShared(now) ? Math.max(Math.floor(this.permits / 2), 1) : this.permits;
    for (const [organization, partition] of this.partitions) {
      const [oldest] = partition.waiters;
      if (oldest === undefined || partition.holders.size >= share) continue;
      // The end of the order; the loop comes back to it there.
      this.partitions.delete(organization);
      this.partitions.set(organization, partition);
      partition.waiters.delete(oldest);
      partition.holders.add(oldest);
      this.held++;
      oldest.enter();
      if (this.held >= this.permits) return;
    }
  }

  private isShared(now: number): boolean {
    let active = 0;
    for (const partition of this.partitions.values()) {
      if (isActive(partition, now) && ++active === 2) return true;
    }
    return false;
  }

  private removeInactive(now: number): void {
    for (const [organization, partition] of this.partitions) {
      if (!isActive(partition, now)) this.partitions.delete(organization);
    }
  }
}

function isActive({ holders, waiters, lastUsedAt }: Partition, now: number): boolean {
  return holders.size > 0 || waiters.size > 0 || now - lastUsedAt < ACTIVE_MS;
}

/** How long an organization counts as active after its last use. */
const ACTIVE_MS = 10_000;

export abstract class Partition {
  lastUsedAt = 0;

  /** Whether it has anything that runs or waits. */
  abstract get isBusy(): boolean;

  isActive(now: number): boolean {
    return this.isBusy || now - this.lastUsedAt < ACTIVE_MS;
  }
}

/** The parts of something that organizations share. */
export class Partitions<Part extends Partition> {
  readonly #parts = new Map<string, Part>();
  #purgedAt = 0;

  constructor(private readonly create: () => Part) {}

  get size(): number {
    return this.#parts.size;
  }

  get(organization: string): Part | undefined {
    return this.#parts.get(organization);
  }

  values(): IterableIterator<Part> {
    return this.#parts.values();
  }

  /** Returns the part of an organization, which counts as active from now on. */
  use(organization: string, now: number): Part {
    let part = this.#parts.get(organization);
    if (part === undefined) this.#parts.set(organization, (part = this.create()));
    part.lastUsedAt = now;
    if (now - this.#purgedAt >= ACTIVE_MS) this.#purge(now);
    return part;
  }

  #purge(now: number): void {
    this.#purgedAt = now;
    for (const [organization, part] of this.#parts) {
      if (!part.isActive(now)) this.#parts.delete(organization);
    }
  }

  /** Whether several organizations are active. */
  isShared(now: number): boolean {
    if (this.#parts.size < 2) return false;
    let active = 0;
    for (const part of this.#parts.values()) {
      if (part.isActive(now) && ++active === 2) return true;
    }
    return false;
  }

  /** The most of a limit that one organization may use: half of it while several are active. */
  shareOf(limit: number, now: number): number {
    return this.isShared(now) ? Math.max(Math.floor(limit / 2), 1) : limit;
  }
}

import { LRUCache } from 'lru-cache';

/** Of the organizations beyond it, those that were idle longest begin with a full budget again. */
const MAX_ORGANIZATIONS = 100_000;

/**
 * A leaky bucket for each organization: what its operations cost flows in, and flows out by
 * `perSecond`. Own code, because rate-limiter-flexible counts in fixed windows, and limiter does
 * not tell when a cost can be paid.
 */
export class CostBudgets {
  /** When the bucket of an organization is empty, in the milliseconds of `now`. */
  readonly #emptyAt = new LRUCache<string, number>({ max: MAX_ORGANIZATIONS });

  /** `capacity` is what an organization that was idle can spend at once. */
  constructor(
    readonly perSecond: number,
    private readonly capacity: number,
    private readonly now = () => performance.now(),
  ) {}

  /** Returns 0 once the cost is paid, or after how many seconds it could be. */
  pay(organization: string, cost: number): number {
    const level = this.#level(organization);
    const excess = level + cost - this.capacity;
    if (excess > 0) return Math.ceil(excess / this.perSecond);
    const emptyIn = ((level + cost) / this.perSecond) * 1_000;
    this.#emptyAt.set(organization, this.now() + emptyIn);
    return 0;
  }

  remaining(organization: string): number {
    return Math.floor(this.capacity - this.#level(organization));
  }

  #level(organization: string): number {
    const emptyIn = (this.#emptyAt.get(organization) ?? 0) - this.now();
    return (Math.max(emptyIn, 0) / 1_000) * this.perSecond;
  }
}

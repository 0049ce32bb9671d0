import type { QueryOrigin } from '../database/database.js';
import type { ExportScope } from './export-scope.js';

/** A request with more queries runs the others when these have ended. */
const MAX_CONCURRENT = 4;

/** The queries of one request: a few at once, and no new ones once its client has disconnected. */
export class RequestQueries implements QueryOrigin, ExportScope {
  readonly organization: string;
  readonly onlyRequestedBy: string | null;
  /** Called before the first query starts. */
  onFirst: (() => void) | null = null;
  /** Whether a query may have read already. */
  haveStarted = false;
  #isAbandoned = false;
  /** Those of equal requests that use the same results. */
  readonly #sharers: RequestQueries[] = [];
  fromPrimary = false;
  private running = 0;
  private readonly waiters: (() => void)[] = [];

  constructor(
    { organization, onlyRequestedBy }: ExportScope,
    readonly viewer: string | null = null,
  ) {
    this.organization = organization;
    this.onlyRequestedBy = onlyRequestedBy;
  }

  /** Whether the clients of this request and of those that share its queries have disconnected. */
  get isAbandoned(): boolean {
    return this.#isAbandoned && this.#sharers.every((each) => each.isAbandoned);
  }

  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Lets another request use the results, before any query has started. */
  shareWith(other: RequestQueries): void {
    this.#sharers.push(other);
  }

  enter(): Promise<void> | undefined {
    if (this.running >= MAX_CONCURRENT) return new Promise((enter) => this.waiters.push(enter));
    this.running++;
    return undefined;
  }

  onStarting(): void {
    if (this.haveStarted) return;
    this.haveStarted = true;
    this.onFirst?.();
  }

  leave(): void {
    const next = this.waiters.shift();
    if (next === undefined) this.running--;
    else next();
  }
}

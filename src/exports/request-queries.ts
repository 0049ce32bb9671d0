import type { QueryOrigin } from '../database/database.js';
import type { ExportScope } from './export-scope.js';

/** A request with more queries runs the others when these have ended. */
const MAX_CONCURRENT = 4;

/** The queries of one request: a few at once, and no new ones once its client has disconnected. */
export class RequestQueries implements QueryOrigin, ExportScope {
  readonly organization: string;
  readonly onlyRequestedBy: string | null;
  isAbandoned = false;
  /** Whether a query may have read already. */
  haveStarted = false;
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

  enter(): Promise<void> | undefined {
    if (this.running >= MAX_CONCURRENT) return new Promise((enter) => this.waiters.push(enter));
    this.running++;
    return undefined;
  }

  onStarting(): void {
    this.haveStarted = true;
  }

  leave(): void {
    const next = this.waiters.shift();
    if (next === undefined) this.running--;
    else next();
  }
}

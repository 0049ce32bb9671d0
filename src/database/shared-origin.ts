import type { QueryOrigin } from './database.js';

/**
 * The origin of a query that several requests share. A class, because V8 makes a hidden class for
 * each literal with a getter, and that keeps the requests in memory until a full garbage collection.
 */
export class SharedOrigin implements QueryOrigin {
  readonly organization: string;
  readonly viewer: string | null | undefined;

  /** More origins may be added to these until the query starts. */
  constructor(readonly origins: readonly [QueryOrigin, ...QueryOrigin[]]) {
    this.organization = origins[0].organization;
    this.viewer = origins[0].viewer;
  }

  get fromPrimary(): boolean {
    return this.origins.some(({ fromPrimary }) => fromPrimary);
  }

  get isAbandoned(): boolean {
    return this.origins.every(({ isAbandoned }) => isAbandoned);
  }

  onStarting(): void {
    for (const each of this.origins) each.onStarting?.();
  }
}

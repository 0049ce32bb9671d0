import type { QueryOrigin } from '../database/database.js';
import { BatchLoader } from './batch-loader.js';
import type { ChangeFeed } from './change-feed.js';
import type { NormalizedExportFilter } from './export-filter.js';
import type { ExportRepository } from './export-repository.js';
import { isInScope, type ExportScope } from './export-scope.js';
import { allColumns, isRunning, type ExportRow } from './export.js';
import {
  PendingExport,
  PendingList,
  type Followers,
  type Pending,
  type PendingExports,
} from './pending-exports.js';
import { Turn } from './turn.js';
import { isOlder, type ChangeListener, type WatchedOrganization } from './watched-organization.js';

export type { PendingExports } from './pending-exports.js';

/** Subscriptions to exports. What they emit is the same object for all that emit the same state. */
export class LiveExports {
  readonly #organizations = new Map<string, OrganizationFollowers>();
  readonly #exports: BatchLoader<ExportRow>;

  constructor(
    repository: Pick<ExportRepository, 'findByIds'>,
    private readonly feed: ChangeFeed,
  ) {
    this.#exports = new BatchLoader(repository.findByIds.bind(repository));
  }

  /**
   * Reads the current state first, and throws what that read throws. Emits it, and then each later
   * one until the export ends; null for an unknown id, or when the export leaves the scope.
   */
  async followOne(origin: QueryOrigin & ExportScope, id: string): Promise<PendingExports> {
    const { organization, onlyRequestedBy } = origin;
    const read = (await this.#exports.load(origin, [id], allColumns)).get(id) ?? null;
    // The feed may have seen what has changed since, and what the replica that was read lacks.
    const seen = this.feed.newest(organization, id) ?? null;
    const isRead = seen === null || (read !== null && isOlder(seen, read));
    const newest = isRead ? read : seen;
    const current = newest !== null && isInScope(newest, onlyRequestedBy) ? newest : null;
    const follower = { requester: onlyRequestedBy, current };
    if (current === null || !isRunning(current)) return new PendingExport(null, id, follower);
    const followers = this.#followersOf(organization);
    return followers.addExport(new PendingExport(followers, id, follower));
  }

  /** Emits what matches of the changes of the last 30 s, and then of each later change. */
  followList(
    { organization, onlyRequestedBy }: ExportScope,
    filter: NormalizedExportFilter,
  ): PendingExports {
    const followers = this.#followersOf(organization);
    return followers.addList(new PendingList(followers, onlyRequestedBy, filter));
  }

  /** Reads no more changes. */
  close(): void {
    this.feed.close();
  }

  #followersOf(organization: string): OrganizationFollowers {
    const known = this.#organizations.get(organization);
    if (known !== undefined) return known;
    const followers = new OrganizationFollowers(organization, this.feed, () => {
      this.#organizations.delete(organization);
    });
    this.#organizations.set(organization, followers);
    return followers;
  }
}

/** The subscriptions of one organization. Those of single exports are found by id. */
class OrganizationFollowers implements ChangeListener, Followers {
  readonly #exports = new Map<string, Set<PendingExport>>();
  readonly #lists = new Set<PendingList>();
  readonly #organization: WatchedOrganization;

  constructor(
    name: string,
    private readonly feed: ChangeFeed,
    private readonly onEmpty: () => void,
  ) {
    this.#organization = feed.watch(name, this);
  }

  addExport(pending: PendingExport): PendingExports {
    const others = this.#exports.get(pending.id);
    if (others === undefined) this.#exports.set(pending.id, new Set([pending]));
    else others.add(pending);
    return pending;
  }

  addList(pending: PendingList): PendingExports {
    this.#lists.add(pending);
    if (this.#organization.isCurrent) pending.prime(this.#organization.recent());
    return pending;
  }

  remove(pending: Pending): void {
    if (pending instanceof PendingExport) {
      const followers = this.#exports.get(pending.id);
      followers?.delete(pending);
      if (followers?.size === 0) this.#exports.delete(pending.id);
    } else if (pending instanceof PendingList) {
      this.#lists.delete(pending);
    }
    if (this.#exports.size > 0 || this.#lists.size > 0) return;
    this.feed.unwatch(this.#organization);
    this.onEmpty();
  }

  onChange(row: ExportRow): void {
    for (const pending of this.#exports.get(row.id) ?? []) pending.onChange(row);
    for (const pending of this.#lists) pending.onChange(row);
  }

  onCurrent(): void {
    void this.#prime();
  }

  /** In turns of the event loop: each list may read thousands of recent states to find its own. */
  async #prime(): Promise<void> {
    const turn = new Turn();
    for (const pending of this.#lists) {
      pending.prime(this.#organization.recent());
      if (turn.isOver) await turn.next();
    }
  }
}

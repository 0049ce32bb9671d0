import { encodeCursor } from './export-cursor.js';
import type { ExportFacets } from './export-facets.js';
import type { ExportList } from './export-filter.js';
import type { Paging } from './export-paging.js';
import type { ExportRows } from './export-repository.js';
import type { ExportSource } from './export-view.js';
import type { ExportRow } from './export.js';

/** What is undefined is not selected. */
export interface ListCounts {
  readonly totalCount?: number;
  readonly facets?: ExportFacets;
}

interface PageParts {
  readonly list: ExportList;
  readonly paging: Paging;
  /** As they were read, with one row beyond the page. */
  readonly found: ExportRows;
  /** Those of the page, in the order of the list, as `exports`. */
  readonly rows: readonly ExportRow[];
  readonly exports: readonly ExportSource[];
  readonly counts: ListCounts;
}

/** A class for the reason of SharedOrigin. */
class ExportEdge {
  constructor(
    readonly node: ExportSource | undefined,
    private readonly row: ExportRow,
    private readonly list: ExportList,
  ) {}

  get cursor(): string {
    return encodeCursor(this.row, this.list);
  }
}

/**
 * The object from which GraphQL reads a page of a list, its pagination and its pageInfo. Getters,
 * because a cursor takes time.
 */
export class ExportPage {
  constructor(private readonly parts: PageParts) {}

  get data(): readonly ExportSource[] {
    return this.parts.exports;
  }

  get edges(): readonly object[] {
    const { list, rows, exports } = this.parts;
    return rows.map((row, index) => new ExportEdge(exports[index], row, list));
  }

  get pagination(): this {
    return this;
  }

  get pageInfo(): this {
    return this;
  }

  get page(): number {
    return this.parts.paging.page;
  }

  get limit(): number {
    return this.parts.paging.size;
  }

  get totalCount(): number | undefined {
    return this.parts.counts.totalCount;
  }

  get facets(): ExportFacets | undefined {
    return this.parts.counts.facets;
  }

  get totalPages(): number | undefined {
    const { totalCount, limit } = this;
    return totalCount === undefined ? undefined : Math.ceil(totalCount / limit);
  }

  get hasMore(): boolean {
    return this.hasNextPage;
  }

  get hasNextPage(): boolean {
    const { paging, found } = this.parts;
    return paging.isBackward ? paging.before !== null : found.mayContinue;
  }

  get hasPreviousPage(): boolean {
    const { paging, found } = this.parts;
    return paging.isBackward ? found.mayContinue : paging.after !== null || paging.page > 1;
  }

  /** Without a row, the client goes on where it is, not at an end of the list. */
  get startCursor(): string | null {
    const { list, paging, found, rows } = this.parts;
    const first = rows[0] ?? (paging.isBackward ? found.lastSkipped : undefined);
    return first === undefined ? paging.before : encodeCursor(first, list);
  }

  get endCursor(): string | null {
    const { list, paging, found, rows } = this.parts;
    const last = rows.at(-1) ?? (paging.isBackward ? undefined : found.lastSkipped);
    return last === undefined ? paging.after : encodeCursor(last, list);
  }
}

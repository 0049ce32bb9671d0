import { BadUserInputError } from '../errors.js';
import type { ExportColumn, ExportResource, ExportStatus } from './export.js';

/** The fields that a list can be ordered by, under the names of the API. */
export const ExportOrderBy = {
  CREATED_AT: 'createdAt',
  UPDATED_AT: 'updatedAt',
  COUNT_BATCHES: 'countBatches',
  COUNT_TOTAL: 'countTotal',
} as const satisfies Record<string, ExportColumn>;
export type ExportOrderBy = (typeof ExportOrderBy)[keyof typeof ExportOrderBy];

export enum SortDirection {
  ASC = 'asc',
  DESC = 'desc',
}

/** A filter in canonical form, equal for equal meanings: statuses are sorted and distinct. */
export interface NormalizedExportFilter {
  readonly resource: ExportResource | null;
  /** Empty means any status, as does an empty search for names. */
  readonly statuses: readonly ExportStatus[];
  readonly search: string;
}

/** An ordered list of an organization. A cursor is valid in one such list only. */
export interface ExportList {
  readonly organization: string;
  readonly filter: NormalizedExportFilter;
  readonly orderBy: ExportOrderBy;
  readonly direction: SortDirection;
}

/** A filter as a client sends it: null counts as absent. */
type FilterInput = {
  readonly [Key in keyof NormalizedExportFilter]?: NormalizedExportFilter[Key] | null;
};

/** In code points, so that an emoji counts as one character. */
export const MAX_SEARCH_LENGTH = 200;

/** Throws BadUserInputError for an invalid search. */
export function normalizeExportFilter(filter?: FilterInput | null): NormalizedExportFilter {
  const { resource, statuses, search } = filter ?? {};
  return {
    resource: resource ?? null,
    statuses: [...new Set(statuses)].sort(),
    search: checkedSearch(search ?? ''),
  };
}

function checkedSearch(search: string): string {
  const { length } = Array.from(search);
  // The databases disagree on how they read NUL and lone surrogates.
  if (length <= MAX_SEARCH_LENGTH && search.isWellFormed() && !search.includes('\0')) return search;
  throw new BadUserInputError(
    'filter.search',
    `must have at most ${MAX_SEARCH_LENGTH} characters, none of them NUL or a lone surrogate.`,
  );
}

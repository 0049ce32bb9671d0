import { BadUserInputError } from '../errors.js';
import type { ExportFilter } from './export-args.js';
import type { ExportScope } from './export-scope.js';
import type { ExportColumn, ExportResource, ExportRow, ExportStatus } from './export.js';

/** The fields that a list can be ordered by, under the names of the API. */
export const ExportOrderBy = {
  CREATED_AT: 'createdAt',
  UPDATED_AT: 'updatedAt',
  COUNT_BATCHES: 'countBatches',
  COUNT_TOTAL: 'countTotal',
} as const satisfies Record<string, ExportColumn>;
export type ExportOrderBy = (typeof ExportOrderBy)[keyof typeof ExportOrderBy];

export enum ExportSortDirection {
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

/** An ordered list of the exports in a scope. A cursor is valid in one such list only. */
export interface ExportList extends ExportScope {
  readonly filter: NormalizedExportFilter;
  readonly orderBy: ExportOrderBy;
  readonly direction: ExportSortDirection;
}

/** In code points, so that an emoji counts as one character. */
export const MAX_SEARCH_LENGTH = 200;

/** Throws BadUserInputError for an invalid search. */
export function normalizeExportFilter(filter?: ExportFilter | null): NormalizedExportFilter {
  const search = filter?.search ?? '';
  const isTooLong = Array.from(search).length > MAX_SEARCH_LENGTH;
  // The databases disagree on how they read NUL and lone surrogates.
  if (isTooLong || !search.isWellFormed() || search.includes('\0')) {
    const rule = `at most ${MAX_SEARCH_LENGTH} characters, none of them NUL or a lone surrogate.`;
    throw new BadUserInputError('filter.search', `must have ${rule}`);
  }
  const statuses = [...new Set(filter?.statuses)].sort();
  return { resource: filter?.resource ?? null, statuses, search };
}

/** One for each field of the filter, with the meaning of its condition in the repository. */
const conditions: readonly ((row: ExportRow, filter: NormalizedExportFilter) => boolean)[] = [
  (row, { resource }) => resource === null || row.resource === resource,
  ({ status }, { statuses }) =>
    statuses.length === 0 || (status !== undefined && statuses.includes(status)),
  ({ name = '' }, { search }) => search === '' || lowerCase(name).includes(lowerCase(search)),
];

/** By letter, as databases do: `toLowerCase` of a text has a sigma of its own at ends of words. */
function lowerCase(text: string): string {
  return text.replace(/\p{Lu}/gu, (letter) => letter.toLowerCase());
}

/** Whether a list with the filter has the export. The row must have every column. */
export function matchesFilter(row: ExportRow, filter: NormalizedExportFilter): boolean {
  return conditions.every((matches) => matches(row, filter));
}

/** Whether every export matches. */
export function isEmptyFilter({ resource, statuses, search }: NormalizedExportFilter): boolean {
  return resource === null && statuses.length === 0 && search === '';
}

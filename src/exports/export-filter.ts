import { BadUserInputError } from '../errors.js';
import type { ExportFilter } from './export-args.js';
import { isWithin, normalizeDateRange, type NormalizedDateRange } from './export-date-range.js';
import { isInScope, type ExportScope } from './export-scope.js';
import { isExpired } from './export-view.js';
import { ExportResource, ExportStatus, type ExportColumn, type ExportRow } from './export.js';

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

/**
 * A filter in canonical form, equal for equal meanings: lists are sorted and distinct, and null,
 * like an empty search, stands for a condition that every export meets.
 */
export interface NormalizedExportFilter {
  /** An empty list, of resources without a common one, matches nothing. */
  readonly resources: readonly ExportResource[] | null;
  readonly statuses: readonly ExportStatus[] | null;
  readonly search: string;
  readonly requestedBy: string | null;
  readonly isExpired: boolean | null;
  readonly createdAt: NormalizedDateRange | null;
  readonly updatedAt: NormalizedDateRange | null;
  /** Whether other conditions exclude each other. All of them are then null. */
  readonly isContradictory: boolean;
}

/** An ordered list of the exports in a scope. A cursor is valid in one such list only. */
export interface ExportList extends ExportScope {
  readonly filter: NormalizedExportFilter;
  readonly orderBy: ExportOrderBy;
  readonly direction: ExportSortDirection;
}

/** What clients send; an object of any class. */
type FilterInput = Pick<ExportFilter, keyof ExportFilter>;

/** The part of a viewer on which the meaning of a filter depends. */
export interface FilterViewer extends Pick<ExportScope, 'onlyRequestedBy'> {
  /** The requester that the viewer is; null: none. */
  readonly requester: string | null;
}

/** In code points, so that an emoji counts as one character. */
export const MAX_SEARCH_LENGTH = 200;
export const MAX_REQUESTER_LENGTH = 255;

const NO_REQUESTER: FilterViewer = { requester: null, onlyRequestedBy: null };

const emptyFilter: NormalizedExportFilter = {
  ...{ resources: null, statuses: null, search: '', requestedBy: null, isExpired: null },
  ...{ createdAt: null, updatedAt: null, isContradictory: false },
};
const filterFields = Object.keys(emptyFilter) as (keyof NormalizedExportFilter)[];

/** Throws BadUserInputError for an invalid text, and for `mine` of a viewer without a requester. */
export function normalizeExportFilter(
  filter?: FilterInput | null,
  viewer = NO_REQUESTER,
): NormalizedExportFilter {
  const search = checkText(filter?.search?.trim(), 'search', MAX_SEARCH_LENGTH) ?? '';
  const requesters = requestersOf(filter ?? {}, viewer);
  const createdAt = normalizeDateRange(filter?.createdAt);
  const updatedAt = normalizeDateRange(filter?.updatedAt);
  if (requesters.length > 1 || createdAt === 'empty' || updatedAt === 'empty') {
    return { ...emptyFilter, isContradictory: true };
  }
  const [requestedBy = null] = requesters;
  return {
    resources: resourcesOf(filter ?? {}),
    statuses: canonicalList(filter?.statuses, Object.values(ExportStatus)),
    search,
    // The scope restricts the statements already.
    requestedBy: requestedBy === viewer.onlyRequestedBy ? null : requestedBy,
    isExpired: filter?.isExpired ?? null,
    ...{ createdAt, updatedAt, isContradictory: false },
  };
}

function checkText(text: string | null | undefined, field: string, maxLength: number) {
  // The databases disagree on how they read NUL and lone surrogates.
  if (
    text != null &&
    (Array.from(text).length > maxLength || !text.isWellFormed() || text.includes('\0'))
  ) {
    const rule = `at most ${maxLength} characters, none of them NUL or a lone surrogate.`;
    throw new BadUserInputError(`filter.${field}`, `must have ${rule}`);
  }
  return text ?? null;
}

/** The distinct requesters that an export must all have. */
function requestersOf(
  { mine, requestedBy: given }: FilterInput,
  { requester, onlyRequestedBy }: FilterViewer,
): string[] {
  const requestedBy = checkText(given, 'requestedBy', MAX_REQUESTER_LENGTH);
  if (mine === true && requester === null) {
    const advice =
      'must be false or absent, because these credentials name no requester: ' +
      'use a token with the claim of JWT_REQUESTER_CLAIM, or filter by requestedBy.';
    throw new BadUserInputError('filter.mine', advice);
  }
  const all = [onlyRequestedBy, requestedBy, mine === true ? requester : null];
  return [...new Set(all.filter((name) => name !== null))];
}

function resourcesOf({ resource = null, resources }: FilterInput) {
  const all = Object.values(ExportResource);
  const anyOf = canonicalList(resources, all);
  if (resource === null) return anyOf;
  return (anyOf ?? all).filter((each) => each === resource);
}

/** Null for a list that is empty or has every value. */
function canonicalList<Value extends string>(
  given: readonly Value[] | null | undefined,
  all: readonly Value[],
): readonly Value[] | null {
  const values = [...new Set(given)].sort();
  return values.length === 0 || values.length === all.length ? null : values;
}

/** One for each field of the filter, with the meaning of its condition in the repository. */
const conditions: readonly ((
  row: ExportRow,
  filter: NormalizedExportFilter,
  now: Date,
) => boolean)[] = [
  ({ resource }, { resources }) => isOneOf(resources, resource),
  ({ status }, { statuses }) => isOneOf(statuses, status),
  ({ name = '' }, { search }) => search === '' || lowerCase(name).includes(lowerCase(search)),
  (row, { requestedBy }) => isInScope(row, requestedBy),
  (row, filter, now) => filter.isExpired === null || isExpired(row, now) === filter.isExpired,
  ({ createdAt }, filter) => isWithin(filter.createdAt, createdAt),
  ({ updatedAt }, filter) => isWithin(filter.updatedAt, updatedAt),
  (_, { isContradictory }) => !isContradictory,
];

/** Whether a condition that accepts these values, null: any, accepts a value. */
export function isOneOf<Value>(
  values: readonly Value[] | null,
  value: Value | null | undefined,
): boolean {
  return values === null || (value != null && values.includes(value));
}

/** By letter, as databases do: `toLowerCase` of a text has a sigma of its own at ends of words. */
function lowerCase(text: string): string {
  return text.replace(/\p{Lu}/gu, (letter) => letter.toLowerCase());
}

/** Whether a list with the filter has the export. The row must have every column. */
export function matchesFilter(row: ExportRow, filter: NormalizedExportFilter, now: Date): boolean {
  return conditions.every((matches) => matches(row, filter, now));
}

/** Whether every export matches. */
export function isEmptyFilter(filter: NormalizedExportFilter): boolean {
  return filterFields.every((field) => filter[field] === emptyFilter[field]);
}

/** Whether no export can match, so that there is nothing to read. */
export function matchesNothing({ isContradictory, resources }: NormalizedExportFilter): boolean {
  return isContradictory || resources?.length === 0;
}

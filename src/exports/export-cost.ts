import type { Complexity } from 'type-graphql';

import type { ExportDateRange } from './export-args.js';
import type { ExportOrderBy } from './export-filter.js';
import { checkPreviewRows } from './preview/export-preview.js';

// The costs of fields other than plain ones, which cost 1 (graphql/limits.ts sets the maximum of a
// request). They clamp arguments that are out of range, because the resolver rejects these. That of a
// nested field rejects them itself, because its resolver runs after the statements.

export const MAX_LIMIT = 100;
export const MAX_IDS = 100;

/** The lookups of a request share one statement. */
export const lookupCost: Complexity = ({ childComplexity }) => 20 + childComplexity;

export const lookupsCost: Complexity = ({ args, childComplexity }) => {
  const { ids } = args as { ids: readonly string[] };
  return 20 + Math.min(ids.length, MAX_IDS) * Math.max(1, childComplexity);
};

/** A search reads every name of the organization; so does a count with a search. */
const SEARCH_COST = 2_000;
const COUNT_COST = 1_000;
/** A range of another time than that of the order: each page reads and sorts the whole range. */
const SORT_COST = 1_000;
/** The database reads all rows of the pages in front of a page by number. */
const SKIPPED_ROWS_PER_COST = 100;
const MAX_SKIP_COST = 2_000;

/** Higher than the cost of every selection, so that `listCost` recognizes a selected count. */
const COUNT_MARK = 2 ** 32;

/** A count is a statement of its own; `listCost` replaces this mark. */
export const countCost: Complexity = COUNT_MARK;

/** Each list is a statement of its own, and repeats its selection for every possible export. */
export const listCost: Complexity = ({ args, childComplexity }) => {
  const { filter, orderBy, page, first, last, after, before } = args as ListCostArguments;
  const size = first ?? last ?? Number(args['limit']);
  const limit = Math.min(Math.max(size, 1), MAX_LIMIT);
  const hasSearch = Boolean(filter?.search?.trim());
  const scan = (hasSearch ? SEARCH_COST : 0) + (isSorted(filter ?? {}, orderBy) ? SORT_COST : 0);
  const count = childComplexity >= COUNT_MARK ? (hasSearch ? SEARCH_COST : COUNT_COST) : 0;
  const hasPage = !after && !before && last == null;
  const skipped = hasPage ? Math.max(page - 1, 0) * limit : 0;
  const skip = Math.min(Math.floor(skipped / SKIPPED_ROWS_PER_COST), MAX_SKIP_COST);
  return 200 + scan + count + skip + limit * (childComplexity % COUNT_MARK);
};

type DateRanges = Partial<Record<'createdAt' | 'updatedAt', ExportDateRange | null>>;

/** As the repository chooses the index of a list. */
function isSorted({ createdAt, updatedAt }: DateRanges, orderBy: ExportOrderBy): boolean {
  const ranges = { createdAt, updatedAt, countBatches: null, countTotal: null };
  return !isRange(ranges[orderBy]) && (isRange(createdAt) || isRange(updatedAt));
}

function isRange(range?: ExportDateRange | null): boolean {
  return (range?.gte ?? range?.lt ?? null) !== null;
}

interface ListCostArguments {
  readonly filter?: (DateRanges & { readonly search?: string | null }) | null;
  readonly orderBy: ExportOrderBy;
  readonly page: number;
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

/** A link is signed, after its file has been read. */
export const linkCost: Complexity = 5;

const PREVIEW_COST = 50;
const PREVIEW_ROW_COST = 10;

/** A file is read, and a row may be as large as many exports. Throws BadUserInputError. */
export const previewCost: Complexity = ({ args, childComplexity }) => {
  const { rows } = args as { rows: number };
  checkPreviewRows(rows);
  return PREVIEW_COST + PREVIEW_ROW_COST * rows + childComplexity;
};

/** An export always has four files. */
export const filesCost: Complexity = ({ childComplexity }) => 1 + 4 * childComplexity;

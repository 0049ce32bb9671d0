import { ArgsType, Field, ID, InputType, Int, registerEnumType } from 'type-graphql';

import { BadUserInputError } from '../errors.js';
import { MAX_IDS, MAX_LIMIT } from './export-cost.js';
import type { LinkFlags } from './export-view.js';
import { ExportResource, ExportStatus } from './export.js';

/** What a list is ordered by. The names are the API's, the values the columns'. */
export enum ExportOrderBy {
  CREATED_AT = 'created_at',
  UPDATED_AT = 'updated_at',
  COUNT_BATCHES = 'count_batches',
  COUNT_TOTAL = 'count_total',
}
registerEnumType(ExportOrderBy, {
  name: 'ExportOrderBy',
  description:
    'What a list of exports is ordered by. Exports that are equal in it are ordered by id.',
  valuesConfig: {
    CREATED_AT: { description: 'When they were created.' },
    UPDATED_AT: { description: 'When their rows last changed.' },
    COUNT_BATCHES: { description: 'How many batches they have.' },
    COUNT_TOTAL: { description: 'How many records they cover.' },
  },
});

/** The direction of an order. */
export enum SortDirection {
  ASC = 'asc',
  DESC = 'desc',
}
registerEnumType(SortDirection, {
  name: 'SortDirection',
  description: 'The direction of an order.',
  valuesConfig: {
    ASC: { description: 'From the oldest or smallest on.' },
    DESC: { description: 'From the newest or largest on.' },
  },
});

const MAX_SEARCH_LENGTH = 200;

@InputType({ description: 'Which exports to list: those that meet every condition given.' })
export class ExportFilter {
  @Field(() => ExportResource, { nullable: true, description: 'Only exports of this resource.' })
  resource?: ExportResource | null;

  @Field(() => [ExportStatus], {
    nullable: true,
    description: 'Only exports in one of these statuses. An empty list filters nothing.',
  })
  statuses?: ExportStatus[] | null;

  @Field(() => String, {
    nullable: true,
    description: `A part of the name, letter case aside; % and _ stand for themselves. At most ${MAX_SEARCH_LENGTH} characters; an empty text filters nothing.`,
  })
  search?: string | null;
}

const ASKS_FOR_CSV = 'Ask for csvUrl, csvErrorUrl, csvSanitizedUrl and the links of the CSV files.';
const ASKS_FOR_JSON = 'Ask for jsonUrl and the link of the JSON file.';

/** The two flags that ask for links. */
@ArgsType()
export class LinkArgs implements LinkFlags {
  @Field(() => Boolean, { defaultValue: false, description: ASKS_FOR_CSV })
  includeCsv!: boolean;

  @Field(() => Boolean, { defaultValue: false, description: ASKS_FOR_JSON })
  includeJson!: boolean;
}

@ArgsType()
export class ExportArgs extends LinkArgs {
  @Field(() => ID, { description: 'The id of the export.' })
  id!: string;
}

@ArgsType()
export class ExportsByIdsArgs implements LinkFlags {
  @Field(() => [ID], { description: `The ids of the exports: at most ${MAX_IDS}.` })
  ids!: string[];

  @Field(() => Boolean, { defaultValue: true, description: ASKS_FOR_CSV })
  includeCsv!: boolean;

  @Field(() => Boolean, { defaultValue: true, description: ASKS_FOR_JSON })
  includeJson!: boolean;
}

@ArgsType()
export class ExportsArgs extends LinkArgs {
  @Field(() => ExportFilter, {
    nullable: true,
    description: 'Which exports to list; all when left out.',
  })
  filter?: ExportFilter | null;

  @Field(() => ExportOrderBy, {
    defaultValue: ExportOrderBy.CREATED_AT,
    description: 'What the list is ordered by.',
  })
  orderBy!: ExportOrderBy;

  @Field(() => SortDirection, {
    defaultValue: SortDirection.ASC,
    description: 'The direction of that order.',
  })
  direction!: SortDirection;

  @Field(() => Int, {
    defaultValue: 1,
    description: 'Which page, counted from 1. `after` takes its place.',
  })
  page!: number;

  @Field(() => Int, {
    defaultValue: 10,
    description: `How many exports a page holds: 1 to ${MAX_LIMIT}.`,
  })
  limit!: number;

  @Field(() => String, {
    nullable: true,
    description:
      'The endCursor of an earlier answer with the same filter and order: the list goes on behind it. As quick on the last page as on the first.',
  })
  after?: string | null;
}

/** The conditions of a list in their one canonical form: two filters that mean the same are equal. */
export interface NormalizedExportFilter {
  readonly resource: ExportResource | null;
  /** Sorted, each once; empty: any status. */
  readonly statuses: readonly ExportStatus[];
  /** Empty: any name. */
  readonly search: string;
}

/** The canonical form of a filter. Throws BadUserInputError. */
export function normalizeExportFilter(
  filter: ExportFilter | null | undefined,
): NormalizedExportFilter {
  const search = filter?.search ?? '';
  // Counted as a person counts, in code points: an emoji is one character.
  if (Array.from(search).length > MAX_SEARCH_LENGTH) {
    throw new BadUserInputError(
      'filter.search',
      `must have at most ${MAX_SEARCH_LENGTH} characters.`,
    );
  }
  // No name can hold either; the databases would each make something else of them.
  if (!search.isWellFormed() || search.includes('\0')) {
    throw new BadUserInputError('filter.search', 'must not contain NUL or half a surrogate pair.');
  }
  return {
    resource: filter?.resource ?? null,
    statuses: [...new Set(filter?.statuses ?? [])].sort(),
    search,
  };
}

/** Throws BadUserInputError when page or limit are out of range. */
export function checkPaging({ page, limit }: Pick<ExportsArgs, 'page' | 'limit'>): void {
  if (page < 1) throw new BadUserInputError('page', `must be 1 or more, not ${page}.`);
  if (limit < 1 || limit > MAX_LIMIT) {
    throw new BadUserInputError('limit', `must be between 1 and ${MAX_LIMIT}, not ${limit}.`);
  }
}

/** Throws BadUserInputError when there are too many ids. */
export function checkIds({ ids }: Pick<ExportsByIdsArgs, 'ids'>): void {
  if (ids.length > MAX_IDS) {
    throw new BadUserInputError('ids', `must be at most ${MAX_IDS}, not ${ids.length}.`);
  }
}

import { ArgsType, Field, ID, InputType, Int, registerEnumType } from 'type-graphql';

import { BadUserInputError } from '../errors.js';
import { MAX_IDS, MAX_LIMIT } from './export-cost.js';
import {
  ExportOrderBy,
  ExportSortDirection,
  MAX_REQUESTER_LENGTH,
  MAX_SEARCH_LENGTH,
} from './export-filter.js';
import { DateTime } from './export-scalars.js';
import type { LinkFlags } from './export-view.js';
import { ExportResource, ExportStatus } from './export.js';

registerEnumType(ExportOrderBy, {
  name: 'ExportOrderBy',
  description: 'The field that a list is ordered by. Ties are ordered by id.',
  valuesConfig: {
    CREATED_AT: { description: 'The time of creation.' },
    UPDATED_AT: { description: 'The time of the last change.' },
    COUNT_BATCHES: { description: 'The number of batches.' },
    COUNT_TOTAL: { description: 'The number of records.' },
  },
});

registerEnumType(ExportSortDirection, {
  name: 'ExportSortDirection',
  description: 'The direction of an order.',
  valuesConfig: {
    ASC: { description: 'The oldest or smallest first.' },
    DESC: { description: 'The newest or largest first.' },
  },
});

@InputType({ description: 'A range of times. A bound that is absent or null does not restrict.' })
export class ExportDateRange {
  @Field(() => DateTime, { nullable: true, description: 'At this time or later.' })
  gte?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Before this time.' })
  lt?: Date | null;
}

@InputType({ description: 'Selects the exports that meet every given condition.' })
export class ExportFilter {
  @Field(() => ExportResource, { nullable: true, description: 'Only exports of this resource.' })
  resource?: ExportResource | null;

  @Field(() => [ExportResource], {
    nullable: true,
    description: 'Only these resources, together with `resource`; empty: all.',
  })
  resources?: ExportResource[] | null;

  @Field(() => [ExportStatus], { nullable: true, description: 'Only these statuses; empty: all.' })
  statuses?: ExportStatus[] | null;

  @Field(() => String, {
    nullable: true,
    description: `Only names that contain this text, in any case; % and _ are literal. Spaces around it do not count. Empty: all. At most ${MAX_SEARCH_LENGTH} characters.`,
  })
  search?: string | null;

  @Field(() => String, {
    nullable: true,
    description: `Only exports that exactly this user requested, in the same case. At most ${MAX_REQUESTER_LENGTH} characters.`,
  })
  requestedBy?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'True: only exports that the user of the credentials requested.',
  })
  mine?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'True: only exports whose files have expired; false: only the others.',
  })
  isExpired?: boolean | null;

  @Field(() => ExportDateRange, {
    nullable: true,
    description: 'Only exports created in this range.',
  })
  createdAt?: ExportDateRange | null;

  @Field(() => ExportDateRange, {
    nullable: true,
    description: 'Only exports that last changed in this range.',
  })
  updatedAt?: ExportDateRange | null;
}

const CSV_LINKS = 'csvUrl, csvErrorUrl, csvSanitizedUrl and the links of the CSV files';
const JSON_LINKS = 'jsonUrl and the link of the JSON file';

const LinkFlag = (links: string, { defaultValue }: { defaultValue: boolean }) =>
  Field(() => Boolean, { defaultValue, description: `Requests ${links}.` });

@ArgsType()
class LinkArgs implements LinkFlags {
  @LinkFlag(CSV_LINKS, { defaultValue: false })
  includeCsv!: boolean;

  @LinkFlag(JSON_LINKS, { defaultValue: false })
  includeJson!: boolean;
}

@ArgsType()
export class ExportArgs extends LinkArgs {
  @Field(() => ID, { description: 'The id of the export.' })
  id!: string;
}

@ArgsType()
export class ExportsUpdatedArgs extends LinkArgs {
  @Field(() => ExportFilter, { nullable: true, description: 'Which exports; default: all.' })
  filter?: ExportFilter | null;
}

@ArgsType()
export class ExportsByIdsArgs implements LinkFlags {
  @Field(() => [ID], { description: `The ids of the exports, at most ${MAX_IDS}.` })
  ids!: string[];

  @LinkFlag(CSV_LINKS, { defaultValue: true })
  includeCsv!: boolean;

  @LinkFlag(JSON_LINKS, { defaultValue: true })
  includeJson!: boolean;
}

@ArgsType()
export class ExportsArgs extends LinkArgs {
  @Field(() => ExportFilter, { nullable: true, description: 'Filters the list; default: all.' })
  filter?: ExportFilter | null;

  @Field(() => ExportOrderBy, {
    defaultValue: ExportOrderBy.CREATED_AT,
    description: 'What the list is ordered by.',
  })
  orderBy!: ExportOrderBy;

  @Field(() => ExportSortDirection, {
    defaultValue: ExportSortDirection.ASC,
    description: 'The direction of the order.',
  })
  direction!: ExportSortDirection;

  @Field(() => Int, {
    defaultValue: 1,
    description: 'The page number; `after`, `before` and `last` override it.',
  })
  page!: number;

  @Field(() => Int, { defaultValue: 10, description: `The page size, 1 to ${MAX_LIMIT}.` })
  limit!: number;

  @Field(() => Int, {
    nullable: true,
    description: `The page size, by Relay’s name; it replaces \`limit\`. 1 to ${MAX_LIMIT}.`,
  })
  first?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: `The page size when reading backwards: the exports in front of \`before\` or, without it, the last of the list. 1 to ${MAX_LIMIT}.`,
  })
  last?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'A cursor of an earlier response: the page follows it. Fast at any depth.',
  })
  after?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'A cursor of an earlier response: the page ends in front of it. Fast at any depth.',
  })
  before?: string | null;
}

/** Throws BadUserInputError. */
export function checkIds({ ids }: Pick<ExportsByIdsArgs, 'ids'>): void {
  if (ids.length > MAX_IDS) {
    throw new BadUserInputError('ids', `must be at most ${MAX_IDS}, not ${ids.length}.`);
  }
}

import { Directive, Field, Int, ObjectType } from 'type-graphql';

import { countCost } from './export-cost.js';
import { Export } from './export.js';

// Shareable, because another subgraph may give a list of exports as well.
@Directive('@shareable')
@ObjectType({ description: 'Where a page stands in its list.', simpleResolvers: true })
export class ExportPagination {
  @Field(() => Int, {
    description: 'The page that was asked for; with `after`, it has no meaning.',
  })
  readonly page!: number;

  @Field(() => Int, { description: 'How many exports a page holds at most.' })
  readonly limit!: number;

  @Field(() => Boolean, { description: 'Whether more exports follow. Costs no count.' })
  readonly hasMore!: boolean;

  @Field(() => Int, {
    complexity: countCost,
    description:
      'How many exports the whole list has. Counted only when selected, and not for free: leave it out where hasMore is enough.',
  })
  readonly totalCount?: number;

  @Field(() => Int, {
    complexity: countCost,
    description: 'How many pages the whole list has. Costs what totalCount costs.',
  })
  readonly totalPages?: number;

  @Field(() => String, {
    nullable: true,
    description: 'Give it as `after` to go on behind this page. Null when the page is empty.',
  })
  readonly endCursor!: string | null;
}

@Directive('@shareable')
@ObjectType({ description: 'A page of a list of exports.', simpleResolvers: true })
export class ExportConnection {
  @Field(() => ExportPagination, { description: 'Where the page stands in the list.' })
  readonly pagination!: ExportPagination;

  @Field(() => [Export], {
    description: 'The exports of the page, in order; empty when there are none.',
  })
  readonly data!: readonly Export[];
}

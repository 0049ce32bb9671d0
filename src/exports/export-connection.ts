import { Directive, Field, Int, ObjectType } from 'type-graphql';

import { countCost } from './export-cost.js';
import { Export } from './export.js';

// Shareable, because other subgraphs may define a list of exports as well.
@Directive('@shareable')
@ObjectType({ description: 'The position of a page in its list.', simpleResolvers: true })
export class ExportPagination {
  @Field(() => Int, { description: 'The requested page; meaningless with `after`.' })
  readonly page!: number;

  @Field(() => Int, { description: 'The maximum number of exports on a page.' })
  readonly limit!: number;

  @Field(() => Boolean, { description: 'Whether more exports follow. Costs no count.' })
  readonly hasMore!: boolean;

  @Field(() => Int, {
    complexity: countCost,
    description: 'The number of exports in the list. Costs a count: prefer hasMore if possible.',
  })
  readonly totalCount?: number;

  @Field(() => Int, {
    complexity: countCost,
    description: 'The number of pages in the list. Costs the same as totalCount.',
  })
  readonly totalPages?: number;

  @Field(() => String, {
    nullable: true,
    description:
      'Pass it as `after`, with the same filter and order. An empty page has that of `after`.',
  })
  readonly endCursor!: string | null;
}

@Directive('@shareable')
@ObjectType({ description: 'A page of a list of exports.', simpleResolvers: true })
export class ExportConnection {
  @Field(() => ExportPagination, { description: 'The position of the page in the list.' })
  readonly pagination!: ExportPagination;

  @Field(() => [Export], { description: 'The exports of the page, in order; never null.' })
  readonly data!: readonly Export[];
}

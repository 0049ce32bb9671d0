import { Directive, Field, Int, ObjectType } from 'type-graphql';

import { countCost } from './export-cost.js';
import { ExportFacets } from './export-facets.js';
import { Export } from './export.js';

@ObjectType({ description: 'The position of a page in its list.', simpleResolvers: true })
export class ExportPagination {
  @Field(() => Int, {
    description: 'The requested page; meaningless with `after`, `before` and `last`.',
  })
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
      'The cursor of the last export: pass it as `after`, with the same filter and order, for the next page. An empty page has that of `after`, or null.',
  })
  readonly endCursor!: string | null;
}

@ObjectType({ description: 'An export at its place in a list.', simpleResolvers: true })
export class ExportEdge {
  @Field(() => Export, { description: 'The export.' })
  readonly node!: Export;

  @Field(() => String, {
    description: 'Its place: pass it as `after` or `before`, with the same filter and order.',
  })
  readonly cursor!: string;
}

// Shareable, because the type of this name belongs to every Relay schema.
@Directive('@shareable')
@ObjectType({
  description: 'Whether and where a list goes on around a page.',
  simpleResolvers: true,
})
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether more items follow the page. Costs no count.' })
  readonly hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether items precede the page. Costs no count.' })
  readonly hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description:
      'The cursor of the first item: pass it as `before` for the previous page. An empty page has that of `before`, or null.',
  })
  readonly startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The cursor of the last item: pass it as `after` for the next page. An empty page has that of `after`, or null.',
  })
  readonly endCursor!: string | null;
}

@ObjectType({ description: 'A page of a list of exports.', simpleResolvers: true })
export class ExportConnection {
  @Field(() => [Export], { description: 'The exports of the page, in order; never null.' })
  readonly data!: readonly Export[];

  @Field(() => [ExportEdge], { description: 'The same exports, each with its cursor.' })
  readonly edges!: readonly ExportEdge[];

  @Field(() => ExportPagination, { description: 'The position of the page in the list.' })
  readonly pagination!: ExportPagination;

  @Field(() => PageInfo, {
    description:
      'Whether and where the list goes on, in the form of Relay, which caches of clients expect.',
  })
  readonly pageInfo!: PageInfo;

  @Field(() => ExportFacets, {
    complexity: countCost,
    description:
      'Counts beside the choices of a filter. Costs the same as totalCount, and both together cost no more.',
  })
  readonly facets?: ExportFacets;
}

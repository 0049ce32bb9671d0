import { Directive, Field, Int, ObjectType } from 'type-graphql';

import { countCost } from './export-cost.js';
import { Export } from './export.js';

/** What a page of a list is made from. Each part is asked for at most once, and only when a field needs it. */
export interface ListedPage {
  readonly page: number;
  readonly limit: number;
  /** The rows of the page and, when there are more behind it, one more. */
  readonly rows: () => Promise<readonly Export[]>;
  readonly count: () => Promise<number>;
  /** The cursor of the place behind this export. */
  readonly cursorOf: (last: Export) => string;
}

// Shareable, because another subgraph may give a list of exports as well.
@Directive('@shareable')
@ObjectType({ description: 'Where a page stands in its list.' })
export class ExportPagination {
  @Field(() => Int, {
    description: 'The page that was asked for; with `after`, it has no meaning.',
  })
  readonly page: number;

  @Field(() => Int, { description: 'How many exports a page holds at most.' })
  readonly limit: number;

  constructor(private readonly listed: ListedPage) {
    this.page = listed.page;
    this.limit = listed.limit;
  }

  @Field(() => Boolean, { description: 'Whether more exports follow. Costs no count.' })
  async hasMore(): Promise<boolean> {
    return (await this.listed.rows()).length > this.limit;
  }

  @Field(() => Int, {
    complexity: countCost,
    description:
      'How many exports the whole list has. Counted only when selected, and not for free: leave it out where hasMore is enough.',
  })
  async totalCount(): Promise<number> {
    return this.listed.count();
  }

  @Field(() => Int, {
    complexity: countCost,
    description: 'How many pages the whole list has. Costs what totalCount costs.',
  })
  async totalPages(): Promise<number> {
    return Math.ceil((await this.listed.count()) / this.limit);
  }

  @Field(() => String, {
    nullable: true,
    description: 'Give it as `after` to go on behind this page. Null when the page is empty.',
  })
  async endCursor(): Promise<string | null> {
    const last = (await this.listed.rows()).slice(0, this.limit).at(-1);
    return last === undefined ? null : this.listed.cursorOf(last);
  }
}

@Directive('@shareable')
@ObjectType({ description: 'A page of a list of exports.' })
export class ExportConnection {
  @Field(() => ExportPagination, { description: 'Where the page stands in the list.' })
  readonly pagination: ExportPagination;

  constructor(private readonly listed: ListedPage) {
    this.pagination = new ExportPagination(listed);
  }

  @Field(() => [Export], {
    description: 'The exports of the page, in order; empty when there are none.',
  })
  async data(): Promise<readonly Export[]> {
    return (await this.listed.rows()).slice(0, this.listed.limit);
  }
}

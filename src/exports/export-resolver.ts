import type { GraphQLResolveInfo } from 'graphql';
import {
  Args,
  Ctx,
  Directive,
  FieldResolver,
  Info,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';

import { toError } from '../errors.js';
import { BatchLoader } from './batch-loader.js';
import {
  checkIds,
  ExportArgs,
  ExportsArgs,
  ExportsByIdsArgs,
  ExportsUpdatedArgs,
} from './export-args.js';
import { ExportConnection } from './export-connection.js';
import { listCost, lookupCost, lookupsCost } from './export-cost.js';
import type { ExportFileRow } from './export-file.js';
import { normalizeExportFilter, type FilterViewer } from './export-filter.js';
import { ExportFacets, totalOf } from './export-facets.js';
import { ExportPage, type ListCounts } from './export-page.js';
import { readPaging, windowOf } from './export-paging.js';
import { estimateCompletion, progressOf } from './export-progress.js';
import type { ExportRepository, ExportRows, FilteredScope } from './export-repository.js';
import { exportListSelection, exportSelection, type ExportSelection } from './export-selection.js';
import {
  ExportView,
  isExpired,
  requiresFiles,
  type ExportSource,
  type LinkFlags,
} from './export-view.js';
import { Export, type ExportRow } from './export.js';
import type { LiveExports } from './live-exports.js';
import type { RequestLinks } from './request-links.js';
import type { RequestQueries } from './request-queries.js';

/** The part of the request's context that the resolvers of exports use. */
export interface ExportContext {
  readonly queries: RequestQueries;
  readonly links: RequestLinks;
  readonly live: LiveExports;
  readonly viewer: FilterViewer;
  /** The gateway's clock in whole seconds, which decides what has expired in the whole response. */
  readonly now: Date;
}

/** What TypeGraphQL passes to the source of a subscription. */
interface SubscriptionData<FieldArgs> {
  readonly args: FieldArgs;
  readonly context: ExportContext;
}

/** What a field of a request reads of each of its exports. */
interface FieldRequest {
  readonly requested: LinkFlags;
  readonly selection: ExportSelection;
  readonly context: ExportContext;
}

const NO_ROWS: ExportRows = { rows: [], mayContinue: false };

/** Look-ups by id go through batch loaders, lists and counts through the repository's coalescer. */
@Resolver(() => Export)
export class ExportResolver {
  readonly #exports: BatchLoader<ExportRow>;
  readonly #files: BatchLoader<readonly ExportFileRow[]>;

  constructor(private readonly repository: ExportRepository) {
    this.#exports = new BatchLoader(repository.findByIds.bind(repository));
    this.#files = new BatchLoader(repository.findFiles.bind(repository));
  }

  @Query(() => Export, {
    nullable: true,
    complexity: lookupCost,
    description: 'One export, or null when none has this id.',
  })
  export(
    @Args(() => ExportArgs) args: ExportArgs,
    @Ctx() context: ExportContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ExportSource | null> {
    return this.byId(args.id, { requested: args, selection: exportSelection(info), context });
  }

  // Hidden from routers: the failure of a non-null field would null their whole response.
  @Directive('@inaccessible')
  @Directive('@merge(keyField: "id", keyArg: "ids")')
  @Query(() => [Export], {
    nullable: 'items',
    complexity: lookupsCost,
    description:
      'Exports in the order of their ids, null for an unknown id. Meant for schema stitching: every selected link is requested by default.',
  })
  async exportsByIds(
    @Args(() => ExportsByIdsArgs) args: ExportsByIdsArgs,
    @Ctx() context: ExportContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(ExportSource | null)[]> {
    checkIds(args);
    const request = { requested: args, selection: exportSelection(info), context };
    return Promise.all(args.ids.map((id) => this.byId(id, request)));
  }

  @Query(() => ExportConnection, {
    nullable: true,
    complexity: listCost,
    description: 'A page of the exports, by default the oldest first. Null only beside an error.',
  })
  async exports(
    @Args(() => ExportsArgs) args: ExportsArgs,
    @Ctx() context: ExportContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<object> {
    const paging = readPaging(args);
    const { queries, now, viewer } = context;
    const { organization, onlyRequestedBy } = queries;
    const { orderBy, direction } = args;
    const filter = normalizeExportFilter(args.filter, viewer);
    const list = { organization, onlyRequestedBy, filter, now, orderBy, direction };
    const window = windowOf(paging, list);

    const selection = exportListSelection(info);
    const [found, counts] = await Promise.all([
      selection.rows ? this.repository.list(list, window, selection.columns, queries) : NO_ROWS,
      this.count(list, selection, queries),
    ]);
    const rows = found.rows.slice(0, paging.size);
    if (paging.isBackward) rows.reverse();
    const exports = await this.withFiles(rows, { requested: args, selection, context });
    return new ExportPage({ list, paging, found, rows, exports, counts });
  }

  @Subscription(() => Export, {
    nullable: true,
    subscribe({ args, context: { live, queries } }: SubscriptionData<ExportArgs>) {
      // Clients follow what they have just created: a null would be the last that they hear of it.
      queries.fromPrimary = true;
      return live.followOne(queries, args.id);
    },
    description:
      'The export now, and after each change that the gateway sees, until it has ended. For an unknown id: null, once.',
  })
  exportUpdated(
    @Args(() => ExportArgs) args: ExportArgs,
    @Ctx() context: ExportContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ExportSource | null> {
    return this.ofEvent(args, context, info);
  }

  @Subscription(() => Export, {
    subscribe: ({ args, context }: SubscriptionData<ExportsUpdatedArgs>) =>
      context.live.followList(context.queries, normalizeExportFilter(args.filter, context.viewer)),
    description:
      'Exports that changed in the last 30 seconds, then each that is created or changes, also one that leaves the filter. It does not complete.',
  })
  exportsUpdated(
    @Args(() => ExportsUpdatedArgs) args: ExportsUpdatedArgs,
    @Ctx() context: ExportContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ExportSource | null> {
    return this.ofEvent(args, context, info);
  }

  /** The export of an event, whose row is the root value. */
  private async ofEvent(
    requested: LinkFlags,
    context: ExportContext,
    info: GraphQLResolveInfo,
  ): Promise<ExportSource | null> {
    const row = info.rootValue as ExportRow | null;
    if (row === null) return null;
    // The state comes from the replica that had it first. Nothing follows the last one.
    context.queries.fromPrimary = true;
    const request = { requested, selection: exportSelection(info), context };
    const [source = null] = await this.withFiles([row], request);
    return source;
  }

  @FieldResolver()
  progress(@Root() row: ExportRow): number | null {
    return this.repository.countsProcessed ? progressOf(row) : null;
  }

  @FieldResolver()
  estimatedCompletionAt(@Root() row: ExportRow, @Ctx() { now }: ExportContext): Date | null {
    return this.repository.countsProcessed ? estimateCompletion(row, now) : null;
  }

  @FieldResolver()
  isExpired(@Root() row: ExportRow, @Ctx() { now }: ExportContext): boolean {
    return isExpired(row, now);
  }

  /** Returns null when the viewer may see no export with this id. */
  async byId(
    id: string,
    { requested, selection, context: { queries, links, now } }: FieldRequest,
  ): Promise<ExportSource | null> {
    const found = await this.#exports.load(queries, [id], selection.columns);
    const row = found.get(id) ?? null;
    const options = { requested, links, now };
    if (row === null || !requiresFiles(row, selection, options)) return row;
    const files = await this.#files.load(queries, [id]).catch(toError);
    return new ExportView(row, files, options);
  }

  /** Counts what is selected, facets and the whole list by one statement. */
  private async count(
    list: FilteredScope,
    selected: { readonly count: boolean; readonly facets: boolean },
    queries: RequestQueries,
  ): Promise<ListCounts> {
    const { filter } = list;
    if (selected.facets) {
      const groups = await this.repository.countGroups(list, queries);
      return { totalCount: totalOf(groups, filter), facets: new ExportFacets(groups, filter) };
    }
    return selected.count ? { totalCount: await this.repository.count(list, queries) } : {};
  }

  /** Adds the files of exports, read in one statement, where the request needs any. */
  private async withFiles(
    rows: readonly ExportRow[],
    { requested, selection, context: { queries, links, now } }: FieldRequest,
  ): Promise<readonly ExportSource[]> {
    const options = { requested, links, now };
    const ids = rows.filter((row) => requiresFiles(row, selection, options)).map(({ id }) => id);
    if (ids.length === 0) return rows;
    const files = await this.#files.load(queries, ids).catch(toError);
    return rows.map((row) => new ExportView(row, files, options));
  }
}

import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, Directive, Info, Query, Resolver } from 'type-graphql';

import { toError } from '../errors.js';
import type { UrlSigner } from '../storage/url-signer.js';
import {
  checkIds,
  checkPaging,
  ExportArgs,
  normalizeExportFilter,
  ExportsArgs,
  ExportsByIdsArgs,
} from './export-args.js';
import { ExportConnection } from './export-connection.js';
import { listCost, lookupCost, lookupsCost } from './export-cost.js';
import { decodeCursor, encodeCursor, orderByFields, type CursorScope } from './export-cursor.js';
import { ExportLoaders } from './export-loaders.js';
import type { ExportRepository, ExportPageQuery } from './export-repository.js';
import { exportListSelection, exportSelection, type ExportSelection } from './export-selection.js';
import { ExportView, requiresFiles, type LinkFlags } from './export-view.js';
import { Export, type ExportRow } from './export.js';

/** What the resolvers of exports need to know of a request. */
export interface ExportContext {
  readonly organization: string;
  /** Makes the links of its answer. */
  readonly links: UrlSigner;
}

/** An export as GraphQL takes its fields from it. */
type ExportAnswer = ExportRow | ExportView;

@Resolver(() => Export)
export class ExportResolver {
  readonly #loaders: ExportLoaders;

  constructor(private readonly repository: ExportRepository) {
    this.#loaders = new ExportLoaders(repository);
  }

  @Query(() => Export, {
    nullable: true,
    complexity: lookupCost,
    description: 'One export, or null when there is none with this id.',
  })
  async export(
    @Args(() => ExportArgs) args: ExportArgs,
    @Ctx() context: ExportContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ExportAnswer | null> {
    return this.byId(args.id, { requested: args, selection: exportSelection(info), context });
  }

  // In a federated graph a field that may not be null would take the whole answer with it when this subgraph is out of
  // reach; a router has `_entities` instead.
  @Directive('@inaccessible')
  @Directive('@merge(keyField: "id", keyArg: "ids")')
  @Query(() => [Export], {
    nullable: 'items',
    complexity: lookupsCost,
    description:
      'Many exports in the order of their ids, null where there is none. Made for schema stitching: without flags, the fields selected are what is asked for.',
  })
  async exportsByIds(
    @Args(() => ExportsByIdsArgs) args: ExportsByIdsArgs,
    @Ctx() context: ExportContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(ExportAnswer | null)[]> {
    checkIds(args);
    const selection = exportSelection(info);
    return Promise.all(
      args.ids.map((id) => this.byId(id, { requested: args, selection, context })),
    );
  }

  @Query(() => ExportConnection, {
    nullable: true,
    complexity: listCost,
    description:
      'A page of the exports, the oldest first unless told otherwise. Null only beside an error.',
  })
  async exports(
    @Args(() => ExportsArgs) args: ExportsArgs,
    @Ctx() context: ExportContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<object> {
    checkPaging(args);
    const { organization } = context;
    const { orderBy, direction, page, limit } = args;
    const conditions = normalizeExportFilter(args.filter);
    const list: CursorScope = { organization, conditions, orderBy, direction };
    const start: ExportPageQuery['start'] =
      typeof args.after === 'string'
        ? { after: decodeCursor(args.after, list) }
        : { offset: (page - 1) * limit };
    // One row more than the page holds tells whether more follow.
    const stretch = { conditions, orderBy, direction, start, limit: limit + 1 };

    const selection = exportListSelection(info);
    const columns = [...new Set([...selection.columns, orderByFields[orderBy]])];
    const [rows, totalCount] = await Promise.all([
      selection.rows ? this.repository.list(organization, stretch, columns) : [],
      selection.count ? this.repository.count(organization, conditions) : undefined,
    ]);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      data: await this.withFiles(shown, { requested: args, selection, context }),
      pagination: {
        page,
        limit,
        hasMore: rows.length > limit,
        totalCount,
        totalPages: totalCount === undefined ? undefined : Math.ceil(totalCount / limit),
        // Only when it is selected: it is a hash over all of the list's identity.
        get endCursor() {
          return last === undefined ? null : encodeCursor(last, list);
        },
      },
    };
  }

  /** One export as a place in the request asked for it; null when the organization has none with this id. */
  async byId(
    id: string,
    { requested, selection, context }: FieldRequest,
  ): Promise<ExportAnswer | null> {
    const { organization, links } = context;
    const row = await this.#loaders.export(organization, id, selection.columns);
    const now = new Date();
    if (row === null || !requiresFiles(row, selection, { requested, now })) return row;
    const files = await this.#loaders.files(organization, id).catch(toError);
    return new ExportView(row, files, { requested, links, now });
  }

  /** The exports of a page with their files, read in one statement; the rows alone where no file is asked for. */
  private async withFiles(
    rows: readonly ExportRow[],
    { requested, selection, context }: FieldRequest,
  ): Promise<readonly ExportAnswer[]> {
    const { organization, links } = context;
    const now = new Date();
    const ids = rows
      .filter((row) => requiresFiles(row, selection, { requested, now }))
      .map(({ id }) => id);
    if (ids.length === 0) return rows;
    const files = await this.repository.filesOf(organization, ids).catch(toError);
    return rows.map((row) => {
      const stored = files instanceof Error ? files : (files.get(row.id) ?? []);
      return new ExportView(row, stored, { requested, links, now });
    });
  }
}

/** What one place in a request asks of an export. */
interface FieldRequest {
  readonly requested: LinkFlags;
  readonly selection: ExportSelection;
  readonly context: ExportContext;
}

import { GraphQLURL } from 'graphql-scalars';
import { Args, Ctx, Directive, FieldResolver, Query, Resolver, Root } from 'type-graphql';

import {
  checkIds,
  checkPaging,
  ExportArgs,
  exportConditions,
  ExportsArgs,
  ExportsByIdsArgs,
} from './export-args.js';
import { ExportConnection } from './export-connection.js';
import { filesCost, linkCost, listCost, lookUpCost, lookUpsCost } from './export-cost.js';
import { decodeCursor, encodeCursor, type ListIdentity } from './export-cursor.js';
import { ExportFile, ExportFileKind, ExportFileState } from './export-file.js';
import type { ExportContext } from './export-loaders.js';
import type { ExportRepository } from './export-repository.js';
import { Export, type RequestedLinks } from './export.js';

@Resolver(() => Export)
export class ExportResolver {
  constructor(private readonly repository: ExportRepository) {}

  @Query(() => Export, {
    nullable: true,
    complexity: lookUpCost,
    description: 'One export, or null when there is none with this id.',
  })
  async export(
    @Args(() => ExportArgs) args: ExportArgs,
    @Ctx() context: ExportContext,
  ): Promise<Export | null> {
    return exportById(args.id, args, context);
  }

  // In a federated graph a field that may not be null would take the whole answer with it when this subgraph is out of
  // reach; a router has `_entities` instead.
  @Directive('@inaccessible')
  @Directive('@merge(keyField: "id", keyArg: "ids")')
  @Query(() => [Export], {
    nullable: 'items',
    complexity: lookUpsCost,
    description:
      'Many exports in the order of their ids, null where there is none. Made for schema stitching: without flags, the fields selected are what is asked for.',
  })
  async exportsByIds(
    @Args(() => ExportsByIdsArgs) args: ExportsByIdsArgs,
    @Ctx() context: ExportContext,
  ): Promise<(Export | null)[]> {
    checkIds(args);
    return Promise.all(args.ids.map((id) => exportById(id, args, context)));
  }

  @Query(() => ExportConnection, {
    nullable: true,
    complexity: listCost,
    description:
      'A page of the exports, the oldest first unless told otherwise. Null only beside an error.',
  })
  exports(
    @Args(() => ExportsArgs) args: ExportsArgs,
    @Ctx() context: ExportContext,
  ): ExportConnection {
    checkPaging(args);
    const { organization } = context;
    const { orderBy, direction, page, limit } = args;
    const conditions = exportConditions(args.filter);
    const list: ListIdentity = { organization, conditions, orderBy, direction };
    const start =
      typeof args.after === 'string'
        ? { after: decodeCursor(args.after, list) }
        : { offset: (page - 1) * limit };
    // One row more than the page holds tells whether more follow.
    const stretch = { conditions, orderBy, direction, start, limit: limit + 1 };
    return new ExportConnection({
      page,
      limit,
      rows: once(async () => {
        const rows = await this.repository.list(organization, stretch);
        return rows.map((row) => row.requestedWith(args));
      }),
      count: once(() => this.repository.count(organization, conditions)),
      cursorOf: (last) => encodeCursor(last, list),
    });
  }

  @FieldResolver(() => GraphQLURL, {
    nullable: true,
    complexity: linkCost,
    description:
      'A link to the exported data as JSON. Null unless includeJson is set and the file exists.',
  })
  async jsonUrl(@Root() parent: Export, @Ctx() context: ExportContext): Promise<string | null> {
    return urlOf(parent, ExportFileKind.JSON, context);
  }

  @FieldResolver(() => GraphQLURL, {
    nullable: true,
    complexity: linkCost,
    description:
      'A link to the exported data as CSV. Null unless includeCsv is set and the file exists.',
  })
  async csvUrl(@Root() parent: Export, @Ctx() context: ExportContext): Promise<string | null> {
    return urlOf(parent, ExportFileKind.CSV, context);
  }

  @FieldResolver(() => GraphQLURL, {
    nullable: true,
    complexity: linkCost,
    description:
      'A link to the errors of the export as CSV. Null unless includeCsv is set and there were any.',
  })
  async csvErrorUrl(@Root() parent: Export, @Ctx() context: ExportContext): Promise<string | null> {
    return urlOf(parent, ExportFileKind.CSV_ERROR, context);
  }

  @FieldResolver(() => GraphQLURL, {
    nullable: true,
    complexity: linkCost,
    description:
      'A link to the rows left out of the CSV because they looked malicious, made safe. Null unless includeCsv is set and there were any.',
  })
  async csvSanitizedUrl(
    @Root() parent: Export,
    @Ctx() context: ExportContext,
  ): Promise<string | null> {
    return urlOf(parent, ExportFileKind.CSV_SANITIZED, context);
  }

  @FieldResolver(() => [ExportFile], {
    complexity: filesCost,
    description: 'The four files an export may leave, each with its state.',
  })
  async files(@Root() parent: Export, @Ctx() context: ExportContext): Promise<ExportFile[]> {
    const rows = await context.loaders.files.load(parent.id);
    const now = new Date();
    return Object.values(ExportFileKind).map((kind) => {
      const row = rows.find((file) => file.kind === kind);
      const state = parent.fileState(row !== undefined, now);
      const hasLink =
        row !== undefined && state === ExportFileState.READY && parent.isLinkRequested(kind);
      const sign = hasLink ? () => context.links.sign(row) : null;
      return new ExportFile({ exportId: parent.id, kind, state }, row, sign);
    });
  }
}

/** One export as this place in the request asked for it; null when the viewer has none with this id. */
export async function exportById(
  id: string,
  requested: RequestedLinks,
  { loaders }: ExportContext,
): Promise<Export | null> {
  const found = await loaders.exports.load(id);
  return found?.requestedWith(requested) ?? null;
}

/** A link to one file of an export; null, with nothing read, when it was not asked for or has expired. */
async function urlOf(
  parent: Export,
  kind: ExportFileKind,
  { loaders, links }: ExportContext,
): Promise<string | null> {
  if (!parent.isLinkRequested(kind) || parent.isExpired(new Date())) return null;
  const rows = await loaders.files.load(parent.id);
  const row = rows.find((file) => file.kind === kind);
  return row === undefined ? null : (await links.sign(row)).url;
}

/** The same promise at every call. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}

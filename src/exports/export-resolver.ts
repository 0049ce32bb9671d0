import { GraphQLURL } from 'graphql-scalars';
import { Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';

import type { FileLinks } from '../files/file-links.js';
import { checkPaging, ExportArgs, exportConditions, ExportsArgs } from './export-args.js';
import { ExportConnection } from './export-connection.js';
import { filesCost, linkCost, listCost, lookUpCost } from './export-cost.js';
import { decodeCursor, encodeCursor, type ListIdentity } from './export-cursor.js';
import { ExportFile, ExportFileKind, ExportFileState } from './export-file.js';
import type { ExportContext } from './export-loaders.js';
import type { ExportRepository } from './export-repository.js';
import { Export } from './export.js';

@Resolver(() => Export)
export class ExportResolver {
  constructor(
    private readonly repository: ExportRepository,
    private readonly links: FileLinks,
  ) {}

  @Query(() => Export, {
    nullable: true,
    complexity: lookUpCost,
    description: 'One export, or null when there is none with this id.',
  })
  async export(
    @Args(() => ExportArgs) args: ExportArgs,
    @Ctx() context: ExportContext,
  ): Promise<Export | null> {
    const found = await context.loaders.exports.load(args.id);
    return found?.requestedWith(args) ?? null;
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
    return this.url(parent, ExportFileKind.JSON, context);
  }

  @FieldResolver(() => GraphQLURL, {
    nullable: true,
    complexity: linkCost,
    description:
      'A link to the exported data as CSV. Null unless includeCsv is set and the file exists.',
  })
  async csvUrl(@Root() parent: Export, @Ctx() context: ExportContext): Promise<string | null> {
    return this.url(parent, ExportFileKind.CSV, context);
  }

  @FieldResolver(() => GraphQLURL, {
    nullable: true,
    complexity: linkCost,
    description:
      'A link to the errors of the export as CSV. Null unless includeCsv is set and there were any.',
  })
  async csvErrorUrl(@Root() parent: Export, @Ctx() context: ExportContext): Promise<string | null> {
    return this.url(parent, ExportFileKind.CSV_ERROR, context);
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
    return this.url(parent, ExportFileKind.CSV_SANITIZED, context);
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
      const sign = hasLink ? () => this.links.sign(row) : null;
      return new ExportFile({ exportId: parent.id, kind, state }, row, sign);
    });
  }

  /** A link to one file of an export; null, with nothing read, when it was not asked for or has expired. */
  private async url(
    parent: Export,
    kind: ExportFileKind,
    context: ExportContext,
  ): Promise<string | null> {
    if (!parent.isLinkRequested(kind) || parent.isExpired(new Date())) return null;
    const rows = await context.loaders.files.load(parent.id);
    const row = rows.find((file) => file.kind === kind);
    return row === undefined ? null : (await this.links.sign(row)).url;
  }
}

/** The same promise at every call. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}

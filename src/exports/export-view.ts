import { parseSqlDateTime } from '../database/sql-datetime.js';
import type { UrlSigner } from '../storage/url-signer.js';
import {
  ExportFile,
  ExportFileKind,
  ExportFileState,
  mapMaybePromise,
  type ExportFileRow,
} from './export-file.js';
import type { ExportSelection } from './export-selection.js';
import { ExportStatus, type ExportRow } from './export.js';

/** Which links a place in the request asked for by its flags; nothing is read or signed for the others. */
export interface LinkFlags {
  readonly includeJson: boolean;
  readonly includeCsv: boolean;
}

/** Whether the files of an export must be read to answer what is selected of it. */
export function requiresFiles(
  row: ExportRow,
  { files, urls }: ExportSelection,
  { requested, now }: { requested: LinkFlags; now: Date },
): boolean {
  if (files) return true;
  return urls.some((kind) => isRequested(kind, requested)) && !isExpired(row, now);
}

/**
 * An export with its files, as one place in a request asked for it. A link is signed when GraphQL reads it. The same row may stand
 * in one answer twice with different flags, each time as an object of its own.
 */
export class ExportView {
  constructor(
    private readonly row: ExportRow,
    /** What was read of its files, or why they could not be read: that is an error of what needs them and of nothing else. */
    private readonly stored: readonly ExportFileRow[] | Error,
    private readonly answer: {
      readonly requested: LinkFlags;
      readonly links: UrlSigner;
      readonly now: Date;
    },
  ) {
    Object.assign(this, row);
  }

  get jsonUrl(): string | null | Promise<string> {
    return this.url(ExportFileKind.JSON);
  }

  get csvUrl(): string | null | Promise<string> {
    return this.url(ExportFileKind.CSV);
  }

  get csvErrorUrl(): string | null | Promise<string> {
    return this.url(ExportFileKind.CSV_ERROR);
  }

  get csvSanitizedUrl(): string | null | Promise<string> {
    return this.url(ExportFileKind.CSV_SANITIZED);
  }

  get files(): ExportFile[] {
    const { row, answer } = this;
    return Object.values(ExportFileKind).map((kind) => {
      const file = this.storedFile(kind);
      const state = fileState(row, file !== undefined, answer.now);
      const hasLink =
        file !== undefined &&
        state === ExportFileState.READY &&
        isRequested(kind, answer.requested);
      const sign = hasLink ? () => answer.links.sign(file) : null;
      return new ExportFile({ exportId: row.id, kind, state }, file, sign);
    });
  }

  private url(kind: ExportFileKind): string | null | Promise<string> {
    const { requested, links, now } = this.answer;
    if (!isRequested(kind, requested) || isExpired(this.row, now)) return null;
    const file = this.storedFile(kind);
    return file === undefined ? null : mapMaybePromise(links.sign(file), ({ url }) => url);
  }

  private storedFile(kind: ExportFileKind): ExportFileRow | undefined {
    if (this.stored instanceof Error) throw this.stored;
    return this.stored.find((file) => file.kind === kind);
  }
}

function isRequested(kind: ExportFileKind, { includeJson, includeCsv }: LinkFlags): boolean {
  return kind === ExportFileKind.JSON ? includeJson : includeCsv;
}

/** Whether the files of an export are no longer available at `now`. */
export function isExpired({ expiresAt }: ExportRow, now: Date): boolean {
  return expiresAt != null && parseSqlDateTime(expiresAt) <= now;
}

/** The state of a file at `now`; `exists`: whether a worker has left one. */
function fileState(row: ExportRow, exists: boolean, now: Date): ExportFileState {
  if (isExpired(row, now)) return ExportFileState.EXPIRED;
  if (exists) return ExportFileState.READY;
  const mayStillCome = row.status === ExportStatus.QUEUED || row.status === ExportStatus.PROCESSING;
  return mayStillCome ? ExportFileState.PENDING : ExportFileState.NOT_PRODUCED;
}

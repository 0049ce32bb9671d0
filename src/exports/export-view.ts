import { parseSqlDateTime } from '../database/sql-datetime.js';
import { ExportFile, ExportFileKind, ExportFileState, type ExportFileRow } from './export-file.js';
import type { FilesByExport } from './export-repository.js';
import type { ExportSelection } from './export-selection.js';
import { isRunning, type ExportRow } from './export.js';
import type { RequestLinks } from './request-links.js';

/** The links that a field requests by its arguments; nothing is read or signed for the others. */
export interface LinkFlags {
  readonly includeJson: boolean;
  readonly includeCsv: boolean;
}

export interface LinkOptions {
  readonly requested: LinkFlags;
  readonly links: RequestLinks;
  readonly now: Date;
}

/** The object from which GraphQL reads the fields of an export. */
export type ExportSource = ExportRow | ExportView;

export function requiresFiles(
  row: ExportRow,
  { files, urls }: ExportSelection,
  { requested, now }: LinkOptions,
): boolean {
  return files || (urls.some((kind) => isRequested(kind, requested)) && !isExpired(row, now));
}

/** An export with its files, as one field requested it. Reading a link signs it. */
export class ExportView {
  readonly #expiresAt: Date | null;

  constructor(
    private readonly row: ExportRow,
    /** An error fails the fields that need files, and no others. */
    private readonly stored: FilesByExport | Error,
    private readonly options: LinkOptions,
  ) {
    Object.assign(this, row);
    this.#expiresAt = expiryOf(row);
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
    const { row, options } = this;
    const access = { links: options.links, exportExpiresAt: this.#expiresAt };
    return Object.values(ExportFileKind).map((kind) => {
      const file = this.storedFile(kind);
      const state = fileState(row, file, options.now);
      const hasLink = isRequested(kind, options.requested);
      const identity = { exportId: row.id, kind, state, hasLink };
      return new ExportFile(identity, file, state === ExportFileState.READY ? access : null);
    });
  }

  private url(kind: ExportFileKind): string | null | Promise<string> {
    const { requested, links, now } = this.options;
    if (!isRequested(kind, requested) || isExpired(this.row, now)) return null;
    const file = this.storedFile(kind);
    return file === undefined ? null : links.disclose(file, links.sign(file, this.#expiresAt));
  }

  private storedFile(kind: ExportFileKind): ExportFileRow | undefined {
    if (this.stored instanceof Error) throw this.stored;
    return this.stored.get(this.row.id)?.find((file) => file.kind === kind);
  }
}

function isRequested(kind: ExportFileKind, { includeJson, includeCsv }: LinkFlags): boolean {
  return kind === ExportFileKind.JSON ? includeJson : includeCsv;
}

export function isExpired(row: ExportRow, now: Date): boolean {
  const expiresAt = expiryOf(row);
  return expiresAt !== null && expiresAt <= now;
}

function expiryOf({ expiresAt }: ExportRow): Date | null {
  return expiresAt == null ? null : parseSqlDateTime(expiresAt);
}

function fileState(row: ExportRow, file: ExportFileRow | undefined, now: Date): ExportFileState {
  if (file !== undefined) {
    return isExpired(row, now) ? ExportFileState.EXPIRED : ExportFileState.READY;
  }
  return isRunning(row) ? ExportFileState.PENDING : ExportFileState.NOT_PRODUCED;
}

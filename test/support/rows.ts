import type { DataSource } from 'typeorm';

import { ApiKey } from '../../src/auth/api-key.js';
import { ExportFileKind, ExportFileRow } from '../../src/exports/export-file.js';
import { Export, ExportResource, ExportStatus } from '../../src/exports/export.js';

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** The `index`-th id of the tests; their order is that of their indexes. */
export function exportId(index: number): string {
  const base = alphabet.length;
  const tail = [base ** 2, base, 1]
    .map((unit) => alphabet[Math.floor(index / unit) % base])
    .join('');
  return `exp_${'Test'.padEnd(19, '1')}${tail}`;
}

type ExportColumns = Omit<Export, 'requestedWith' | 'isLinkRequested' | 'isExpired' | 'fileState'>;

/** A row with everything in it, but for what `changes` says. */
export function exportRow(index: number, changes: Partial<ExportColumns> = {}): ExportColumns {
  const createdAt = new Date(Date.UTC(2026, 10, 1) + index * 60_000 + 123);
  return {
    id: exportId(index),
    organizationId: 'org_demo',
    name: `Export ${index}`,
    resource: ExportResource.CONTACT,
    status: ExportStatus.COMPLETED,
    countBatches: 1,
    countTotal: 10,
    failureReason: null,
    requestedBy: null,
    createdAt,
    updatedAt: createdAt,
    startedAt: null,
    completedAt: null,
    expiresAt: null,
    ...changes,
  };
}

export function fileRow(
  exportIndex: number,
  kind: ExportFileKind,
  changes: Partial<ExportFileRow> = {},
): ExportFileRow {
  return {
    exportId: exportId(exportIndex),
    kind,
    objectKey: `exports/${exportId(exportIndex)}/${kind}`,
    fileName: `Export ${exportIndex}.${kind === ExportFileKind.JSON ? 'json' : 'csv'}`,
    sizeBytes: 1_000,
    rowCount: 10,
    sha256: 'a'.repeat(64),
    ...changes,
  };
}

/** The rows of a test, by table. */
export interface Rows {
  readonly exports?: readonly ExportColumns[];
  readonly files?: readonly ExportFileRow[];
  readonly keys?: readonly ApiKey[];
}

/**
 * Writes rows as an export worker would, few enough at a time for every database. TypeORM would read the defaults of
 * their columns back into the objects given, and on SQLite it mixes up whose is whose: they must stay as they are.
 */
export async function insertRows(
  source: DataSource,
  { exports = [], files = [], keys = [] }: Rows,
): Promise<void> {
  await insertInto(source, Export, exports);
  await insertInto(source, ExportFileRow, files);
  await insertInto(source, ApiKey, keys);
}

async function insertInto<Row extends object>(
  source: DataSource,
  entity: new () => Row,
  rows: readonly object[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += 100) {
    await source
      .createQueryBuilder()
      .insert()
      .into(entity)
      .values(rows.slice(at, at + 100))
      .updateEntity(false)
      .execute();
  }
}

/** Removes all rows. */
export async function clearRows(source: DataSource): Promise<void> {
  await source.query('DELETE FROM export_files');
  await source.query('DELETE FROM exports');
}

import type { DataSource } from 'typeorm';

import { ApiKey } from '../../src/auth/api-key.js';
import { ExportFileKind, ExportFileRow } from '../../src/exports/export-file.js';
import { Export, ExportResource, ExportStatus } from '../../src/exports/export.js';

/** Of base 58. */
const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Returns the id of an index; ids are in the order of their indexes. */
export function exportId(index: number): string {
  const digits = [58 ** 2, 58, 1].map((unit) => alphabet[Math.floor(index / unit) % 58]);
  return `exp_${'Test'.padEnd(19, '1')}${digits.join('')}`;
}

/** Returns a complete row that differs from its neighbours in id, name and times. */
export function exportRow(index: number, changes: Partial<Export> = {}): Export {
  const createdAt = new Date(Date.UTC(2026, 10, 1) + index * 60_000 + 123);
  return {
    id: exportId(index),
    organizationId: 'org_demo',
    name: `Export ${index}`,
    resource: ExportResource.CONTACT,
    status: ExportStatus.COMPLETED,
    countBatches: 1,
    countTotal: 10,
    countProcessed: 10,
    failureReason: null,
    failureCode: null,
    requestedBy: null,
    createdAt,
    updatedAt: createdAt,
    startedAt: null,
    completedAt: null,
    expiresAt: null,
    ...changes,
  };
}

/** Returns `count` rows, each with the changes that its index calls for. */
export function exportRows(
  count: number,
  changes: (index: number) => Partial<Export> = () => ({}),
): Export[] {
  return Array.from({ length: count }, (_, index) => exportRow(index, changes(index)));
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
  readonly exports?: readonly Export[];
  readonly files?: readonly ExportFileRow[];
  readonly keys?: readonly ApiKey[];
}

/**
 * Writes rows as an export worker does, in chunks that every database accepts. `updateEntity(false)`,
 * because TypeORM writes column defaults back into the given objects and confuses them on SQLite.
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
    const query = source.createQueryBuilder().insert().into(entity);
    await query
      .values(rows.slice(at, at + 100))
      .updateEntity(false)
      .execute();
  }
}

/** Deletes all exports and files. */
export async function clearRows(source: DataSource): Promise<void> {
  await source.query('DELETE FROM export_files');
  await source.query('DELETE FROM exports');
}

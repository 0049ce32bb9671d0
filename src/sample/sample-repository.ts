import type { DataSource, EntityManager, EntityTarget, ObjectLiteral } from 'typeorm';

import { toSqlDateTime } from '../database/sql-datetime.js';
import { ExportFileRow } from '../exports/export-file.js';
import { Export } from '../exports/export.js';
import type { SampleExport } from './sample-export.js';

export type { DataSource };

export async function hasExports(source: DataSource): Promise<boolean> {
  return source.getRepository(Export).exists();
}

/** Inserts all of the samples or, when that fails, none. */
export async function insertSamples(source: DataSource, samples: SampleExport[]): Promise<void> {
  // Random ids touch many pages of the indexes: 64 MB of cache and sorted rows halve the time.
  if (source.options.type !== 'mariadb') await source.query('PRAGMA cache_size = -65536');
  const sorted = samples.toSorted((a, b) => (a.row.id < b.row.id ? -1 : 1));
  await source.transaction(async (manager) => {
    const exports = sorted.map(({ row }) => row);
    const files = sorted.flatMap((sample) => sample.files);
    await insertRows(manager, Export, exports);
    if (files.length > 0) await insertRows(manager, ExportFileRow, files);
  });
}

/** One plain statement: several times as fast as TypeORM's own insert. */
export async function insertRows(
  manager: EntityManager,
  entity: EntityTarget<ObjectLiteral>,
  rows: ObjectLiteral[],
): Promise<void> {
  const { tableName, columns } = manager.dataSource.getMetadata(entity);
  const names = columns.map(({ databaseName }) => databaseName);
  const tuples = rows.map(() => `(${columns.map(() => '?').join(', ')})`);
  const values = rows.flatMap((row) =>
    columns.map(({ propertyName }) => row[propertyName] as unknown),
  );
  await manager.query(
    `INSERT INTO ${tableName} (${names.join(', ')}) VALUES ${tuples.join(', ')}`,
    values.map((value) => (value instanceof Date ? toSqlDateTime(value) : value)),
  );
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../../src/config/database.js';
import { createTestDataSource } from '../support/data-source.js';
import { LocalStore } from '../../src/storage/local-store.js';
import { createTestDatabase } from '../support/test-database.js';

/** An empty database with its tables, and an empty folder for files. */
export interface SampleFolder {
  readonly source: DataSource;
  readonly files: LocalStore;
  read(objectKey: string): Promise<Buffer>;
  remove(): Promise<void>;
}

export async function createSampleFolder(kind: DatabaseConfig['kind']): Promise<SampleFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'sample-test-'));
  const server = kind === 'mysql' ? await createTestDatabase() : null;
  const config: DatabaseConfig =
    server === null
      ? { kind: 'embedded', path: join(folder, 'exports.sqlite') }
      : { kind: 'mysql', url: server.url };
  const source = await createTestDataSource(config);
  await source.initialize();
  await source.runMigrations();
  return {
    source,
    files: new LocalStore(join(folder, 'files')),
    read: (objectKey) => readFile(join(folder, 'files', objectKey)),
    async remove() {
      await source.destroy();
      await server?.drop();
      await rm(folder, { recursive: true });
    },
  };
}

export interface ExportRow {
  id: string;
  organization_id: string;
  name: string;
  resource: string;
  status: string;
  count_batches: number;
  count_total: number;
  failure_reason: string | null;
  requested_by: string | null;
  created_at: Date;
  updated_at: Date;
  started_at: Date | null;
  completed_at: Date | null;
  expires_at: Date | null;
}

export interface FileRow {
  export_id: string;
  kind: string;
  object_key: string;
  file_name: string;
  size_bytes: number;
  row_count: number;
  sha256: string;
}

/** MySQL's driver gives a BIGINT as text. */
type StoredFileRow = Omit<FileRow, 'size_bytes'> & { size_bytes: number | string };

/** Both tables in the order of their keys, with times and big numbers as MySQL and SQLite would have them alike. */
export async function readRows(
  source: DataSource,
): Promise<{ exports: ExportRow[]; files: FileRow[] }> {
  const exports = await source.query<ExportRow[]>('SELECT * FROM exports ORDER BY id');
  const files = await source.query<StoredFileRow[]>(
    'SELECT * FROM export_files ORDER BY export_id, kind',
  );
  return {
    exports: exports.map((row) => ({
      ...row,
      created_at: toDate(row.created_at),
      updated_at: toDate(row.updated_at),
      started_at: row.started_at && toDate(row.started_at),
      completed_at: row.completed_at && toDate(row.completed_at),
      expires_at: row.expires_at && toDate(row.expires_at),
    })),
    files: files.map((row) => ({ ...row, size_bytes: Number(row.size_bytes) })),
  };
}

function toDate(value: Date | string): Date {
  return value instanceof Date ? value : new Date(`${value.replace(' ', 'T')}Z`);
}

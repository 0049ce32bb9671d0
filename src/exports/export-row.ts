import { LRUCache } from 'lru-cache';

import { isSqlDateTime } from '../database/sql-datetime.js';
import type { Logger } from '../logger.js';
import {
  ExportResource,
  ExportStatus,
  isExportId,
  type ExportColumn,
  type ExportRow,
} from './export.js';

/** A row with a value that its field cannot hold. */
export interface InvalidRow {
  readonly id: string;
  readonly column: ExportColumn;
}

type RawRow = Readonly<Partial<Record<ExportColumn, unknown>>>;

/** Returns the value of a field, or undefined when the stored value is not valid. */
type ReadValue = (stored: unknown) => unknown;

const resources = new Set<unknown>(Object.values(ExportResource));
const statuses = new Set<unknown>(Object.values(ExportStatus));

const text: ReadValue = (stored) => {
  if (typeof stored === 'string') return stored;
  return typeof stored === 'number' || typeof stored === 'bigint' ? String(stored) : undefined;
};
/** A row becomes a cursor, which holds no other ids. */
const id: ReadValue = (stored) => {
  const value = text(stored);
  return typeof value === 'string' && isExportId(value) ? value : undefined;
};
/** GraphQL's Int has 32 bits, as `|` has. */
const int: ReadValue = (stored) => {
  const number = typeof stored === 'string' ? Number(stored) : stored;
  return typeof number === 'number' && (number | 0) === number ? number : undefined;
};
const time: ReadValue = (stored) =>
  typeof stored === 'string' && isSqlDateTime(stored) ? stored : undefined;
const nullable =
  (read: ReadValue): ReadValue =>
  (stored) =>
    stored === null ? null : read(stored);
/** A zero date is how some writers store no date. */
const nullableTime: ReadValue = (stored) =>
  typeof stored === 'string' && stored.startsWith('0000-00-00') ? null : nullable(time)(stored);

const readers: Readonly<Record<ExportColumn, ReadValue>> = {
  id,
  name: text,
  resource: (stored) => {
    if (resources.has(stored)) return stored;
    return typeof stored === 'string' ? ExportResource.OTHER : undefined;
  },
  status: (stored) => (statuses.has(stored) ? stored : undefined),
  countBatches: int,
  countTotal: int,
  countProcessed: int,
  failureReason: nullable(text),
  failureCode: nullable(text),
  requestedBy: nullable(text),
  createdAt: time,
  updatedAt: time,
  startedAt: nullableTime,
  completedAt: nullableTime,
  expiresAt: nullableTime,
};

const MAX_LOGGED_IDS = 10_000;

/** Logs each row once, as far as it remembers them, and calls `onSkipped` each time. */
export function invalidRowReporter(
  logger: Logger,
  onSkipped: () => void,
): (row: InvalidRow) => void {
  const logged = new LRUCache<string, true>({ max: MAX_LOGGED_IDS });
  return (row) => {
    onSkipped();
    if (logged.has(row.id)) return;
    logged.set(row.id, true);
    logger.warn(row, 'An export is left out because of an invalid value');
  };
}

/**
 * Returns the rows whose values are valid, in order, and reports the others: one invalid row must
 * not fail the page that it is on.
 */
export function validRows(
  rows: readonly RawRow[],
  columns: readonly ExportColumn[],
  onInvalidRow: (row: InvalidRow) => void,
): ExportRow[] {
  const valid: ExportRow[] = [];
  for (const row of rows) {
    const read = readRow(row, columns);
    if (typeof read === 'string') onInvalidRow({ id: String(row.id), column: read });
    else valid.push(read);
  }
  return valid;
}

/** Returns the last row in which these columns are valid; others may be not. */
export function lastReadable(
  rows: readonly RawRow[],
  columns: readonly ExportColumn[],
): ExportRow | undefined {
  return rows
    .map((row) => readRow(row, columns))
    .findLast((read): read is ExportRow => typeof read !== 'string');
}

/** Returns the row itself where nothing differs, because rows are shared, or the invalid column. */
function readRow(row: RawRow, columns: readonly ExportColumn[]): ExportRow | ExportColumn {
  let changes: Partial<Record<ExportColumn, unknown>> | undefined;
  for (const column of columns) {
    const stored = row[column];
    const value = readers[column](stored);
    if (value === undefined) return column;
    if (value !== stored) (changes ??= {})[column] = value;
  }
  return (changes === undefined ? row : { ...row, ...changes }) as ExportRow;
}

import type { Database } from '../database/database.js';
import { dateOf, dateText } from '../database/values.js';

import { ExportOrderBy, SortDirection, type ExportConditions } from './export-args.js';
import type { ListPosition } from './export-cursor.js';
import { ExportFileRow, type ExportFileKind } from './export-file.js';
import { Export, type ExportResource, type ExportStatus } from './export.js';

/** A stretch of an ordered list: from `start` on, at most `limit` rows. */
export interface ExportStretch {
  readonly conditions: ExportConditions;
  readonly orderBy: ExportOrderBy;
  readonly direction: SortDirection;
  readonly start: { readonly offset: number } | { readonly after: ListPosition };
  readonly limit: number;
}

/** Where each order takes place. What a client sends never becomes part of a statement itself. */
const orderColumns: Record<ExportOrderBy, string> = {
  [ExportOrderBy.CREATED_AT]: 'created_at',
  [ExportOrderBy.UPDATED_AT]: 'updated_at',
  [ExportOrderBy.COUNT_BATCHES]: 'count_batches',
  [ExportOrderBy.COUNT_TOTAL]: 'count_total',
};

/** The exports and their files as the database has them. Every statement names the organization it is for. */
export class ExportRepository {
  constructor(private readonly database: Database) {}

  /** Those of `ids` that the organization has, in no particular order. */
  async findByIds(organization: string, ids: readonly string[]): Promise<Export[]> {
    const storable = ids.filter(isStorableId);
    if (storable.length === 0) return [];
    const rows: ExportRow[] = await this.database.query(
      `SELECT ${columnsOf('e', EXPORT_COLUMNS)} FROM exports e ` +
        `WHERE e.organization_id = ? AND e.id IN (${marks(storable)})`,
      [organization, ...storable],
    );
    return rows.map(exportOf);
  }

  /** A stretch of the organization's exports, in order. */
  async list(organization: string, stretch: ExportStretch): Promise<Export[]> {
    const { orderBy, direction, start, limit } = stretch;
    const column = orderColumns[orderBy];
    const ascending = direction === SortDirection.ASC;
    const where = conditionsSql(organization, stretch.conditions);
    let window = 'LIMIT ?';
    const windowValues: unknown[] = [limit];
    if ('after' in start) {
      const beyond = ascending ? '>' : '<';
      const { value: place, id } = start.after;
      const value = place instanceof Date ? dateText(place) : place;
      // The same twice: SQLite seeks the place in the index by the first form, MySQL by the second, neither by the
      // other's. Without it, a page would read all rows that are equal in the ordered column.
      where.sql +=
        ` AND (${column}, id) ${beyond} (?, ?)` +
        ` AND (${column} ${beyond} ? OR (${column} = ? AND id ${beyond} ?))`;
      where.values.push(value, id, value, value, id);
    } else {
      window += ' OFFSET ?';
      windowValues.push(start.offset);
    }
    const order = ascending ? 'ASC' : 'DESC';
    // First the ids of the page, which the index of the order can tell alone, then their rows. Left to itself, MariaDB
    // reads all rows on the way to a late page, and walks from the first one to a place behind a cursor.
    const rows: ExportRow[] = await this.database.query(
      `SELECT ${columnsOf('e', EXPORT_COLUMNS)} ` +
        `FROM (SELECT id FROM exports ${this.database.byIndex(`exports_by_${column}`)} WHERE ${where.sql} ` +
        `ORDER BY ${column} ${order}, id ${order} ${window}) page ` +
        `JOIN exports e ON e.id = page.id ORDER BY e.${column} ${order}, e.id ${order}`,
      [...where.values, ...windowValues],
    );
    return rows.map(exportOf);
  }

  /** How many exports of the organization meet the conditions. */
  async count(organization: string, conditions: ExportConditions): Promise<number> {
    const where = conditionsSql(organization, conditions);
    const rows: { total: number | string }[] = await this.database.query(
      `SELECT COUNT(*) AS total FROM exports WHERE ${where.sql}`,
      where.values,
    );
    return Number(rows[0]?.total);
  }

  /** The files of those exports among `exportIds` that the organization has, in no particular order. */
  async filesOf(organization: string, exportIds: readonly string[]): Promise<ExportFileRow[]> {
    const rows: FileRow[] = await this.database.query(
      `SELECT ${columnsOf('f', FILE_COLUMNS)} FROM exports e JOIN export_files f ON f.export_id = e.id ` +
        `WHERE e.organization_id = ? AND e.id IN (${marks(exportIds)})`,
      [organization, ...exportIds],
    );
    return rows.map(fileOf);
  }
}

/** A row as the drivers give it: dates as Date from MySQL, as text in UTC from SQLite. */
interface ExportRow {
  id: string;
  organization_id: string;
  name: string;
  resource: ExportResource;
  status: ExportStatus;
  count_batches: number;
  count_total: number;
  failure_reason: string | null;
  requested_by: string | null;
  created_at: Date | string;
  updated_at: Date | string;
  started_at: Date | string | null;
  completed_at: Date | string | null;
  expires_at: Date | string | null;
}
const EXPORT_COLUMNS = [
  'id',
  'organization_id',
  'name',
  'resource',
  'status',
  'count_batches',
  'count_total',
  'failure_reason',
  'requested_by',
  'created_at',
  'updated_at',
  'started_at',
  'completed_at',
  'expires_at',
] as const satisfies (keyof ExportRow)[];

function exportOf(row: ExportRow): Export {
  return Object.assign(new Export(), {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    resource: row.resource,
    status: row.status,
    countBatches: row.count_batches,
    countTotal: row.count_total,
    failureReason: row.failure_reason,
    requestedBy: row.requested_by,
    createdAt: dateOf(row.created_at),
    updatedAt: dateOf(row.updated_at),
    startedAt: row.started_at === null ? null : dateOf(row.started_at),
    completedAt: row.completed_at === null ? null : dateOf(row.completed_at),
    expiresAt: row.expires_at === null ? null : dateOf(row.expires_at),
  });
}

interface FileRow {
  export_id: string;
  kind: ExportFileKind;
  object_key: string;
  file_name: string;
  /** MySQL's driver gives a BIGINT as text. */
  size_bytes: number | string;
  row_count: number;
  sha256: string;
}
const FILE_COLUMNS = [
  'export_id',
  'kind',
  'object_key',
  'file_name',
  'size_bytes',
  'row_count',
  'sha256',
] as const satisfies (keyof FileRow)[];

function fileOf(row: FileRow): ExportFileRow {
  return Object.assign(new ExportFileRow(), {
    exportId: row.export_id,
    kind: row.kind,
    objectKey: row.object_key,
    fileName: row.file_name,
    sizeBytes: Number(row.size_bytes),
    rowCount: row.row_count,
    sha256: row.sha256,
  });
}

function columnsOf(table: string, columns: readonly string[]): string {
  return columns.map((column) => `${table}.${column}`).join(', ');
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}

/**
 * Whether the id column could hold this id at all. Another one is nobody's, and comparing it could make MySQL convert
 * the column instead of the parameter, which costs the index.
 */
function isStorableId(id: string): boolean {
  return /^[\x21-\x7e]{1,26}$/.test(id);
}

function conditionsSql(
  organization: string,
  { resource, statuses, search }: ExportConditions,
): { sql: string; values: unknown[] } {
  const parts = ['organization_id = ?'];
  const values: unknown[] = [organization];
  if (resource !== null) {
    parts.push('resource = ?');
    values.push(resource);
  }
  if (statuses.length > 0) {
    parts.push(`status IN (${marks(statuses)})`);
    values.push(...statuses);
  }
  if (search !== '') {
    // The column's collation is binary, so that é is not e and every emoji is itself; LOWER alone takes the case away.
    parts.push(`LOWER(name) LIKE LOWER(?) ESCAPE '!'`);
    values.push(`%${search.replace(/[!%_]/g, '!$&')}%`);
  }
  return { sql: parts.join(' AND '), values };
}

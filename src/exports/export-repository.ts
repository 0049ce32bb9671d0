import type { Database } from '../database/database.js';
import { QueryCoalescer } from '../database/query-coalescer.js';
import { toSqlDateTime } from '../database/sql-datetime.js';
import { SortDirection, type NormalizedExportFilter, type ExportOrderBy } from './export-args.js';
import { orderByFields, type CursorPosition } from './export-cursor.js';
import type { ExportFileRow } from './export-file.js';
import { exportColumns, type ExportColumn, type ExportRow } from './export.js';

/** A stretch of an ordered list: from `start` on, at most `limit` rows. */
export interface ExportPageQuery {
  readonly conditions: NormalizedExportFilter;
  readonly orderBy: ExportOrderBy;
  readonly direction: SortDirection;
  readonly start: { readonly offset: number } | { readonly after: CursorPosition };
  readonly limit: number;
}

/** The exports and their files as the database has them. Every statement names the organization it is for. */
export class ExportRepository {
  readonly #shared: QueryCoalescer;

  constructor(private readonly database: Database) {
    this.#shared = new QueryCoalescer(database);
  }

  /** These columns of those of `ids` that the organization has, in no particular order. */
  async findByIds(
    organization: string,
    ids: readonly string[],
    columns: readonly ExportColumn[],
  ): Promise<ExportRow[]> {
    const storable = ids.filter(isStorableId);
    if (storable.length === 0) return [];
    return this.database.query(
      `SELECT ${columnsSql('e', columns)} FROM exports e ` +
        `WHERE e.organization_id = ? AND e.id IN (${placeholders(storable)})`,
      [organization, ...storable],
    );
  }

  /** These columns of a stretch of the organization's exports, in order. */
  async list(
    organization: string,
    { conditions, orderBy, direction, start, limit }: ExportPageQuery,
    columns: readonly ExportColumn[],
  ): Promise<readonly ExportRow[]> {
    // What a client sends never becomes part of a statement itself.
    const column = exportColumns[orderByFields[orderBy]];
    const ascending = direction === SortDirection.ASC;
    const where = conditionsSql(organization, conditions);
    let window = 'LIMIT ?';
    const windowValues: unknown[] = [limit];
    if ('after' in start) {
      const beyond = ascending ? '>' : '<';
      const { value: place, id } = start.after;
      const value = place instanceof Date ? toSqlDateTime(place) : place;
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
    const index = isFiltering(conditions)
      ? `exports_filtered_by_${column}`
      : `exports_by_${column}`;
    // First the ids of the page, which the index of the order can tell alone, then their rows. Left to itself, MariaDB
    // reads all rows on the way to a late page, and walks from the first one to a place behind a cursor.
    return this.#shared.query(
      `SELECT ${columnsSql('e', columns)} ` +
        `FROM (SELECT id FROM exports ${this.database.indexHint(index)} WHERE ${where.sql} ` +
        `ORDER BY ${column} ${order}, id ${order} ${window}) page ` +
        `JOIN exports e ON e.id = page.id ORDER BY e.${column} ${order}, e.id ${order}`,
      [...where.values, ...windowValues],
    );
  }

  /** How many exports of the organization meet the conditions. */
  async count(organization: string, conditions: NormalizedExportFilter): Promise<number> {
    const where = conditionsSql(organization, conditions);
    // The smallest index that has all it needs.
    const index =
      conditions.search === ''
        ? 'exports_by_resource_and_status'
        : 'exports_filtered_by_created_at';
    const rows = await this.#shared.query<{ total: number | string }>(
      `SELECT COUNT(*) AS total FROM exports ${this.database.indexHint(index)} WHERE ${where.sql}`,
      where.values,
    );
    return Number(rows[0]?.total);
  }

  /** The files of those exports among `exportIds` that the organization has, by the id of their export. */
  async filesOf(
    organization: string,
    exportIds: readonly string[],
  ): Promise<Map<string, ExportFileRow[]>> {
    const files = await this.#shared.query<ExportFileRow>(
      `SELECT ${FILE_COLUMNS} FROM exports e JOIN export_files f ON f.export_id = e.id ` +
        `WHERE e.organization_id = ? AND e.id IN (${placeholders(exportIds)})`,
      [organization, ...exportIds],
    );
    const byExport = new Map<string, ExportFileRow[]>();
    for (const file of files) {
      const others = byExport.get(file.exportId);
      if (others === undefined) byExport.set(file.exportId, [file]);
      else others.push(file);
    }
    return byExport;
  }
}

const FILE_COLUMNS =
  'f.export_id AS exportId, f.kind, f.object_key AS objectKey, f.file_name AS fileName, ' +
  'f.size_bytes AS sizeBytes, f.row_count AS rowCount, f.sha256';

/** Columns of a table under the names of the fields that they are. */
function columnsSql(table: string, columns: readonly ExportColumn[]): string {
  return columns.map((column) => `${table}.${exportColumns[column]} AS ${column}`).join(', ');
}

function placeholders(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}

/**
 * Whether the id column could hold this id at all. Another one is nobody's, and comparing it could make MySQL convert
 * the column instead of the parameter, which costs the index.
 */
function isStorableId(id: string): boolean {
  return /^[\x21-\x7e]{1,26}$/.test(id);
}

function isFiltering({ resource, statuses, search }: NormalizedExportFilter): boolean {
  return resource !== null || statuses.length > 0 || search !== '';
}

function conditionsSql(
  organization: string,
  { resource, statuses, search }: NormalizedExportFilter,
): { sql: string; values: unknown[] } {
  const parts = ['organization_id = ?'];
  const values: unknown[] = [organization];
  if (resource !== null) {
    parts.push('resource = ?');
    values.push(resource);
  }
  if (statuses.length > 0) {
    parts.push(`status IN (${placeholders(statuses)})`);
    values.push(...statuses);
  }
  if (search !== '') {
    // The column's collation is binary, so that é is not e and every emoji is itself; LOWER alone takes the case away.
    parts.push(`LOWER(name) LIKE LOWER(?) ESCAPE '!'`);
    values.push(`%${search.replace(/[!%_]/g, '!$&')}%`);
  }
  return { sql: parts.join(' AND '), values };
}

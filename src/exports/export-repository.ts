import type { Database } from '../database/database.js';
import { QueryCoalescer } from '../database/query-coalescer.js';
import type { CursorPosition } from './export-cursor.js';
import { SortDirection, type ExportList } from './export-filter.js';
import type { ExportFileRow } from './export-file.js';
import { exportColumns, type ExportColumn, type ExportRow } from './export.js';

/** At most `limit` rows of a list, from an offset or after a cursor. */
export interface ExportWindow {
  readonly start: { readonly offset: number } | { readonly after: CursorPosition };
  readonly limit: number;
}

export type FilesByExport = ReadonlyMap<string, readonly ExportFileRow[]>;

/** The conditions of a statement and the values of their placeholders, in order. */
interface Conditions {
  readonly sql: string[];
  readonly parameters: unknown[];
}

const FILE_COLUMNS =
  'f.export_id AS exportId, f.kind, f.object_key AS objectKey, f.file_name AS fileName, ' +
  'f.size_bytes AS sizeBytes, f.row_count AS rowCount, f.sha256';

/**
 * Reads exports and their files. Every statement names the organization that it is for. Lists and
 * counts share runs of equal statements; a BatchLoader joins the look-ups by id that arrive here.
 */
export class ExportRepository {
  readonly #coalescer: QueryCoalescer;

  constructor(private readonly database: Database) {
    this.#coalescer = new QueryCoalescer(database);
  }

  /** Returns the organization's exports among `ids`, by id. `columns` must include the id. */
  async findByIds(
    organization: string,
    ids: readonly string[],
    columns: readonly ExportColumn[],
  ): Promise<ReadonlyMap<string, ExportRow>> {
    // No export has another id. MySQL might convert the column to compare it, and lose the index.
    const storable = ids.filter((id) => /^[\x21-\x7e]{1,26}$/.test(id));
    if (storable.length === 0) return new Map();
    const rows = await this.database.query<ExportRow>(
      `SELECT ${columnsSql(columns)} FROM exports e ` +
        `WHERE e.organization_id = ? AND e.id IN (${placeholders(storable)})`,
      [organization, ...storable],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Returns the files of the organization's exports among `exportIds`. */
  async findFiles(organization: string, exportIds: readonly string[]): Promise<FilesByExport> {
    const files = await this.database.query<ExportFileRow>(
      `SELECT ${FILE_COLUMNS} FROM exports e JOIN export_files f ON f.export_id = e.id ` +
        `WHERE e.organization_id = ? AND e.id IN (${placeholders(exportIds)})`,
      [organization, ...exportIds],
    );
    const byExport = new Map(exportIds.map((id): [string, ExportFileRow[]] => [id, []]));
    for (const file of files) byExport.get(file.exportId)?.push(file);
    return byExport;
  }

  /** Returns rows of an organization's list, in order. Other requests may share the rows. */
  async list(
    list: ExportList,
    { start, limit }: ExportWindow,
    columns: readonly ExportColumn[],
  ): Promise<readonly ExportRow[]> {
    const column = exportColumns[list.orderBy];
    const [order, comparison] = list.direction === SortDirection.ASC ? ['ASC', '>'] : ['DESC', '<'];
    const { sql, parameters } = conditionsOf(list);
    const index = `exports_${sql.length > 1 ? 'filtered_by' : 'by'}_${column}`;
    let window = 'LIMIT ?';
    if ('after' in start) {
      const { value, id } = start.after;
      // The same condition twice: SQLite seeks the index by the first form and MySQL by the second.
      // Without a seek, a page reads all rows that tie with the cursor.
      sql.push(
        `(${column}, id) ${comparison} (?, ?)`,
        `(${column} ${comparison} ? OR (${column} = ? AND id ${comparison} ?))`,
      );
      parameters.push(value, id, value, value, id, limit);
    } else {
      window += ' OFFSET ?';
      parameters.push(limit, start.offset);
    }
    // First the ids of the page, which the index of the order covers, then their rows. Otherwise
    // MariaDB reads all rows before a late page, and walks from the first row to a cursor.
    return this.#coalescer.query(
      `SELECT ${columnsSql(columns)} ` +
        `FROM (SELECT id FROM exports ${this.database.indexHint(index)} WHERE ${sql.join(' AND ')} ` +
        `ORDER BY ${column} ${order}, id ${order} ${window}) page ` +
        `JOIN exports e ON e.id = page.id ORDER BY e.${column} ${order}, e.id ${order}`,
      parameters,
    );
  }

  /** Returns how many exports of the organization match the filter. */
  async count(list: Pick<ExportList, 'organization' | 'filter'>): Promise<number> {
    const { sql, parameters } = conditionsOf(list);
    // The smallest index that covers the filter.
    const index =
      list.filter.search === ''
        ? 'exports_by_resource_and_status'
        : 'exports_filtered_by_created_at';
    const hint = this.database.indexHint(index);
    const [row] = await this.#coalescer.query<{ total: number | string }>(
      `SELECT COUNT(*) AS total FROM exports ${hint} WHERE ${sql.join(' AND ')}`,
      parameters,
    );
    return Number(row?.total);
  }
}

function conditionsOf({
  organization,
  filter: { resource, statuses, search },
}: Pick<ExportList, 'organization' | 'filter'>): Conditions {
  const sql = ['organization_id = ?'];
  const parameters: unknown[] = [organization];
  if (resource !== null) {
    sql.push('resource = ?');
    parameters.push(resource);
  }
  if (statuses.length > 0) {
    sql.push(`status IN (${placeholders(statuses)})`);
    parameters.push(...statuses);
  }
  if (search !== '') {
    // The column's collation is binary: only LOWER ignores anything, and that is the case.
    sql.push(`LOWER(name) LIKE LOWER(?) ESCAPE '!'`);
    parameters.push(`%${search.replace(/[!%_]/g, '!$&')}%`);
  }
  return { sql, parameters };
}

/** Selects columns under the names of their fields. */
function columnsSql(fields: readonly ExportColumn[]): string {
  return fields.map((field) => `e.${exportColumns[field]} AS ${field}`).join(', ');
}

function placeholders(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}

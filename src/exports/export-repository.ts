import type { Database, QueryOrigin } from '../database/database.js';
import { QueryCoalescer } from '../database/query-coalescer.js';
import { toSqlDateTime } from '../database/sql-datetime.js';
import type { SqlValue } from '../database/sql-format.js';
import { placeholders, TableSql, type Conditions } from '../database/table-sql.js';
import type { CursorPosition } from './export-cursor.js';
import type { NormalizedDateRange } from './export-date-range.js';
import {
  ExportOrderBy,
  ExportSortDirection,
  isEmptyFilter,
  matchesNothing,
  type ExportList,
  type NormalizedExportFilter,
} from './export-filter.js';
import type { ExportGroup } from './export-facets.js';
import type { ExportFileRow } from './export-file.js';
import { lastReadable, validRows, type InvalidRow } from './export-row.js';
import type { ExportScope } from './export-scope.js';
import {
  allColumns,
  exportColumns,
  ExportResource,
  ExportStatus,
  isExportId,
  knownResources,
  type ExportColumn,
  type ExportRow,
} from './export.js';

/**
 * At most `limit` rows of a list, `offset` rows after its start or after a cursor. Backwards: in
 * front of its end or of a cursor, the nearest first.
 */
export interface ExportWindow {
  readonly isBackward?: boolean;
  readonly cursor?: CursorPosition;
  readonly offset: number;
  readonly limit: number;
}

/** Rows of a list as they were read, without those that are not valid. */
export interface ExportRows {
  readonly rows: readonly ExportRow[];
  /** Whether the database may have more rows after these. */
  readonly mayContinue: boolean;
  /**
   * Where the list may continue without a row: the last row read that has a valid id and value of
   * the order. A page after it goes on past rows that are not valid.
   */
  readonly lastSkipped?: ExportRow | undefined;
}

/** What changed in an organization, oldest first: from a time on, or after a position. */
export interface ChangesPage {
  readonly organization: string;
  /** `YYYY-MM-DD hh:mm:ss.mmm` in UTC, or the `updatedAt` and the id of the row before. */
  readonly start: string | CursorPosition;
}

export interface Changes {
  readonly rows: readonly ExportRow[];
  /** Where the next page starts; null when this is the last one. */
  readonly next: CursorPosition | null;
}

/** That a list goes on at a cursor, and which bound of a range of the order it has passed. */
interface Seek {
  readonly orderBy: ExportOrderBy;
  readonly passed: 'gte' | 'lt';
}

/** What one statement of a list has read. */
interface StatementRows {
  readonly valid: readonly ExportRow[];
  /** With those that are not valid. */
  readonly count: number;
  readonly lastSkipped: ExportRow | undefined;
}

export type FilesByExport = ReadonlyMap<string, readonly ExportFileRow[]>;

/** A row that another system may have written without a key or a name. */
type StoredFileRow = Omit<ExportFileRow, 'exportId' | 'objectKey' | 'fileName'> & {
  exportId: string | number;
  objectKey: string | null;
  fileName: string | null;
};

/** Which exports a list or a count has, and when: `now` decides what has expired. */
export type FilteredScope = ExportScope & Pick<ExportList, 'filter'> & { readonly now: Date };

/**
 * Ordered by creation, and covers every filter and order. A requester has few of an organization's
 * rows, so the other orders sort them; along an index of the order, a list would read all others.
 */
const REQUESTER_INDEX = 'exports_by_requester';

/** Zero dates are before it, also as texts. */
const FIRST_TIME = '0001-01-01 00:00:00';

const fileColumns = {
  exportId: 'export_id',
  kind: 'kind',
  objectKey: 'object_key',
  fileName: 'file_name',
  sizeBytes: 'size_bytes',
  rowCount: 'row_count',
  sha256: 'sha256',
};

/** The first, and two more where rows are not valid. */
const MAX_STATEMENTS_PER_PAGE = 3;

/** The last one stands for all that are not known. */
const resources = [...knownResources, ExportResource.OTHER];
const statuses = Object.values(ExportStatus);

/** How many changes a page has at most. */
const MAX_CHANGES = 1_000;

/**
 * Reads exports and their files. Every statement names the scope that it is for. Lists and counts
 * share runs of equal statements; a BatchLoader joins the lookups by id that arrive here.
 */
export class ExportRepository {
  /** False on a view that lacks the column, where `countProcessed` reads as 0. */
  readonly countsProcessed: boolean;
  readonly #coalescer: QueryCoalescer;
  readonly #exports: TableSql;
  readonly #files: TableSql;
  /** The SQL that selects each column under the name of its field. */
  readonly #columns: Readonly<Record<string, string>>;
  /** Files of exports, and their columns under the names of their fields. */
  readonly #filesSql: string;

  /** `onInvalidRow` receives each row that is left out because it breaks the table's contract. */
  constructor(
    private readonly database: Database,
    private readonly onInvalidRow: (row: InvalidRow) => void,
  ) {
    this.#coalescer = new QueryCoalescer(database);
    this.#exports = new TableSql('exports', database);
    this.#files = new TableSql('export_files', database);
    this.countsProcessed = this.#exports.has(exportColumns.countProcessed);
    this.#columns = Object.fromEntries(
      Object.entries(exportColumns).map(([field, column]) => {
        const missing = field.startsWith('count') ? '0' : 'NULL';
        return [field, `${this.#exports.select(column, 'e.', missing)} AS ${field}`];
      }),
    );
    this.#filesSql =
      `SELECT ${this.#files.selectAll(fileColumns, 'f.')} FROM exports e ` +
      `JOIN export_files f ON ${this.#files.joinSql('export_id', 'f.', this.#exports, 'id', 'e.')}`;
  }

  /** Returns the exports of the scope among `ids`, by id. `columns` must include the id. */
  async findByIds(
    origin: QueryOrigin & ExportScope,
    ids: readonly string[],
    columns: readonly ExportColumn[],
  ): Promise<ReadonlyMap<string, ExportRow>> {
    // No export has another id. MySQL might convert the column to compare it, and lose the index.
    const storable = ids.filter(isExportId);
    if (storable.length === 0) return new Map();
    const { sql, parameters } = this.#scopeConditions(origin, 'e.');
    // No second comparison of ids: what has another id than those asked for is not looked up below.
    const rows = await this.database.query<ExportRow>(
      `SELECT ${this.#columnsSql(columns)} FROM exports e ` +
        `WHERE ${sql.join(' AND ')} AND ${this.#exports.inSql('id', storable, 'e.')}`,
      [...parameters, ...storable],
      origin,
    );
    const valid = validRows(rows, columns, this.onInvalidRow);
    return new Map(valid.map((row) => [row.id, row]));
  }

  /** Returns the files of the exports of the scope among `exportIds`. */
  async findFiles(
    origin: QueryOrigin & ExportScope,
    exportIds: readonly string[],
  ): Promise<FilesByExport> {
    const { sql, parameters } = this.#scopeConditions(origin, 'e.');
    sql.push(this.#exports.inSql('id', exportIds, 'e.'));
    parameters.push(...exportIds);
    if (this.#files.isView) {
      // Without it, a view with UNION would read all of its files.
      sql.push(this.#files.inSql('export_id', exportIds, 'f.'));
      parameters.push(...exportIds);
    }
    const files = await this.database.query<StoredFileRow>(
      `${this.#filesSql} WHERE ${sql.join(' AND ')}`,
      parameters,
      origin,
    );
    const byExport = new Map(exportIds.map((id): [string, ExportFileRow[]] => [id, []]));
    for (const file of files) {
      // Without a key there is no file, and without a name the last part of the key is one.
      if (file.objectKey === null) continue;
      file.fileName ??= file.objectKey.slice(file.objectKey.lastIndexOf('/') + 1);
      // A number where the column is one.
      byExport.get(String(file.exportId))?.push(file as ExportFileRow);
    }
    return byExport;
  }

  /**
   * Returns rows of a list in the order of reading. Other requests may share the rows. Where rows
   * are not valid it reads on, so that a page is full whenever the list has enough rows.
   */
  async list(
    list: FilteredScope & ExportList,
    window: ExportWindow,
    columns: readonly ExportColumn[],
    origin: QueryOrigin,
  ): Promise<ExportRows> {
    const { limit } = window;
    let { offset } = window;
    if (matchesNothing(list.filter)) return { rows: [], mayContinue: false };
    let isEnd = false;
    let lastSkipped: ExportRow | undefined;
    const rows: ExportRow[] = [];
    for (let statements = 0; statements < MAX_STATEMENTS_PER_PAGE; statements++) {
      const read = await this.#read(list, { ...window, offset }, columns, origin);
      rows.push(...read.valid);
      lastSkipped = read.lastSkipped ?? lastSkipped;
      isEnd = read.count < limit;
      if (isEnd || rows.length >= limit) break;
      offset += limit;
    }
    const mayContinue = !isEnd || rows.length >= limit;
    const isSkipped = mayContinue && rows.length === 0;
    return { rows: rows.slice(0, limit), mayContinue, ...(isSkipped && { lastSkipped }) };
  }

  async #read(
    list: FilteredScope & ExportList,
    { isBackward = false, cursor, offset, limit }: ExportWindow,
    columns: readonly ExportColumn[],
    origin: QueryOrigin,
  ): Promise<StatementRows> {
    const column = exportColumns[list.orderBy];
    const isAscending = (list.direction === ExportSortDirection.ASC) !== isBackward;
    const [order, comparison] = isAscending ? (['ASC', '>'] as const) : (['DESC', '<'] as const);
    const passed = isAscending ? 'gte' : 'lt';
    const seek = cursor === undefined ? null : ({ orderBy: list.orderBy, passed } as const);
    const { sql, parameters } = this.#conditionsOf(list, seek);
    // A list by a column that a view lacks is ordered by id.
    const keys = this.#exports.has(column) ? [column, 'id'] : ['id'];
    if (cursor !== undefined && keys.length === 1) {
      sql.push(`id ${comparison} ${this.#exports.placeholder('id')}`);
      parameters.push(cursor.id);
    } else if (cursor !== undefined) {
      this.#addFollowing({ sql, parameters }, column, comparison, cursor);
    }
    parameters.push(limit, offset);
    const join = [this.#exports.joinSql('id', 'e.', this.#exports, 'id', 'page.')];
    if (this.#exports.isView) {
      // The ids of a view may be unique within an organization only.
      const scope = this.#scopeConditions(list, 'e.');
      join.push(...scope.sql);
      parameters.push(...scope.parameters);
    }
    const orderOf = (alias: string) => keys.map((key) => `${alias}${key} ${order}`).join(', ');
    // First the ids of the page, which the index of the order covers, then their rows. Otherwise
    // MariaDB reads all rows before a late page, and walks from the first row to a cursor.
    const statement =
      `SELECT ${this.#columnsSql(columns)} ` +
      `FROM (SELECT id FROM ${this.#exports.through(listIndex(list))} WHERE ${sql.join(' AND ')} ` +
      `ORDER BY ${orderOf('')} LIMIT ? OFFSET ?) page ` +
      `JOIN exports e ON ${join.join(' AND ')} ORDER BY ${orderOf('e.')}`;
    return this.#coalescer.query(statement, parameters, origin, (rows) => {
      const valid = validRows(rows, columns, this.onInvalidRow);
      const lastSkipped = valid.length === 0 ? lastReadable(rows, ['id', list.orderBy]) : undefined;
      return { valid, count: rows.length, lastSkipped };
    });
  }

  /** Returns how many exports of the scope match the filter. */
  async count(list: FilteredScope, origin: QueryOrigin): Promise<number> {
    if (matchesNothing(list.filter)) return 0;
    const { sql, parameters } = this.#conditionsOf(list);
    const table = this.#exports.through(countIndex(list));
    const statement = `SELECT COUNT(*) AS total FROM ${table} WHERE ${sql.join(' AND ')}`;
    return this.#coalescer.query(statement, parameters, origin, ([row]) => Number(row?.['total']));
  }

  /**
   * Returns how many exports of the scope meet the other conditions of the filter, by resource and
   * status.
   */
  async countGroups(list: FilteredScope, origin: QueryOrigin): Promise<readonly ExportGroup[]> {
    const { filter } = list;
    if (filter.isContradictory) return [];
    const others = { ...list, filter: { ...filter, resources: null, statuses: null } };
    const { sql, parameters } = this.#conditionsOf(others);
    const stored = (column: string) => `${this.#exports.exact(column)} AS stored_${column}`;
    // First by stored values, along an index where one has them, then by those of the API: of other
    // values there may be any number.
    const statement =
      `SELECT ${codeSql('stored_resource', knownResources)} AS resource, ` +
      `${codeSql('stored_status', statuses)} AS status, SUM(stored_total) AS total ` +
      `FROM (SELECT ${stored('resource')}, ${stored('status')}, COUNT(*) AS stored_total ` +
      `FROM ${this.#exports.through(countIndex(others))} WHERE ${sql.join(' AND ')} ` +
      `GROUP BY stored_resource, stored_status) stored_groups GROUP BY resource, status`;
    const values = [...knownResources, ...statuses, ...parameters];
    return this.#coalescer.query(statement, values, origin, (rows) =>
      rows.map(({ resource, status, total }) => ({
        resource: resources[Number(resource)] ?? null,
        status: statuses[Number(status)] ?? null,
        count: Number(total),
      })),
    );
  }

  /** The current time of a database that answers queries, `YYYY-MM-DD hh:mm:ss.mmm` in UTC. */
  async currentTime(): Promise<string> {
    const sql = `SELECT ${this.database.currentTimeSql} AS now`;
    const [row] = await this.database.query<{ now: string }>(sql);
    if (row === undefined) throw new Error('The database has no time.');
    return row.now;
  }

  /**
   * Returns the changes of several organizations by one statement, with every column. It is the
   * gateway's own: no viewer's scope restricts it, so that followers share what it reads.
   */
  async readChanges(pages: readonly ChangesPage[]): Promise<readonly Changes[]> {
    const parameters: SqlValue[] = [];
    const parts = pages.map(({ organization, start }, index) => {
      const conditions = this.#scopeConditions({ organization, onlyRequestedBy: null }, 'e.');
      if (typeof start === 'string') {
        conditions.sql.push('e.updated_at >= ?');
        conditions.parameters.push(start);
      } else {
        this.#addFollowing(conditions, 'updated_at', '>', start, 'e.');
      }
      parameters.push(...conditions.parameters);
      // A derived table, because SQLite takes no parentheses with an order in a UNION.
      return (
        `SELECT * FROM (SELECT ${index} AS page, ${this.#columnsSql(allColumns)} ` +
        `FROM ${this.#exports.through('exports_filtered_by_updated_at', 'e')} ` +
        `WHERE ${conditions.sql.join(' AND ')} ` +
        `ORDER BY e.updated_at, e.id LIMIT ${MAX_CHANGES}) changes_${index}`
      );
    });
    const read = await this.database.query<ExportRow & { page: number }>(
      parts.join(' UNION ALL '),
      parameters,
    );
    const rowsOf = pages.map((): ExportRow[] => []);
    for (const row of read) rowsOf[row.page]?.push(row);
    return rowsOf.map((rows) => {
      const last = rows.length < MAX_CHANGES ? undefined : lastReadable(rows, ['id', 'updatedAt']);
      return {
        rows: validRows(rows, allColumns, this.onInvalidRow),
        next: last === undefined ? null : { value: String(last.updatedAt), id: last.id },
      };
    });
  }

  /** Adds that rows follow a position in the order of a column and of the ids. */
  #addFollowing(
    { sql, parameters }: Conditions,
    column: string,
    comparison: '>' | '<',
    { value, id }: CursorPosition,
    alias = '',
  ): void {
    const [key, idKey] = [alias + column, `${alias}id`];
    const idPlaceholder = this.#exports.placeholder('id');
    // The same condition twice: SQLite seeks the index by the first form and MySQL by the second.
    // Without a seek, a page reads all rows that tie with the cursor.
    sql.push(
      `(${key}, ${idKey}) ${comparison} (?, ${idPlaceholder})`,
      `(${key} ${comparison} ? OR (${key} = ? AND ${idKey} ${comparison} ${idPlaceholder}))`,
    );
    parameters.push(value, id, value, value, id);
  }

  /** The conditions of a list, without those of its cursor. */
  #conditionsOf(list: FilteredScope, seek: Seek | null = null): Conditions {
    const exports = this.#exports;
    const conditions = this.#scopeConditions(list);
    const { sql, parameters } = conditions;
    const { resources, statuses, search, requestedBy, isExpired } = list.filter;
    if (resources?.includes(ExportResource.OTHER) === true) {
      const others = knownResources.filter((resource) => !resources.includes(resource));
      sql.push(`${exports.exact('resource')} NOT IN (${placeholders(others)})`);
      parameters.push(...others);
    } else if (resources !== null) {
      exports.addEqual(conditions, 'resource', resources);
    }
    if (statuses !== null) exports.addEqual(conditions, 'status', statuses);
    if (search !== '') {
      sql.push(exports.likeSql('name'));
      parameters.push(`%${search.replace(/[!%_]/g, '!$&')}%`);
    }
    if (requestedBy !== null) this.#addRequester(conditions, requestedBy);
    if (isExpired !== null) this.#addExpiry(conditions, isExpired, list.now);
    for (const field of ['createdAt', 'updatedAt'] as const) {
      const passed = seek?.orderBy === field ? seek.passed : null;
      addRange(conditions, exportColumns[field], list.filter[field], passed);
    }
    return conditions;
  }

  /** A view may lack the column. */
  #addExpiry({ sql, parameters }: Conditions, isExpired: boolean, now: Date): void {
    if (!this.#exports.has('expires_at')) {
      if (isExpired) sql.push('1 = 0');
      return;
    }
    // A zero date is none. As a text, because MySQL holds a zero TIMESTAMP later than the year 1.
    const text = 'CAST(expires_at AS CHAR)';
    sql.push(
      isExpired
        ? `expires_at < ? AND ${text} >= ?`
        : `(expires_at IS NULL OR expires_at >= ? OR ${text} < ?)`,
    );
    // Of a time with microseconds, the milliseconds count.
    parameters.push(toSqlDateTime(new Date(now.getTime() + 1)), FIRST_TIME);
  }

  /** Lookups by id have an alias. A view may lack the column. */
  #addRequester(conditions: Conditions, requester: string, alias = ''): void {
    if (!this.#exports.has('requested_by')) {
      conditions.sql.push('1 = 0');
      return;
    }
    // The index of requesters is for lists; the lookup of an id has a better one.
    const options = { alias, countsSpaces: true, isIndexed: alias === '' };
    this.#exports.addEqual(conditions, 'requested_by', [requester], options);
  }

  /** The conditions of a scope, without which no statement may read. */
  #scopeConditions({ organization, onlyRequestedBy }: ExportScope, alias = ''): Conditions {
    const conditions = { sql: [], parameters: [] };
    this.#exports.addEqual(conditions, 'organization_id', [organization], { alias });
    if (onlyRequestedBy !== null) this.#addRequester(conditions, onlyRequestedBy, alias);
    return conditions;
  }

  /** Selects columns under the names of their fields. */
  #columnsSql(fields: readonly ExportColumn[]): string {
    return fields.map((field) => this.#columns[field]).join(', ');
  }
}

/** The place of a column's value among these, their number for another one, -1 for NULL. */
function codeSql(column: string, values: readonly string[]): string {
  const cases = values.map((_, index) => `WHEN ${column} = ? THEN ${index}`);
  return `CASE WHEN ${column} IS NULL THEN -1 ${cases.join(' ')} ELSE ${values.length} END`;
}

function isOfRequester({ onlyRequestedBy, filter }: FilteredScope): boolean {
  return onlyRequestedBy !== null || filter.requestedBy !== null;
}

/**
 * Each index covers what it is for. One of the order returns a page without reading more than the
 * page and what does not match. A range of another time is read and sorted instead: along the order,
 * few matching rows may come last.
 */
function listIndex(list: FilteredScope & ExportList): string {
  const { filter, orderBy } = list;
  const { CREATED_AT, UPDATED_AT } = ExportOrderBy;
  if (isOfRequester(list)) return REQUESTER_INDEX;
  // A quarter smaller, for pages by number that are far from the start.
  if (isEmptyFilter(filter) && orderBy === CREATED_AT) return 'exports_by_created_at';
  const isTime = orderBy === CREATED_AT || orderBy === UPDATED_AT;
  const range = isTime && filter[orderBy] !== null ? undefined : rangeColumn(filter);
  return `exports_filtered_by_${range ?? exportColumns[orderBy]}`;
}

/** The smallest index that covers the filter, for counts with and without groups. */
function countIndex(list: FilteredScope): string {
  const { filter } = list;
  if (isOfRequester(list)) return REQUESTER_INDEX;
  const range = rangeColumn(filter) ?? (filter.search === '' ? undefined : 'created_at');
  return range === undefined ? 'exports_by_resource_and_status' : `exports_filtered_by_${range}`;
}

/** The time that a filter restricts to a range; of two, that of creation. */
function rangeColumn({ createdAt, updatedAt }: NormalizedExportFilter): string | undefined {
  if (createdAt !== null) return 'created_at';
  return updatedAt === null ? undefined : 'updated_at';
}

/** `passed` is the bound that a cursor in the order of the column has passed already. */
function addRange(
  { sql, parameters }: Conditions,
  column: string,
  range: NormalizedDateRange | null,
  passed: 'gte' | 'lt' | null,
): void {
  for (const [bound, operator] of [
    ['gte', '>='],
    ['lt', '<'],
  ] as const) {
    const value = range?.[bound] ?? null;
    if (value === null) continue;
    // SQLite uses no index for a column with a sign. It would seek this bound, not the cursor.
    sql.push(`${bound === passed ? '+' : ''}${column} ${operator} ?`);
    parameters.push(value);
  }
}

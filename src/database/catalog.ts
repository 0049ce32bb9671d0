import type { DatabaseConfig } from '../config/database.js';

export const TABLES = ['exports', 'export_files', 'api_keys'] as const;

export type TableName = (typeof TABLES)[number];

interface CatalogColumn {
  /** In lower case: `varchar`, `bigint`, `datetime`. SQLite's is as declared, without a length. */
  readonly dataType: string;
  /** Null where the values are no text, and on SQLite, which has no statement that tells it. */
  readonly collation: string | null;
  readonly isNullable: boolean;
  /**
   * How `=` compares texts: by their bytes, by their bytes without trailing spaces, or by another
   * rule, under which `A` may equal `a` and, of a number, `12` equal `12a`.
   */
  readonly equality: 'bytes' | 'padded' | 'other';
}

export interface CatalogTable {
  readonly isView: boolean;
  /** By name, in the order of the table. */
  readonly columns: ReadonlyMap<string, CatalogColumn>;
  /** The names of the indexes that the optimizer may use: not of invisible or ignored ones. */
  readonly indexes: ReadonlySet<string>;
}

/** What the database has of the gateway's tables, as far as its user may read it. */
export type Catalog = ReadonlyMap<TableName, CatalogTable>;

/** Runs a statement that begins with SELECT and resolves to its rows. */
type Query = (sql: string) => Promise<readonly unknown[]>;

interface TableRow {
  readonly tableName: TableName;
  readonly isView: number | string;
}

interface ColumnRow extends Omit<CatalogColumn, 'isNullable' | 'equality'> {
  readonly tableName: TableName;
  readonly name: string;
  readonly isNullable: number | string;
}

interface IndexRow {
  readonly TABLE_NAME: TableName;
  readonly INDEX_NAME: string;
  /** `NO` on MySQL for an invisible index. */
  readonly IS_VISIBLE?: string;
  /** `YES` on MariaDB for an ignored index. */
  readonly IGNORED?: string;
}

const statements = {
  mysql: {
    tables:
      "SELECT table_name AS tableName, table_type LIKE '%VIEW' AS isView " +
      'FROM information_schema.tables',
    columns:
      'SELECT table_name AS tableName, column_name AS name, LOWER(data_type) AS dataType, ' +
      "collation_name AS collation, is_nullable = 'YES' AS isNullable " +
      'FROM information_schema.columns',
    // Each kind of server has a column of its own that tells whether an index is in use.
    indexes: 'SELECT * FROM information_schema.statistics',
    where: (table: TableName) => `table_schema = DATABASE() AND table_name = '${table}'`,
    columnOrder: ' ORDER BY ordinal_position',
  },
  embedded: {
    tables: "SELECT name AS tableName, type = 'view' AS isView FROM sqlite_master t",
    columns:
      "SELECT t.name AS tableName, c.name, LOWER(SUBSTR(c.type, 1, INSTR(c.type || '(', '(') - 1)) " +
      'AS dataType, NULL AS collation, NOT c."notnull" AS isNullable ' +
      'FROM sqlite_master t JOIN pragma_table_info(t.name) c',
    indexes:
      'SELECT t.name AS TABLE_NAME, i.name AS INDEX_NAME ' +
      'FROM sqlite_master t JOIN pragma_index_list(t.name) i',
    where: (table: TableName) => `t.type IN ('table', 'view') AND t.name = '${table}'`,
    columnOrder: ' ORDER BY c.cid',
  },
};

/** Reads the catalog, in which a table is missing that does not exist. Needs no more than SELECT. */
export async function readCatalog(kind: DatabaseConfig['kind'], query: Query): Promise<Catalog> {
  const sql = statements[kind];
  // One table a statement: with a list of names, MariaDB opens every table of the database.
  const entries = TABLES.map(async (name): Promise<[TableName, CatalogTable] | null> => {
    const where = ` WHERE ${sql.where(name)}`;
    const [table] = (await query(sql.tables + where)) as readonly TableRow[];
    if (table === undefined) return null;
    const columns = (await query(sql.columns + where + sql.columnOrder)) as readonly ColumnRow[];
    const indexes = await query(sql.indexes + where);
    return [
      name,
      {
        isView: Number(table.isView) === 1,
        columns: new Map(
          columns.map(({ name: column, dataType, collation, isNullable }) => [
            // The servers take names in any case.
            column.toLowerCase(),
            {
              dataType,
              collation,
              isNullable: Number(isNullable) === 1,
              equality: equalityOf(kind, dataType, collation),
            },
          ]),
        ),
        indexes: usableIndexes(indexes),
      },
    ];
  });
  return new Map((await Promise.all(entries)).filter((entry) => entry !== null));
}

/** The statement that reads the indexes of a table of a server, for `usableIndexes`. */
export function indexesSql(table: TableName): string {
  const { indexes, where } = statements.mysql;
  return `${indexes} WHERE ${where(table)}`;
}

export function usableIndexes(rows: readonly unknown[]): Set<string> {
  const indexes = rows as readonly IndexRow[];
  const usable = indexes.filter((index) => index.IS_VISIBLE !== 'NO' && index.IGNORED !== 'YES');
  return new Set(usable.map((index) => index.INDEX_NAME));
}

function equalityOf(kind: DatabaseConfig['kind'], dataType: string, collation: string | null) {
  if (kind === 'embedded') return 'bytes';
  // MySQL reads `1` as the first value of an ENUM or SET that has no value of this name.
  if (!/char$|text$/.test(dataType)) return 'other';
  return collation === 'ascii_bin' || collation === 'utf8mb4_bin' ? 'padded' : 'other';
}

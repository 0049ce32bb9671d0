import type { CatalogTable, TableName } from './catalog.js';
import type { Database } from './database.js';
import type { SqlValue } from './sql-format.js';

/** The conditions of a statement and the values of their placeholders, in order. */
export interface Conditions {
  readonly sql: string[];
  readonly parameters: SqlValue[];
}

interface EqualOptions {
  /** With its point: `e.` */
  readonly alias?: string;
  /** Whether trailing spaces count in columns of `padded` equality, too. */
  readonly countsSpaces?: boolean;
  /** False for a condition that must not choose the index of the statement. */
  readonly isIndexed?: boolean;
}

const ASCII = /^[\0-\x7f]*$/;

/** What statements say about a table and its columns, as far as that depends on the catalog. */
export class TableSql {
  readonly isView: boolean;
  private readonly table: CatalogTable | undefined;

  constructor(
    private readonly name: TableName,
    private readonly database: Pick<Database, 'catalog' | 'indexHint'>,
  ) {
    this.table = database.catalog.get(name);
    this.isView = this.table?.isView ?? false;
  }

  /** The table under an alias, to be read through an index unless it is a view. */
  through(index: string, alias = ''): string {
    const table = alias === '' ? this.name : `${this.name} ${alias}`;
    return this.isView ? table : `${table} ${this.database.indexHint(index)}`;
  }

  has(column: string): boolean {
    return this.table?.columns.has(column) ?? false;
  }

  /**
   * The column as the driver returns a text: not as bytes, which BINARY columns have. `missing`
   * stands for a column that a view lacks.
   */
  select(column: string, alias: string, missing = 'NULL'): string {
    if (!this.has(column)) return missing;
    const { dataType = '' } = this.table?.columns.get(column) ?? {};
    return /binary|blob/.test(dataType) ? toText(alias + column) : alias + column;
  }

  /** Selects columns under other names: `{ name: column }`. */
  selectAll(columns: Readonly<Record<string, string>>, alias = ''): string {
    return Object.entries(columns)
      .map(([name, column]) => `${this.select(column, alias)} AS ${name}`)
      .join(', ');
  }

  /** Adds that a column has one of these values, byte for byte whatever its collation and type. */
  addEqual(
    { sql, parameters }: Conditions,
    column: string,
    values: readonly string[],
    { alias = '', countsSpaces = false, isIndexed = true }: EqualOptions = {},
  ): void {
    const equality = this.equality(column);
    if (isIndexed && values.every((value) => this.canHold(column, value))) {
      sql.push(equalSql(alias + column, values, this.placeholder(column)));
      parameters.push(...values);
      if (equality !== 'other' && !(countsSpaces && equality === 'padded')) return;
    }
    sql.push(equalSql(this.bytes(column, alias), values));
    parameters.push(...values);
  }

  /** A condition that a column has one of these values, in its own collation. */
  inSql(column: string, values: readonly string[], alias = ''): string {
    return `${alias}${column} IN (${placeholders(values, this.placeholder(column))})`;
  }

  /**
   * The placeholder of a text to compare with a column. A view may have literals, to which MySQL
   * compares other literals in the same collation only.
   */
  placeholder(column: string): string {
    const collation = this.table?.columns.get(column)?.collation ?? '';
    return this.isView && collation.startsWith('utf8mb4_') ? `? COLLATE ${collation}` : '?';
  }

  /** A condition that two tables' columns are equal. */
  joinSql(column: string, alias: string, other: TableSql, otherColumn: string, otherAlias: string) {
    let joined = otherAlias + otherColumn;
    const { collation = null } = this.table?.columns.get(column) ?? {};
    if (collation !== null && collation !== other.table?.columns.get(otherColumn)?.collation) {
      // MySQL compares no two collations, and no text to a number by the index of the text.
      const [charset = ''] = collation.split('_');
      joined = `CONVERT(${joined} USING ${charset}) COLLATE ${collation}`;
    }
    const join = `${alias}${column} = ${joined}`;
    if (this.isExact(column) && other.isExact(otherColumn)) return join;
    return `${join} AND ${this.bytes(column, alias)} = ${other.bytes(otherColumn, otherAlias)}`;
  }

  /** The column for a comparison that uses no index, byte for byte but for trailing spaces. */
  exact(column: string): string {
    return this.isExact(column) ? column : this.bytes(column);
  }

  /** A condition that a column is like a pattern whose escape is `!`, by any letter case. */
  likeSql(column: string): string {
    // Bytes are compared, and LOWER takes the same rules of letter case for both.
    const [text, pattern] = {
      bytes: [column, '?'],
      padded: [column, '? COLLATE utf8mb4_bin'],
      other: [`${toText(column)} COLLATE utf8mb4_bin`, '? COLLATE utf8mb4_bin'],
    }[this.equality(column)];
    return `LOWER(${text}) LIKE LOWER(${pattern}) ESCAPE '!'`;
  }

  /** The bytes of a column's text in UTF-8, for a comparison that no index serves. */
  private bytes(column: string, alias = ''): string {
    // SQLite uses no index for a column with a sign, and compares it like any other.
    if (this.equality(column) === 'bytes') return `+${alias}${column}`;
    return `CAST(${toText(alias + column)} AS BINARY)`;
  }

  private isExact(column: string): boolean {
    return this.equality(column) !== 'other';
  }

  private equality(column: string) {
    return this.table?.columns.get(column)?.equality ?? 'padded';
  }

  /** Whether `=` accepts a value: it fails for one that a column's character set lacks. */
  private canHold(column: string, value: string): boolean {
    const collation = this.table?.columns.get(column)?.collation ?? 'utf8mb4_bin';
    return collation.startsWith('utf8mb4_') || ASCII.test(value);
  }
}

function equalSql(column: string, values: readonly unknown[], placeholder?: string): string {
  const list = placeholders(values, placeholder);
  return values.length === 1 ? `${column} = ${list}` : `${column} IN (${list})`;
}

export function placeholders(values: readonly unknown[], placeholder = '?'): string {
  return values.map(() => placeholder).join(', ');
}

function toText(column: string): string {
  return `CONVERT(${column} USING utf8mb4)`;
}

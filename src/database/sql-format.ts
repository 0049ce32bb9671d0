import { toSqlDateTime } from './sql-datetime.js';

/** What a placeholder may stand for. */
export type SqlValue = string | number | bigint | boolean | Date | null;

/** Texts in which no `sql_mode` and no character set reads anything else. */
const PLAIN = /^[\w:. -]*$/;

/**
 * Writes values in place of the question marks, for MySQL and MariaDB. Escaping would rest on the
 * session's `sql_mode`, which a proxy may not keep; hexadecimal means the same in every session.
 * Throws for another number or kind of values.
 */
export function formatSql(sql: string, values: readonly unknown[] = []): string {
  if (values.length === 0) return sql;
  const parts = sql.split('?');
  if (parts.length !== values.length + 1) {
    throw new TypeError(`The statement has ${parts.length - 1} placeholders: ${sql}`);
  }
  return parts.reduce((text, part, index) => text + literal(values[index - 1]) + part);
}

function literal(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return PLAIN.test(value)
        ? `_utf8mb4'${value}'`
        : `_utf8mb4 x'${Buffer.from(value).toString('hex')}'`;
    case 'number':
      if (Number.isFinite(value)) return String(value);
      break;
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return 'NULL';
      if (value instanceof Date) return literal(toSqlDateTime(value));
  }
  throw new TypeError(`A statement can have no value of type ${typeof value}.`);
}

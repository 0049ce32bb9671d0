import type { QueryRunner } from 'typeorm';

/**
 * The steps of migrations. MySQL commits each DDL statement by itself, so a migration that is killed
 * leaves a part of its steps. Each step therefore looks at the catalog and leaves out what is there
 * already. A view belongs to another system: steps leave it out, too.
 */

export const isMysql = (runner: QueryRunner) => runner.dataSource.options.type === 'mariadb';

/** `definition` is what follows the name of the table. */
export async function createTable(runner: QueryRunner, table: string, definition: string) {
  if ((await typeOf(runner, table)) === null)
    await runner.query(`CREATE TABLE ${table} ${definition}`);
}

export async function dropTable(runner: QueryRunner, table: string) {
  if (await isTable(runner, table)) await runner.query(`DROP TABLE ${table}`);
}

/** `columns` are separated by commas. */
export async function createIndex(
  runner: QueryRunner,
  {
    table,
    index,
    columns,
    isUnique = false,
  }: { table: string; index: string; columns: string; isUnique?: boolean },
) {
  if (!(await isTable(runner, table)) || (await hasIndex(runner, table, index))) return;
  const unique = isUnique ? 'UNIQUE ' : '';
  await runner.query(`CREATE ${unique}INDEX ${index} ON ${table} (${columns})`);
}

/** Changes the columns of an index in one statement, or creates it. Until then, queries have the old one. */
export async function changeIndex(
  runner: QueryRunner,
  { table, index, columns }: { table: string; index: string; columns: string },
) {
  if (!(await isTable(runner, table))) return;
  const current = await indexedColumns(runner, table, index);
  if (current.join(', ') === columns) return;
  if (current.length > 0 && isMysql(runner)) {
    const change = `DROP INDEX ${index}, ADD INDEX ${index} (${columns})`;
    await runner.query(`ALTER TABLE ${table} ${change}`);
    return;
  }
  await dropIndex(runner, table, index);
  await createIndex(runner, { table, index, columns });
}

export async function dropIndex(runner: QueryRunner, table: string, index: string) {
  if (!(await isTable(runner, table)) || !(await hasIndex(runner, table, index))) return;
  await runner.query(`DROP INDEX ${index}${isMysql(runner) ? ` ON ${table}` : ''}`);
}

export async function addColumn(
  runner: QueryRunner,
  table: string,
  column: string,
  definition: string,
) {
  if (!(await isTable(runner, table)) || (await hasColumn(runner, table, column))) return;
  await runner.query(`ALTER TABLE ${table} ADD COLUMN ${column} ${definition}`);
}

export async function dropColumn(runner: QueryRunner, table: string, column: string) {
  if (!(await isTable(runner, table)) || !(await hasColumn(runner, table, column))) return;
  await runner.query(`ALTER TABLE ${table} DROP COLUMN ${column}`);
}

/** Whether there is a table of this name, and not a view. */
export async function isTable(runner: QueryRunner, table: string): Promise<boolean> {
  return (await typeOf(runner, table)) === 'table';
}

/** The longest text that a column of a server can hold, in characters. */
export async function lengthOf(runner: QueryRunner, table: string, column: string) {
  const [found] = await select<{ length: unknown }>(
    runner,
    `SELECT character_maximum_length AS length FROM information_schema.columns ${whereTable(table)} AND column_name = '${column}'`,
  );
  return Number(found?.length);
}

async function typeOf(runner: QueryRunner, table: string): Promise<'table' | 'view' | null> {
  const [found] = await select<{ type: string }>(
    runner,
    isMysql(runner)
      ? `SELECT table_type AS type FROM information_schema.tables ${whereTable(table)}`
      : `SELECT type FROM sqlite_master WHERE type IN ('table', 'view') AND name = '${table}'`,
  );
  if (found === undefined) return null;
  return /view/i.test(found.type) ? 'view' : 'table';
}

async function hasIndex(runner: QueryRunner, table: string, index: string): Promise<boolean> {
  return (await indexedColumns(runner, table, index)).length > 0;
}

/** The columns of an index in order; none where there is no such index. */
async function indexedColumns(runner: QueryRunner, table: string, index: string) {
  const columns = await select<{ name: string }>(
    runner,
    isMysql(runner)
      ? `SELECT column_name AS name FROM information_schema.statistics ${whereTable(table)} AND index_name = '${index}' ORDER BY seq_in_index`
      : `SELECT name FROM pragma_index_info('${index}') ORDER BY seqno`,
  );
  return columns.map(({ name }) => name);
}

export function hasColumn(runner: QueryRunner, table: string, column: string): Promise<boolean> {
  return hasRows(
    runner,
    isMysql(runner)
      ? `SELECT 1 FROM information_schema.columns ${whereTable(table)} AND column_name = '${column}'`
      : `SELECT 1 FROM pragma_table_info('${table}') WHERE name = '${column}'`,
  );
}

/** Reads rows on the connection of the runner. */
export function select<Row>(runner: QueryRunner, sql: string): Promise<Row[]> {
  return runner.dataSource.query<Row[]>(sql, [], runner);
}

async function hasRows(runner: QueryRunner, sql: string): Promise<boolean> {
  return (await select(runner, sql)).length > 0;
}

function whereTable(table: string): string {
  return `WHERE table_schema = DATABASE() AND table_name = '${table}'`;
}

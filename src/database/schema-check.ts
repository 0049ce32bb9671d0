import type { DataSource, QueryRunner } from 'typeorm';

import type { Catalog, TableName } from './catalog.js';

/** The columns that a view must have. Tables have all, because migrations create them. */
const REQUIRED_OF_VIEWS: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'exports',
    [
      ...['id', 'organization_id', 'name', 'resource', 'status'],
      ...['count_total', 'created_at', 'updated_at'],
    ],
  ],
  ['export_files', ['export_id', 'kind', 'object_key']],
]);

/**
 * Throws an error that names each missing column, or the database's for what it lacks or denies.
 * `runner` is the connection; default: any.
 */
export async function checkSchema(
  source: DataSource,
  catalog: Catalog,
  tables: readonly TableName[],
  runner?: QueryRunner,
): Promise<void> {
  const problems: string[] = [];
  let isOfView = false;
  for (const { name, columns } of entityTables(source, tables)) {
    const table = catalog.get(name);
    // The statement below tells why a view has no columns: a table or a right is missing.
    if (table === undefined || table.columns.size === 0) continue;
    const required = table.isView ? (REQUIRED_OF_VIEWS.get(name) ?? columns) : columns;
    const missing = required.filter((column) => !table.columns.has(column));
    if (missing.length === 0) continue;
    isOfView ||= table.isView;
    problems.push(`the ${table.isView ? 'view' : 'table'} ${name} lacks ${missing.join(', ')}`);
  }
  if (problems.length > 0) {
    const code = isOfView ? 'MISSING_COLUMNS_OF_VIEW' : 'MISSING_COLUMNS';
    throw Object.assign(new Error(problems.join('; ')), { code });
  }
  await source.query(schemaCheckSql(source, catalog, tables), [], runner);
}

/** A statement that reads no row and fails without one of the tables or of the catalog's columns. */
export function schemaCheckSql(
  source: DataSource,
  catalog: Catalog,
  tables: readonly TableName[],
): string {
  const columns = entityTables(source, tables).flatMap(({ name, columns: own }) =>
    own
      .filter((column) => catalog.get(name)?.columns.has(column))
      .map((column) => `${name}.${column}`),
  );
  return `SELECT ${['1', ...columns].join(', ')} FROM ${tables.join(', ')} LIMIT 0`;
}

/** The columns of the entities whose tables are among `tables`. */
function entityTables({ entityMetadatas }: DataSource, tables: readonly TableName[]) {
  return tables.map((name) => ({
    name,
    columns: entityMetadatas
      .filter(({ tableName }) => tableName === name)
      .flatMap((entity) => entity.columns.map(({ databaseName }) => databaseName)),
  }));
}

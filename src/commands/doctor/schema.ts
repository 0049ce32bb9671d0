import type { TableName } from '../../database/catalog.js';
import type { Inspection } from '../../database/inspection.js';
import { ok, problem, warning, type Finding } from './finding.js';

export async function checkMigrations(
  { pendingMigrations: pending, schemaProblem }: Inspection,
  tables: readonly TableName[],
): Promise<Finding> {
  const obstacle = await schemaProblem(tables);
  const remedy = 'Run npm run migrate.';
  if (obstacle !== null) {
    return problem({
      message: `The gateway does not start: ${obstacle}.`,
      remedy,
      details: pending ?? [],
    });
  }
  if (pending === null) return ok('All columns are there. The user may not read the log.');
  if (pending.length === 0) return ok('All migrations have run.');
  const message = `Migrations that have not run: ${pending.length}. Their columns are there.`;
  return warning({ message, remedy, details: pending });
}

export async function checkIndexes({ catalog, indexStatements }: Inspection): Promise<Finding> {
  const missing = [...indexStatements].filter(([name, sql]) => {
    const table = catalog.get((/ ON (\w+)/.exec(sql)?.[1] ?? '') as TableName);
    return table !== undefined && !table.isView && !table.indexes.has(name);
  });
  if (missing.length === 0) return ok('Every index is in use.');
  return problem({
    message: `Indexes missing or disabled: ${missing.length}. Lists are slow.`,
    remedy: 'Run the statements, or make the indexes visible again.',
    details: missing.map(([, sql]) => `${sql};`),
  });
}

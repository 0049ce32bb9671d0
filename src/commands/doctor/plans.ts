import { ApiKeyRepository } from '../../auth/api-key-repository.js';
import type { Database } from '../../database/database.js';
import type { Inspection } from '../../database/inspection.js';
import { errorNumber } from '../../database/mysql-errors.js';
import {
  ExportOrderBy,
  ExportSortDirection,
  normalizeExportFilter,
} from '../../exports/export-filter.js';
import { ExportRepository } from '../../exports/export-repository.js';
import { ExportResource, ExportStatus, requiredColumns } from '../../exports/export.js';
import { ok, problem, warning, type Finding } from './finding.js';

/** Below this number, reading all rows is no slower than an index. */
const FEW_ROWS = 1_000;

/** EXPLAIN needs more privileges on a view than a query. */
const VIEW_NOT_EXPLAINED = 1345;

interface Shape {
  readonly name: string;
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** A requester and a day have few rows, so lists of them sort these. */
  readonly maySort: boolean;
}

/** Explains each statement that the gateway runs, for the organization of a random export. */
export async function checkPlans(inspection: Inspection): Promise<Finding> {
  const [example] = await inspection.query<Example>(
    'SELECT organization_id AS organization, id FROM exports LIMIT 1',
  );
  if (example === undefined) return ok('There are no exports yet: no statement can be slow.');
  const isLarge = await hasManyRows(inspection);
  const shapes = await statementShapes(inspection, example);
  const slow: string[] = [];
  try {
    for (const shape of isLarge ? shapes : []) {
      const fault = await explain(inspection, shape);
      if (fault !== null) slow.push(`${shape.name}: ${fault}`);
    }
  } catch (error) {
    if (errorNumber(error) !== VIEW_NOT_EXPLAINED) throw error;
    return warning({
      message: 'The user may not see how the server reads the views.',
      remedy:
        'Run the doctor as their owner, or grant SHOW VIEW on them and SELECT on their tables.',
    });
  }
  if (slow.length === 0) return ok(`All ${shapes.length} kinds of statements use an index.`);
  return problem({
    message: `Statements that read or sort more rows than they need: ${slow.length} of ${shapes.length}.`,
    remedy:
      'Create the missing indexes and run ANALYZE TABLE; for a view, see docs/adopting-your-tables.md.',
    details: slow,
  });
}

interface Example {
  readonly organization: string;
  readonly id: string;
}

async function hasManyRows({ query }: Inspection): Promise<boolean> {
  const [row] = await query<{ count: unknown }>(
    `SELECT COUNT(*) AS count FROM (SELECT 1 AS one FROM exports LIMIT ${FEW_ROWS}) some_rows`,
  );
  return Number(row?.count) >= FEW_ROWS;
}

/** Lets the repositories build their statements, and runs none of them. */
async function statementShapes(
  { catalog, kind }: Inspection,
  { organization, id }: Example,
): Promise<Shape[]> {
  const shapes: Shape[] = [];
  let name = '';
  let maySort = false;
  const database: Database = {
    catalog,
    async query(sql: string, parameters: readonly unknown[] = []) {
      shapes.push({ name, sql, parameters, maySort });
      return [];
    },
    // Without hints of indexes that are missing: another check reports those.
    indexHint(index) {
      if (catalog.get('exports')?.indexes.has(index) !== true) return '';
      return kind === 'embedded' ? `INDEXED BY ${index}` : `FORCE INDEX (${index})`;
    },
    currentTimeSql: 'NULL',
    poolStats: () => [],
    close: () => Promise.resolve(),
  };
  const exports = new ExportRepository(database, () => undefined);
  const origin = { organization, isAbandoned: false };
  const day = { gte: new Date('2037-01-01T00:00:00Z'), lt: new Date('2037-01-02T00:00:00Z') };
  const filters = {
    'no filter': {},
    'a resource': { resource: ExportResource.CONTACT },
    'a status': { statuses: [ExportStatus.FAILED] },
    'a search': { search: 'a' },
    'expired exports': { isExpired: true },
    'a day of creation': { createdAt: day },
    'a day of changes': { updatedAt: day },
  };
  const now = new Date();
  // A view may have no requesters.
  const hasRequesters = catalog.get('exports')?.columns.has('requested_by') === true;
  for (const onlyRequestedBy of hasRequesters ? [null, 'someone'] : [null]) {
    const scope = { organization, onlyRequestedBy };
    const suffix = onlyRequestedBy === null ? '' : ' of one requester';
    name = `look-up by id${suffix}`;
    await exports.findByIds({ ...origin, ...scope }, [id], requiredColumns);
    name = `files of an export${suffix}`;
    await exports.findFiles({ ...origin, ...scope }, [id]);
    for (const [with_, given] of Object.entries(filters)) {
      const filter = normalizeExportFilter(given);
      name = `count with ${with_}${suffix}`;
      await exports.count({ ...scope, filter, now }, origin);
      name = `count by resource and status with ${with_}${suffix}`;
      await exports.countGroups({ ...scope, filter, now }, origin);
      for (const [order, orderBy] of Object.entries(ExportOrderBy)) {
        const hasRange = filter.createdAt !== null || filter.updatedAt !== null;
        maySort = hasRange || (onlyRequestedBy !== null && orderBy !== ExportOrderBy.CREATED_AT);
        const value = orderBy.startsWith('count') ? 1 : '2026-01-01 00:00:00.000';
        const list = { ...scope, filter, now, orderBy, direction: ExportSortDirection.ASC };
        for (const window of [{}, { cursor: { value, id } }]) {
          name = `list by ${order} with ${with_}${'cursor' in window ? ', after a cursor' : ''}${suffix}`;
          await exports.list(list, { ...window, offset: 0, limit: 10 }, requiredColumns, origin);
        }
      }
      maySort = false;
    }
  }
  name = 'list of changes';
  // Few rows, as in each poll: of many, a server may rather read all.
  await exports.readChanges([{ organization, start: '2037-01-01 00:00:00.000' }]);
  name = 'look-up of an API key';
  await new ApiKeyRepository(database).findByHash('0'.repeat(64));
  return shapes;
}

interface PlanRow {
  readonly table: string | null;
  readonly type: string | null;
  readonly rows: unknown;
  readonly Extra: string | null;
  /** Of SQLite. */
  readonly detail?: string;
}

/** Where the statement reads a whole table or index, or sorts; null when it does not. */
async function explain(
  { kind, query }: Inspection,
  { name, sql, parameters, maySort }: Shape,
): Promise<string | null> {
  const prefix = kind === 'embedded' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN FORMAT=TRADITIONAL';
  const plan = await query<PlanRow>(`${prefix} ${sql}`, parameters);
  for (const { table, type, rows, Extra: extra, detail } of plan) {
    if (detail !== undefined) {
      if (/^SCAN (exports|e|f|api_keys)\b/.test(detail)) return detail;
      continue;
    }
    // A page that has been read is sorted once more.
    if (table === null || table.startsWith('<')) continue;
    // A look-up may go by the index of the organization, and read all of its rows.
    const readsAll = type === 'ALL' || type === 'index' || !/^(?:list|count)/.test(name);
    if (readsAll && Number(rows) >= FEW_ROWS) {
      return `reads about ${Number(rows)} rows of ${table}`;
    }
    if (!maySort && extra?.includes('filesort') === true && Number(rows) >= FEW_ROWS) {
      return `sorts ${table} (about ${Number(rows)} rows)`;
    }
  }
  return null;
}

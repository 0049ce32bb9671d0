import type { Inspection } from '../../database/inspection.js';
import { parseSqlDateTime } from '../../database/sql-datetime.js';
import { validRows, type InvalidRow } from '../../exports/export-row.js';
import {
  ExportStatus,
  exportColumns,
  type ExportColumn,
  type ExportRow,
} from '../../exports/export.js';
import { counted, MAX_DETAILS, ok, problem, warning, type Finding } from './finding.js';

const BATCH = 5_000;
/** Without --all; ids are random, so these are a sample. */
const MAX_ROWS = 100_000;
/** Longer than any pause between two updates of a worker. */
const STUCK_AFTER_MS = 60 * 60_000;
/** Clocks differ by less. */
const FUTURE_AFTER_MS = 60_000;

const timeColumns = new Set<ExportColumn>([
  'createdAt',
  'updatedAt',
  'startedAt',
  'completedAt',
  'expiresAt',
] as const);

const countColumns = ['countBatches', 'countTotal', 'countProcessed'] as const;

/** Reads exports as the gateway does, and finds those that it leaves out or that no worker updates. */
export async function checkRows(inspection: Inspection, isAll: boolean): Promise<Finding[]> {
  const invalid: InvalidRow[] = [];
  const stuck: ExportRow[] = [];
  const future: ExportRow[] = [];
  const negative: string[] = [];
  const now = Date.now();
  let count = 0;
  let isComplete = false;
  for (let after = ''; !isComplete && (isAll || count < MAX_ROWS);) {
    const rows = await readBatch(inspection, after);
    const valid = validRows(rows, columnsOf(inspection), (row) => invalid.push(row));
    for (const row of valid) {
      const { status, createdAt = '', updatedAt = '' } = row;
      if (parseSqlDateTime(createdAt).getTime() > now + FUTURE_AFTER_MS) future.push(row);
      const isStuck = parseSqlDateTime(updatedAt).getTime() < now - STUCK_AFTER_MS;
      if (status === ExportStatus.PROCESSING && isStuck) stuck.push(row);
      const column = countColumns.find((each) => Number(row[each]) < 0);
      if (column !== undefined) {
        negative.push(`${row.id}: ${exportColumns[column]} is ${row[column]}`);
      }
    }
    count += rows.length;
    isComplete = rows.length < BATCH;
    after = rows.at(-1)?.id ?? '';
  }
  const findings: Finding[] = [];
  if (invalid.length > 0) {
    findings.push(
      problem({
        message: `Left out, because a value breaks the contract of the table: ${counted(invalid.length, 'export')}.`,
        remedy: 'Correct the values: docs/writing-exports.md has the contract.',
        details: invalid
          .slice(0, MAX_DETAILS)
          .map(({ id, column }) => `${id}: ${exportColumns[column]}`),
      }),
    );
  }
  if (stuck.length > 0) {
    findings.push(
      warning({
        message: `PROCESSING without an update for more than an hour: ${counted(stuck.length, 'export')}.`,
        remedy: 'Let the worker end them as timed_out, and see why it stopped.',
        details: stuck
          .slice(0, MAX_DETAILS)
          .map(({ id, updatedAt }) => `${id}: updated at ${updatedAt}`),
      }),
    );
  }
  if (negative.length > 0) {
    findings.push(
      warning({
        message: `A count is negative: ${counted(negative.length, 'export')}.`,
        remedy: 'Write 0 while a count is not known.',
        details: negative.slice(0, MAX_DETAILS),
      }),
    );
  }
  if (future.length > 0) {
    findings.push(
      problem({
        message: `created_at lies in the future: ${counted(future.length, 'export')}.`,
        remedy: 'Write UTC, and check the clock and the time zone of the worker.',
        details: future
          .slice(0, MAX_DETAILS)
          .map(({ id, createdAt }) => `${id}: created at ${createdAt}`),
      }),
    );
  }
  if (findings.length > 0) return findings;
  const scope = isComplete ? 'All' : 'A sample of';
  return [ok(`${scope} ${counted(count, 'export')} can be shown.`)];
}

/** Every column that the table has: the rest reads as null or 0. */
function columnsOf({ catalog }: Inspection): ExportColumn[] {
  const columns = catalog.get('exports')?.columns;
  return (Object.keys(exportColumns) as ExportColumn[]).filter(
    (field) =>
      field !== ('organizationId' as string) && columns?.has(exportColumns[field]) === true,
  );
}

function readBatch(inspection: Inspection, after: string): Promise<RawRow[]> {
  const columns = columnsOf(inspection).map((field) => {
    const column = exportColumns[field];
    // As text, because drivers turn impossible times into valid ones.
    return `${timeColumns.has(field) ? `CAST(${column} AS CHAR)` : column} AS ${field}`;
  });
  return inspection.query<RawRow>(
    `SELECT ${columns.join(', ')} FROM exports WHERE id > ? ORDER BY id LIMIT ${BATCH}`,
    [after],
  );
}

type RawRow = { readonly id: string } & Readonly<Partial<Record<ExportColumn, unknown>>>;

import { toSqlDateTime } from '../database/sql-datetime.js';
import type { ExportDateRange } from './export-args.js';

/**
 * Times from `gte` on and before `lt`, as columns have them, but without the zeros at the end of a
 * fraction: as texts, they then compare with times of any precision. Null is no bound.
 */
export interface NormalizedDateRange {
  readonly gte: string | null;
  readonly lt: string | null;
}

/** The times that every column can hold. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const END_MS = Date.parse('+010000-01-01T00:00:00Z');

/** Null for a range that has every time, `empty` for one that has none. */
export function normalizeDateRange(
  range?: ExportDateRange | null,
): NormalizedDateRange | null | 'empty' {
  const gte = Math.max(range?.gte?.getTime() ?? FIRST_MS, FIRST_MS);
  const lt = Math.min(range?.lt?.getTime() ?? END_MS, END_MS);
  if (gte >= lt) return 'empty';
  if (gte === FIRST_MS && lt === END_MS) return null;
  return {
    gte: gte === FIRST_MS ? null : boundText(gte),
    lt: lt === END_MS ? null : boundText(lt),
  };
}

function boundText(ms: number): string {
  return toSqlDateTime(new Date(ms)).replace(/\.?0+$/, '');
}

/** Whether a range has a time as the database returns it. */
export function isWithin(range: NormalizedDateRange | null, time = ''): boolean {
  const { gte = null, lt = null } = range ?? {};
  return (gte === null || time >= gte) && (lt === null || time < lt);
}

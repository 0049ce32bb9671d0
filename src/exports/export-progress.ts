import { parseSqlDateTime } from '../database/sql-datetime.js';
import { ExportStatus, type ExportRow } from './export.js';

const MAX_AHEAD_MS = 365 * 86_400_000;

/** The share of the records that are processed, from 0 to 1; null while their number is not known. */
export function progressOf({
  status,
  countProcessed = 0,
  countTotal = 0,
}: ExportRow): number | null {
  if (status === ExportStatus.COMPLETED) return 1;
  if (countTotal <= 0) return null;
  return Math.min(Math.max(countProcessed / countTotal, 0), 1);
}

/**
 * When an export will be completed if it goes on at its pace so far. Null when nothing can be said:
 * it is not processing, shows no progress, or the time has passed or is more than a year ahead.
 */
export function estimateCompletion(row: ExportRow, now: Date): Date | null {
  const { status, startedAt, updatedAt } = row;
  if (status !== ExportStatus.PROCESSING || startedAt == null || updatedAt == null) return null;
  const progress = progressOf(row);
  if (progress === null || progress === 0) return null;
  const updated = parseSqlDateTime(updatedAt).getTime();
  const elapsed = updated - parseSqlDateTime(startedAt).getTime();
  const estimate = updated + (elapsed * (1 - progress)) / progress;
  const ahead = estimate - now.getTime();
  return ahead < 0 || ahead > MAX_AHEAD_MS ? null : new Date(estimate);
}

import { createHash } from 'node:crypto';

import { parseSqlDateTime } from '../database/sql-datetime.js';
import { BadUserInputError } from '../errors.js';
import { ExportOrderBy, type NormalizedExportFilter, type SortDirection } from './export-args.js';
import type { ExportColumn, ExportRow } from './export.js';

/** What a cursor is bound to: it means nothing in a list of another kind. */
export interface CursorScope {
  readonly organization: string;
  readonly conditions: NormalizedExportFilter;
  readonly orderBy: ExportOrderBy;
  readonly direction: SortDirection;
}

/** A place in an ordered list: behind the export with this value in the ordered column and this id. */
export interface CursorPosition {
  readonly value: Date | number;
  readonly id: string;
}

const TAG_BYTES = 12;

/** The field that a list is ordered by: its value is part of a cursor. */
export const orderByFields = {
  [ExportOrderBy.CREATED_AT]: 'createdAt',
  [ExportOrderBy.UPDATED_AT]: 'updatedAt',
  [ExportOrderBy.COUNT_BATCHES]: 'countBatches',
  [ExportOrderBy.COUNT_TOTAL]: 'countTotal',
} as const satisfies Record<ExportOrderBy, ExportColumn>;

/** The cursor of the place behind `row` in the list: base64url of a tag and of `value:id`. */
export function encodeCursor(row: ExportRow, list: CursorScope): string {
  const value = row[orderByFields[list.orderBy]];
  if (value === undefined) throw new Error(`${list.orderBy} was not read`);
  const number = typeof value === 'number' ? value : parseSqlDateTime(value).getTime();
  const position = Buffer.from(`${number}:${row.id}`);
  return Buffer.concat([checksum(position, list), position]).toString('base64url');
}

/** The place a cursor stands for. Throws BadUserInputError when it is not a cursor of this very list. */
export function decodeCursor(cursor: string, list: CursorScope): CursorPosition {
  const bytes = Buffer.from(cursor, 'base64url');
  const position = bytes.subarray(TAG_BYTES);
  const valid =
    bytes.toString('base64url') === cursor &&
    bytes.subarray(0, TAG_BYTES).equals(checksum(position, list));
  // The tag can be forged, so the position is held to its form as well.
  const parts = /^(-?\d{1,15}):([\x21-\x7e]{1,26})$/.exec(position.toString('latin1'));
  const value = valid && parts !== null ? columnValue(Number(parts[1]), list.orderBy) : null;
  if (value === null) {
    throw new BadUserInputError(
      'after',
      'must be an endCursor of an earlier answer with the same filter, orderBy and direction.',
    );
  }
  return { value, id: parts?.[2] ?? '' };
}

/** A number of a cursor as the value of the ordered column; null when the column cannot hold it. */
function columnValue(number: number, orderBy: ExportOrderBy): Date | number | null {
  if (orderBy !== ExportOrderBy.CREATED_AT && orderBy !== ExportOrderBy.UPDATED_AT) return number;
  const date = new Date(number);
  const year = date.getUTCFullYear();
  return year >= 0 && year <= 9999 ? date : null;
}

/**
 * Ties a position to its list, so that a cursor of another list, or an altered one, is told from a good one. It needs
 * no secret: whoever forges it gets no more than another place in the list he may read anyway.
 */
function checksum(
  position: Buffer,
  { organization, conditions, orderBy, direction }: CursorScope,
): Buffer {
  const { resource, statuses, search } = conditions;
  return createHash('sha256')
    .update(JSON.stringify([organization, resource, statuses, search, orderBy, direction]))
    .update('\0')
    .update(position)
    .digest()
    .subarray(0, TAG_BYTES);
}

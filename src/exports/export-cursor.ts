import { createHash } from 'node:crypto';

import { parseSqlDateTime, toSqlDateTime } from '../database/sql-datetime.js';
import { BadUserInputError } from '../errors.js';
import type { ExportList } from './export-filter.js';
import { isExportId, type ExportRow } from './export.js';

/** A position in a list: the row with this id and value of the ordered field. */
export interface CursorPosition {
  readonly value: string | number;
  readonly id: string;
}

const CHECKSUM_BYTES = 12;

/** Returns the cursor of a row, which must include the field of the order. */
export function encodeCursor(row: ExportRow, list: ExportList): string {
  const value = row[list.orderBy];
  if (value === undefined) throw new Error(`The row was read without ${list.orderBy}.`);
  if (typeof value === 'number') return toCursor(`${value}:${row.id}`, list);
  // A column of another system may have microseconds.
  const micros = value.length > 23 ? `.${value.slice(23).padEnd(3, '0')}` : '';
  return toCursor(`${parseSqlDateTime(value).getTime()}${micros}:${row.id}`, list);
}

/** Throws BadUserInputError unless the argument's cursor is intact and belongs to this list. */
export function decodeCursor(
  cursor: string,
  list: ExportList,
  argument: 'after' | 'before',
): CursorPosition {
  const position = Buffer.from(cursor, 'base64url').toString('latin1', CHECKSUM_BYTES);
  const [, digits, micros = '', id = ''] = /^(-?\d{1,15})(\.\d{3})?:(.*)$/s.exec(position) ?? [];
  const number = Number(digits);
  // A client can compute the checksum, so the position is validated, too. A DATETIME column holds
  // the years up to 9999, whose milliseconds exceed every count. Without a match, the year is NaN.
  const year = new Date(number).getUTCFullYear();
  const isTime = list.orderBy === 'createdAt' || list.orderBy === 'updatedAt';
  const isValue = year >= 0 && year <= 9999 && (isTime || micros === '');
  if (!isValue || !isExportId(id) || toCursor(position, list) !== cursor) {
    throw new BadUserInputError(
      argument,
      'must be a cursor of an earlier response with the same filter, orderBy and direction.',
    );
  }
  return { value: isTime ? toSqlDateTime(new Date(number)) + micros.slice(1) : number, id };
}

/** The checksum binds a position to its list. It needs no secret (see docs/architecture.md). */
function toCursor(position: string, list: ExportList): string {
  const { organization, onlyRequestedBy, filter, orderBy, direction } = list;
  const scope = [organization, onlyRequestedBy];
  const bound = JSON.stringify([...scope, filter, orderBy, direction, position]);
  const checksum = createHash('sha256').update(bound).digest().subarray(0, CHECKSUM_BYTES);
  return Buffer.concat([checksum, Buffer.from(position)]).toString('base64url');
}

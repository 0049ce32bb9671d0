import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';

import { validRows, type InvalidRow } from '../../src/exports/export-row.js';
import type { ExportColumn } from '../../src/exports/export.js';

/** Reads rows of an id and one more column. */
function read(column: ExportColumn, ...stored: unknown[]) {
  const invalid: InvalidRow[] = [];
  const rows = stored.map((value, index) => ({ id: `row_${index}`, [column]: value }));
  const valid = validRows(rows, ['id', column], (row) => invalid.push(row));
  return { values: valid.map((row) => row[column]), invalid };
}

const [time, zero] = ['2026-11-02 12:30:00.123', '0000-00-00 00:00:00.000'];

describe('the rows of exports', () => {
  it.each<[ExportColumn, unknown, unknown]>([
    ['id', 42, '42'],
    ['id', 2n ** 60n, String(2n ** 60n)],
    ['name', '', ''],
    ['resource', 'contact', 'contact'],
    ['resource', 'invoices', 'other'],
    ['status', 'timed_out', 'timed_out'],
    ['countTotal', 2_147_483_647, 2_147_483_647],
    ['countTotal', -2_147_483_648, -2_147_483_648],
    ['countTotal', '12', 12],
    ['countProcessed', 2_147_483_647, 2_147_483_647],
    ['failureReason', null, null],
    ['failureCode', 42, '42'],
    ['failureCode', null, null],
    ['createdAt', time, time],
    ['createdAt', '2024-02-29 00:00:00', '2024-02-29 00:00:00'],
    ['createdAt', '0001-01-01 00:00:00.000', '0001-01-01 00:00:00.000'],
    ['expiresAt', null, null],
    ['expiresAt', zero, null],
    ['startedAt', time, time],
  ])('have the %s %p as %p', (column, stored, value) => {
    expect(read(column, stored)).toEqual({ values: [value], invalid: [] });
  });

  it.each<[ExportColumn, unknown]>([
    ['name', null],
    ['resource', null],
    ['status', 'archived'],
    ['status', 'COMPLETED'],
    ['status', null],
    ['countTotal', 2_147_483_648],
    ['countBatches', '1.5'],
    ['countBatches', null],
    ['countProcessed', 2_147_483_648],
    ['countProcessed', null],
    ['failureCode', Buffer.from('E42')],
    ['createdAt', zero],
    ['createdAt', null],
    ['createdAt', '2026-00-10 00:00:00.000'],
    ['updatedAt', '2026-02-29 00:00:00.000'],
    ['updatedAt', 'yesterday'],
    ['updatedAt', '2026-01-01 24:00:00.000'],
    ['updatedAt', '2026-01-01 10:60:00.000'],
    ['updatedAt', '2026-01-01 10:00:99.000'],
    ['updatedAt', '2026-01-01'],
    ['expiresAt', '2026-06-31 00:00:00.000'],
  ])('are left out and reported with the %s %p', (column, stored) => {
    const { values, invalid } = read(column, stored);
    expect([values, invalid]).toEqual([[], [{ id: 'row_0', column }]]);
  });

  it.each(['', 'a b', 'exp_1 ', 'exp_1\n', 'é', '\u007f', 'x'.repeat(65), null])(
    'are left out with the id %j, which no cursor can hold',
    (id) => {
      const invalid: InvalidRow[] = [];
      const rows = [{ id }, { id: '!~' }, { id: 'x'.repeat(64) }];
      const valid = validRows(rows, ['id'], (row) => invalid.push(row));
      expect(valid).toEqual(rows.slice(1));
      expect(invalid).toEqual([{ id: String(id), column: 'id' }]);
    },
  );

  it('keep their order and identity around an invalid one', () => {
    const rows = ['completed', 'archived', 'failed'].map((status) => ({ id: status, status }));
    const valid = validRows(rows, ['id', 'status'], () => {});
    expect(valid[0]).toBe(rows[0]);
    expect(valid).toEqual([rows[0], rows[2]]);
  });
});

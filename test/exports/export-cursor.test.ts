import 'reflect-metadata';

import { createHash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { decodeCursor, encodeCursor } from '../../src/exports/export-cursor.js';
import {
  normalizeExportFilter,
  ExportSortDirection,
  type ExportList,
} from '../../src/exports/export-filter.js';
import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { exportId } from '../support/rows.js';
import { chronological } from './lists.js';

const { COMPLETED, FAILED } = ExportStatus;
const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function listWith(changes: Partial<ExportList>, filter = {}): ExportList {
  const scope = { organization: 'org_demo', onlyRequestedBy: null };
  return { ...scope, filter: normalizeExportFilter(filter), ...chronological, ...changes };
}
const byTime = listWith({});
const byCount = listWith({ orderBy: 'countBatches' });
const row = { id: exportId(4), createdAt: '2026-11-01 00:04:00.123', countBatches: -2 };
const valid = encodeCursor(row, byTime);

/** Makes a cursor of any position with a valid checksum. */
function forge(position: string, list: ExportList) {
  const { organization, onlyRequestedBy, filter, orderBy, direction } = list;
  const scope = [organization, onlyRequestedBy];
  const bound = JSON.stringify([...scope, filter, orderBy, direction, position]);
  const checksum = createHash('sha256').update(bound).digest().subarray(0, 12);
  return Buffer.concat([checksum, Buffer.from(position, 'latin1')]).toString('base64url');
}

/** Returns those of the cursors that a list accepts; it must reject the others as bad input. */
function accepted(cursors: readonly string[], list: ExportList): string[] {
  return cursors.filter((cursor) => {
    try {
      decodeCursor(cursor, list, 'after');
      return true;
    } catch (error) {
      const message = expect.stringMatching(/^after must be a cursor of an earlier response/);
      expect(error).toMatchObject({ message, extensions: { code: 'BAD_USER_INPUT' } });
      return false;
    }
  });
}

describe('a cursor', () => {
  it.each([
    ...['1000-01-01 00:00:00.000', '1969-12-31 23:59:59.999', '9999-12-31 23:59:59.999'],
    ...['2026-11-01 00:04:00.123456', '1969-12-31 23:59:59.999001'],
    ...[-2_147_483_648, -1, 0, 1, 2_147_483_647],
  ])('leads back to its row for the value %s', (value) => {
    const isNumber = typeof value === 'number';
    for (const list of isNumber ? [byCount] : [byTime, listWith({ orderBy: 'updatedAt' })]) {
      const cursor = encodeCursor({ id: row.id, [list.orderBy]: value }, list);
      expect(decodeCursor(cursor, list, 'after')).toEqual({ id: row.id, value });
    }
  });

  it('is opaque, safe in a URL and without the name of its organization', () => {
    expect(valid).toMatch(/^[\w-]+$/);
    expect(Buffer.from(valid, 'base64url').toString('latin1')).not.toContain('org_');
  });

  it('needs a row with the field that the list is ordered by', () => {
    expect(() => encodeCursor({ id: row.id }, byTime)).toThrow('read without createdAt');
  });

  it('belongs to all filters with the same meaning', () => {
    const cursor = encodeCursor(row, listWith({}, { statuses: [COMPLETED, FAILED] }));
    const same = listWith({}, { statuses: [FAILED, COMPLETED, FAILED], search: '' });
    expect(accepted([cursor], same)).toEqual([cursor]);
  });

  it('belongs to no other filter, order, direction, organization or requester', () => {
    const lists = [
      ...[byTime, byCount, listWith({ orderBy: 'updatedAt' }), listWith({ orderBy: 'countTotal' })],
      ...[
        listWith({ direction: ExportSortDirection.DESC }),
        listWith({ organization: 'org_other' }),
      ],
      ...[listWith({ onlyRequestedBy: 'ann' }), listWith({ onlyRequestedBy: 'ann ' })],
      ...[
        ...[{ resource: ExportResource.CONTACT }, { search: 'contact' }, { search: 'e' }],
        ...[{ search: 'E' }, { statuses: [COMPLETED] }, { statuses: [COMPLETED, FAILED] }],
      ].map((filter) => listWith({}, filter)),
    ];
    const complete = { ...row, updatedAt: row.createdAt, countTotal: row.countBatches };
    const cursors = lists.map((list) => encodeCursor(complete, list));
    expect(lists.map((list) => accepted(cursors, list))).toEqual(cursors.map((cursor) => [cursor]));
  });

  it('can be forged, because its checksum needs no secret', () => {
    expect(forge(`${Date.UTC(2026, 10, 1, 0, 4, 0, 123)}:${row.id}`, byTime)).toBe(valid);
  });

  it.each([
    { digits: '253402300799999', value: '9999-12-31 23:59:59.999' },
    { digits: '-62135596800000', value: '0001-01-01 00:00:00.000' },
    { digits: '-62167219200000', value: '0000-01-01 00:00:00.000' },
    { digits: '0000000000000', value: '1970-01-01 00:00:00.000' },
    { digits: '-0000000000001', value: '1969-12-31 23:59:59.999' },
  ])('that is forged with the time $digits leads to $value', ({ digits, value }) => {
    const cursor = forge(`${digits}:exp_1`, byTime);
    expect(decodeCursor(cursor, byTime, 'before')).toEqual({ value, id: 'exp_1' });
  });
});

const texts = [
  ...['A', 'z', '0', '_', 'AA', '=', '==', ' ', '\n', '.', '%', '🎉', '\ufeff', '\0', '\ud800'],
  ...['\udc00', '\\', '"', "' OR 1=1 -- ", '../../x', valid],
];
const cursorsByDefect = {
  'with other or more characters anywhere': Array.from(`${valid} `).flatMap((_, at) =>
    texts
      .flatMap((text) => [0, 1].map((cut) => valid.slice(0, at) + text + valid.slice(at + cut)))
      .filter((cursor) => cursor !== valid),
  ),
  // Decoders of base64 may ignore some of its bits.
  'with another last character': Array.from(base64url, (last) => valid.slice(0, -1) + last).filter(
    (cursor) => cursor !== valid,
  ),
  'that is cut': Array.from(valid, (_, at) => [valid.slice(0, at), valid.slice(at + 1)]).flat(),
  'in another notation': [valid.toLowerCase(), valid.toUpperCase(), `"${valid}"`, `${valid}%3D`],
  'in ordinary base64': Array.from({ length: 20 }, (_, countBatches) =>
    encodeCursor({ ...row, countBatches }, byCount),
  )
    .filter((cursor) => /[-_]/.test(cursor))
    .map((cursor) => cursor.replaceAll('-', '+').replaceAll('_', '/')),
  'that never was one': ['', ' ', 'A', 'A'.repeat(16), 'A'.repeat(100_000), '0', '__proto__'],
};
const forgedPositions = {
  'without a value or an id': ['', ':', '1', '1:', ':exp_1', 'exp_1', 'null', '{', '[1,"exp_1"]'],
  'with a value that is no integer': [
    ...['x', '1.5', '1e3', '+1', ' 1', '1 ', '--1', '0x10', 'NaN', 'Infinity', '1n', '1_0', '١'],
    ...['1.1234', '1.12', '1.', '1.123.456', '.123'],
    ...["1' OR 1=1", "'1'", '(SELECT 1)', '2026-11-01', '2026-11-01T00:00:00.000Z', '1\n', '\x001'],
  ].map((value) => `${value}:exp_1`),
  'with a value that no column holds': [
    ...['253402300800000', '999999999999999', '8640000000000000', '8640000000000001'],
    ...['-62167219200001', '-999999999999999', '-8640000000000001', '9007199254740991'],
    ...['99999999999999999999', '-99999999999999999999', '9'.repeat(400)],
  ].map((value) => `${value}:exp_1`),
  'with an id that no column holds': [
    ...[
      'x'.repeat(65),
      'x'.repeat(10_000),
      ' exp_1',
      'exp_1 ',
      'exp 1',
      'exp_1\n',
      '\0',
      'exp_1\0',
    ],
    ...['é', 'exp_\xe9', '🎉', '\xc3(', "' OR 1=1 -- "],
  ].map((id) => `1:${id}`),
};

describe('a list rejects a cursor', () => {
  it.each(Object.entries(cursorsByDefect))('%s', (_, cursors) => {
    expect(cursors).not.toEqual([]);
    for (const list of [byTime, byCount]) expect(accepted(cursors, list)).toEqual([]);
  });

  it.each(Object.entries(forgedPositions))('that is forged %s', (_, positions) => {
    for (const list of [byTime, byCount]) {
      const cursors = positions.map((position) => forge(position, list));
      expect(accepted(cursors, list)).toEqual([]);
    }
  });
});

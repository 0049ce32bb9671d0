import { describe, expect, it } from '@jest/globals';

import { formatSql } from '../../src/database/sql-format.js';
import { describeWith } from '../support/describe-with.js';
import { createTestDatabase } from '../support/test-database.js';

const texts = [
  ...['', 'org_demo', '2026-11-26 10:00:00.000', 'a b', "'", '"', '\\', "\\'", '?', '\n', '\0'],
  ...['%', '😀', 'é', 'Ⰰ', ' FORCE INDEX (x)', '\u2028', '*/', '/*', '--', '#', '`', '\u001a'],
];

describe('formatSql', () => {
  it.each([
    ['org_1', "_utf8mb4'org_1'"],
    ["o'", "_utf8mb4 x'6f27'"],
    [-1.5, '-1.5'],
    [12n, '12'],
    [true, 'true'],
    [null, 'NULL'],
    [new Date(1), "_utf8mb4'1970-01-01 00:00:00.001'"],
  ])('writes %p as %s', (value, literal) => {
    expect(formatSql('SELECT ?, ?', [value, 1])).toBe(`SELECT ${literal}, 1`);
  });

  it.each(texts)('keeps quotes, backslashes and hints out of the statement: %j', (text) => {
    expect(formatSql('?', [text])).toMatch(/^_utf8mb4('[\w:. -]*'| x'[0-9a-f]*')$/);
  });

  it.each([[[1, 2]], [[Number.NaN]], [[undefined]], [[Buffer.from('a')]], [[{}]]])(
    'rejects the values %j of one placeholder',
    (values) => {
      expect(() => formatSql('?', values)).toThrow(TypeError);
    },
  );
});

describeWith('mysql', 'a MySQL server', () => {
  it('reads each text as it is', async () => {
    const database = await createTestDatabase();
    const columns = texts.map((_, index) => `HEX(?) AS c${index}`);
    const [row] = await database.query<object>(formatSql(`SELECT ${columns.join(', ')}`, texts));
    await database.drop();
    expect(Object.values(row ?? {})).toEqual(
      texts.map((text) => Buffer.from(text).toString('hex').toUpperCase()),
    );
  });
});

import 'reflect-metadata';

import { gzipSync } from 'node:zlib';

import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../../src/exports/export-file.js';
import { readPreviewTable } from '../../../src/exports/preview/preview-table.js';
import { ExportFilePreview } from '../../../src/exports/preview/export-preview.js';

const { CSV, JSON: JSON_KIND } = ExportFileKind;
const MAX_BYTES = 256 * 1024;

/** `columns: a,b` and `rows: 1,2` as the texts of lists; `cut` counts the bytes that are read. */
type Case = readonly [
  name: string,
  content: string | Buffer,
  expected: { columns: readonly string[]; rows: readonly (readonly (string | null)[])[] } | null,
  isTruncated?: boolean,
];

async function previewOf(kind: ExportFileKind, content: string | Buffer, rows = 50) {
  const all = Buffer.from(content);
  const bytes = all.subarray(0, MAX_BYTES);
  const table = await readPreviewTable(kind, { bytes, isWhole: bytes.length === all.length });
  return table && new ExportFilePreview(table, rows);
}

const table = (columns: readonly string[], ...rows: (string | null)[][]) => ({ columns, rows });
const ab = (...rows: (string | null)[][]) => table(['a', 'b'], ...rows);
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const numbered = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const long = 'x'.repeat(MAX_BYTES);
const shortened = `${'x'.repeat(1_000)}…`;

const csvCases: readonly Case[] = [
  ['quotes', 'a,b\n"1 ""2""","3,4"\n', ab(['1 "2"', '3,4'])],
  ['line breaks in cells', 'a,b\r\n"1\r\n2","3\n4"\r\n', ab(['1\r\n2', '3\n4'])],
  ['a byte order mark', '\ufeffa,b\n1,2', ab(['1', '2'])],
  ['semicolons', 'a;b\n1,5;2\n', ab(['1,5', '2'])],
  ['tabs', 'a\tb\n1,5\t2\n', ab(['1,5', '2'])],
  ['bars', 'a|b\n1,5|2\n', ab(['1,5', '2'])],
  ['commas beside semicolons in quotes', '"a;;;",b\n1,2', table(['a;;;', 'b'], ['1', '2'])],
  ['line ends of CR alone', 'a,b\r1,2\r3,4\r', ab(['1', '2'], ['3', '4'])],
  ['UTF-16 LE', Buffer.from('\ufeffa,b\nZoë,表', 'utf16le'), ab(['Zoë', '表'])],
  ['UTF-16 BE', utf16be('\ufeffa,b\nZoë,表'), ab(['Zoë', '表'])],
  ['UTF-16 LE without a mark', Buffer.from('a,b\nZoë,2', 'utf16le'), ab(['Zoë', '2'])],
  ['UTF-16 BE without a mark', utf16be('a,b\nZoë,2'), ab(['Zoë', '2'])],
  ['invalid UTF-8', Buffer.from('a,b\nZo\xeb,2\n', 'latin1'), ab(['Zo\ufffd', '2'])],
  ['a zero byte', 'a,b\n1\0,second\n', ab(['1\0', 'second'])],
  ['rows of different lengths', 'a,b\n1\n1,2,3\n', table(['a', 'b', ''], ['1', null, null], ['1', '2', '3'])], // prettier-ignore
  ['equal column names', 'a,a\n1,2', table(['a', 'a'], ['1', '2'])],
  ['empty cells and empty lines', 'a,b\n\n,\n\n1,\n\n', ab(['', ''], ['1', ''])],
  ['a header alone', 'a,b\n', ab()],
  ['nothing', '', table([])],
  ['a mark alone', '\ufeff', table([])],
  ['a quote that is never closed', 'a,b\n1,2\n3,"4\n5,6\n', ab(['1', '2'], ['3', '4\n5,6\n'])],
  ['quotes in the middle of cells', 'a,b\n1"2,"3"4\n', ab(['1"2', '"3"4'])],
  ['300 columns', `${numbered(300, 'c').join()}\n${numbered(300, '').join()}\n`, table(numbered(300, 'c'), numbered(300, ''))], // prettier-ignore
  ['1,001 columns', `${numbered(1_001, 'c').join()}\n${numbered(1_001, '').join()}\n`, table(numbered(1_000, 'c'), numbered(1_000, '')), true], // prettier-ignore
  ['50 rows', `a\n${numbered(50, '').join('\n')}`, table(['a'], ...numbered(50, '').map((cell) => [cell]))], // prettier-ignore
  ['51 rows', `a\n${numbered(51, '').join('\n')}`, table(['a'], ...numbered(50, '').map((cell) => [cell])), true], // prettier-ignore
  ['a cell of 1,000 characters', `a\n${'x'.repeat(1_000)}`, table(['a'], ['x'.repeat(1_000)])],
  ['a cell of 1,001 characters', `a\n${'x'.repeat(1_001)}`, table(['a'], [shortened])],
  ['a surrogate pair at the cut', `a\n${'x'.repeat(999)}🎉x`, table(['a'], [`${'x'.repeat(999)}…`])], // prettier-ignore
  ['a row that is cut', `a,b\n1,2\n3,${long}`, ab(['1', '2']), true],
  ['a first row that is cut', `a,b\n1,${long}`, ab(['1', shortened]), true],
  ['a first row that is cut in quotes', `a,b\n1,"${long}"`, ab(['1', shortened]), true],
  ['a first row that is cut behind a comma', `a,b\n${'y'.repeat(MAX_BYTES - 5)},2`, ab([`${'y'.repeat(1_000)}…`, '…']), true], // prettier-ignore
  ['a header that is cut', `a,${long}`, table(['a', shortened]), true],
  ['a character that is cut', `a,b\n${'y'.repeat(MAX_BYTES - 6)},é`, ab([`${'y'.repeat(1_000)}…`, '…']), true], // prettier-ignore
  ['commas alone', ','.repeat(2 * MAX_BYTES), table(numbered(1_000, '').map(() => '')), true],
  ['quotes alone', '"'.repeat(2 * MAX_BYTES), table([`${'"'.repeat(1_000)}…`]), true],
  ['JSON', '[{"a":1}]', table(['[{"a":1}]'])],
  ['HTML', '<!DOCTYPE html>\n<p>1</p>\n', table(['<!DOCTYPE html>'], ['<p>1</p>'])],
  ['gzip', gzipSync('a,b\n1,2\n'.repeat(1_000)), null],
  ['binary data', Buffer.from(numbered(4_000, '').map((_, index) => (index * 7919) % 256)), null],
];

const jsonCases: readonly Case[] = [
  ['objects', '[{"a":"1","b":2.50},{"b":true}]', ab(['1', '2.50'], [null, 'true'])],
  ['numbers beyond the precision of JavaScript', '[{"a":12345678901234567890,"b":1e400}]', ab(['12345678901234567890', '1e400'])], // prettier-ignore
  ['nested values', '[{"a":[1, {"x" :\n null}],"b":{}}]', ab(['[1,{"x":null}]', '{}'])],
  ['null', '[{"a":null,"b":""}]', ab([null, ''])],
  ['NaN, which is not JSON', '[{"a":NaN,"b":1}]', ab(['NaN', '1'])],
  ['escapes', '[{"a":"\\u00e9\\n\\"","b":"\\ud83d\\ude00"}]', ab(['é\n"', '😀'])],
  ['columns in order of appearance', '[{"b":1},{"a":2,"b":3}]', table(['b', 'a'], ['1', null], ['3', '2'])], // prettier-ignore
  ['equal keys', '[{"a":1,"a":2,"b":3}]', ab(['2', '3'])],
  ['the key __proto__', '[{"__proto__":1}]', table(['__proto__'], ['1'])],
  ['empty objects', '[{},{"a":1,"b":2}]', ab([null, null], ['1', '2'])],
  ['scalars', '[1,"x",null,[2]]', table([''], ['1'], ['x'], [null], ['[2]'])],
  ['scalars beside objects', '[{"a":1},2]', table(['a', ''], ['1', null], [null, '2'])],
  ['an object alone', '{"a":1,"b":2}', ab(['1', '2'])],
  ['JSON Lines', '{"a":1,"b":2}\n{"a":3}\n', ab(['1', '2'], ['3', null])],
  ['a byte order mark', '\ufeff[{"a":1,"b":2}]', ab(['1', '2'])],
  ['UTF-16', Buffer.from('\ufeff[{"a":"表","b":2}]', 'utf16le'), ab(['表', '2'])],
  ['an empty array', '[]', table([])],
  ['nothing', '', table([])],
  ['an array that does not end', '[{"a":1,"b":2},', ab(['1', '2']), true],
  ['an object that does not end', '[{"a":1,"b":2},{"a":3', ab(['1', '2']), true],
  ['a first object that does not end', '[{"a":1,"b":"2', ab(['1', '2…']), true],
  ['a nested value that does not end', '[{"a":1,"b":{"x":[2', ab(['1', '{"x":[2…']), true],
  ['a value that is missing', '[{"a":1,"b":},{"a":2}]', table(['a'], ['1'], ['2'])],
  ['a break', '[{"a":1,"b":2} oops {"a":3}]', ab(['1', '2']), true],
  ['an object that is cut', `[{"a":1,"b":2},{"a":"${long}"}]`, ab(['1', '2']), true],
  ['a first object that is cut', `[{"a":1,"b":"${long}"}]`, ab(['1', shortened]), true],
  ['a long nested value', `[{"a":1,"b":["${long.slice(9)}`, ab(['1', `["${'x'.repeat(998)}…`]), true], // prettier-ignore
  ['51 elements', `[${numbered(51, '').join()}]`, table([''], ...numbered(50, '').map((cell) => [cell])), true], // prettier-ignore
  ['1,001 keys', JSON.stringify([Object.fromEntries(numbered(1_001, 'k').map((key) => [key, '1']))]), table(numbered(1_000, 'k'), numbered(1_000, '').map(() => '1')), true], // prettier-ignore
  ['nesting without end', '['.repeat(MAX_BYTES), table([''], [`${'['.repeat(1_000)}…`]), true],
  ['objects without end', '{"a":'.repeat(MAX_BYTES), table(['a'], [`${'{"a":'.repeat(200)}…`]), true], // prettier-ignore
  ['CSV', 'a,b\n1,2\n', null],
  ['HTML', '<!DOCTYPE html><p>1</p>', null],
  ['gzip', gzipSync('[{"a":1}]'.repeat(1_000)), null],
  ['a closing bracket', ']', null],
];

describe.each([
  ['CSV', CSV, csvCases],
  ['JSON', JSON_KIND, jsonCases],
] as const)('the preview of a file of %s', (_name, kind, cases) => {
  it.each(cases)('with %s', async (_case, content, expected, isTruncated = false) => {
    expect(await previewOf(kind, content)).toEqual(expected && { ...expected, isTruncated });
  });
});

it('the preview of fewer rows of JSON has the columns of these', async () => {
  const content = '[{"a":1},{"b":2}]';
  expect(await previewOf(JSON_KIND, content, 1)).toEqual({
    ...table(['a'], ['1']),
    isTruncated: true,
  });
});

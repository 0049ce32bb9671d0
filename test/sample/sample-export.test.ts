import 'reflect-metadata';

import { hash } from 'node:crypto';

import { expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { isFormula } from '../../src/sample/formula-injection.js';
import { createSampleGenerator } from '../../src/sample/sample-export.js';

const { COMPLETED, FAILED, PROCESSING, QUEUED, TIMED_OUT } = ExportStatus;
const { JSON: DATA, CSV, CSV_ERROR, CSV_SANITIZED } = ExportFileKind;
const now = new Date('2026-11-24T10:11:12.345Z');
const DAY = 86_400_000;

/** The rows of a file; values of JSON become text, so that they compare with those of CSV. */
function parseFile(kind: ExportFileKind, content: Buffer): Record<string, string>[] {
  const options = { bom: true, columns: true as const, record_delimiter: ['\r\n', '\n', '\r'] };
  if (kind !== DATA) return parse(content, options);
  const rows = JSON.parse(content.toString()) as Record<string, string | number | null>[];
  const toText = (row: (typeof rows)[number]) =>
    Object.entries(row).map(([column, cell]) => [column, String(cell ?? '')] as const);
  return rows.map((row) => Object.fromEntries(toText(row)));
}

const generate = createSampleGenerator('any', now);
const samples = Array.from({ length: 250 }, (_, index) => {
  const { row, files: generated } = generate(index);
  const own = generated.map((file) => ({ ...file, rows: parseFile(file.kind, file.content) }));
  const rowsOf = (kind: ExportFileKind) => own.find((file) => file.kind === kind)?.rows ?? [];
  const kinds = String(own.map(({ kind }) => kind).sort());
  const [csv, errors, unsafe] = [rowsOf(CSV), rowsOf(CSV_ERROR), rowsOf(CSV_SANITIZED)];
  return { ...row, own, kinds, csv, errors, unsafe, json: rowsOf(DATA) };
});
type Sample = (typeof samples)[number];
const files = samples.flatMap(({ own }) => own);
const objectKeys = files.map(({ objectKey }) => objectKey);
const is = ({ status }: Sample, ...statuses: ExportStatus[]) => statuses.includes(status);
const isCsvOnly = ({ kinds }: Sample) => !kinds.includes(DATA);
const cellsOf = (rows: Record<string, string>[]) => rows.flatMap((row) => Object.values(row));
const wasFormula = (cell: string) => cell.startsWith("'") && isFormula(cell.slice(1));

const sampleRules: Record<string, (sample: Sample) => boolean> = {
  'has an id of base58': ({ id }) => /^exp_[1-9A-HJ-NP-Za-km-z]{22}$/.test(id),
  'has times in order': ({ createdAt, startedAt, completedAt, updatedAt }) => {
    const times = [createdAt, startedAt ?? createdAt, completedAt ?? updatedAt, updatedAt, now];
    return String(times.map(Number)) === String(times.map(Number).sort());
  },
  'starts unless queued': (sample) => is(sample, QUEUED) === (sample.startedAt === null),
  'ends unless active': (each) => is(each, QUEUED, PROCESSING) === (each.completedAt === null),
  'has a reason if failed': (each) => is(each, FAILED, TIMED_OUT) === (each.failureReason !== null),
  'has a code with each reason': (each) =>
    (each.failureCode === null) === (each.failureReason === null),
  'expires only if completed': (sample) => is(sample, COMPLETED) || sample.expiresAt === null,
  'has batches of 50': ({ countBatches, countTotal }) =>
    countBatches === Math.ceil(countTotal / 50),
  'has processed everything if completed': (each) =>
    !is(each, COMPLETED) || each.countProcessed === each.countTotal,
  'has processed nothing if queued': (each) => !is(each, QUEUED) || each.countProcessed === 0,
  'has processed whole batches, but not all, if processing': (each) =>
    !is(each, PROCESSING) ||
    (each.countProcessed % 50 === 0 &&
      each.countProcessed > 0 &&
      each.countProcessed < each.countTotal),
  'has CSV if completed': (sample) => !is(sample, COMPLETED) || /^csv\b/.test(sample.kinds),
  'has at most errors if failed': (each) => !is(each, FAILED) || /^(csv_error)?$/.test(each.kinds),
  'has no files if not ended': (each) => is(each, COMPLETED, FAILED) || each.kinds === '',
  'has the total of its CSV files': ({ kinds, countTotal, csv, errors, unsafe }) =>
    kinds === '' || countTotal === csv.length + errors.length + unsafe.length,
  'has all exported rows in JSON': (sample) =>
    isCsvOnly(sample) || sample.json.length === sample.csv.length + sample.unsafe.length,
  'has a formula in each sanitized row': ({ unsafe }) =>
    unsafe.every((row) => cellsOf([row]).some(wasFormula)),
  'has the original of each sanitized row in JSON': (sample) => {
    const originals = new Set(sample.json.map((row) => cellsOf([row]).join()));
    const restore = (cell: string) => (wasFormula(cell) ? cell.slice(1) : cell);
    const restored = sample.unsafe.map((row) => cellsOf([row]).map(restore).join());
    return isCsvOnly(sample) || restored.every((row) => originals.has(row));
  },
  'names row, record, column and problem of each error': ({ errors }) =>
    errors.every((row) =>
      /^row,[1-9]\d*,record_id,\d+,column,\w+,message,\w/.test(String(Object.entries(row))),
    ),
};
it.each(Object.entries(sampleRules))('every sample %s', (_, rule) => {
  expect(samples.filter((sample) => !rule(sample))).toEqual([]);
});

const key = /^exports\/[1-9A-HJ-NP-Za-km-z]{22}\/data(-errors|-sanitized)?\.(csv|json)$/;
const fileName = /^[^\s.\p{Cc}/\\:*?"<>|\uFFFD][^\p{Cc}/\\:*?"<>|\uFFFD]*[^ ]\.(csv|json)$/u;
const csvText = /^\uFEFF[a-z_]+,[a-z_,]+\r\n([^]*\r\n)?$/;
const fileRules: Record<string, (file: (typeof files)[number]) => boolean> = {
  'has its size': ({ content, sizeBytes }) => content.length === sizeBytes,
  'has its row count': ({ rows, rowCount }) => rows.length === rowCount,
  'has its hash': (file) => hash('sha256', file.content) === file.sha256,
  'has a key that reveals no organization': ({ objectKey }) => key.test(objectKey),
  'has a name that file systems accept': ({ fileName: name }) => fileName.test(name),
  'has a name of at most 255 bytes': ({ fileName: name }) => Buffer.byteLength(name) < 256,
  'has a name without half characters': ({ fileName: name }) => name.isWellFormed(),
  'has a byte order mark and CRLF if CSV': (f) =>
    f.kind === DATA || csvText.test(String(f.content)),
};
it.each(Object.entries(fileRules))('every file of a sample %s', (_, rule) => {
  expect(files.filter((file) => !rule(file)).map(({ objectKey }) => objectKey)).toEqual([]);
});

const count = <T>(items: readonly T[], isCounted: (item: T) => boolean) =>
  items.filter(isCounted).length;
const distinct = (values: readonly unknown[]) => new Set(values).size;
const times = samples.map(({ createdAt }) => createdAt.getTime());
const ties = times.filter((time, index) => times.indexOf(time) !== index);
const isNightly = (time: number) => time % DAY === DAY / 12;
const completed = samples.filter((sample) => is(sample, COMPLETED));
const daysLeft = ({ expiresAt }: Sample) => (Number(expiresAt ?? Infinity) - now.getTime()) / DAY;
const demo = samples.filter(({ organizationId }) => organizationId === 'org_demo');
const newest = demo.toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt)).slice(0, 10);
const combinations = samples.map(({ resource, status }) => `${resource} ${status}`);
const names = samples.map(({ name }) => name);
const folded = [...new Set(names)].map((name) => name.toLowerCase().replace(/[^\p{L}\d]/gu, ''));
const safeCells = cellsOf(samples.flatMap(({ csv }) => csv));
const sanitizedCells = cellsOf(samples.flatMap(({ unsafe }) => unsafe));
const requesters = samples.map(({ requestedBy }) => requestedBy).filter((email) => email !== null);
const texts = [...files.map(({ content }) => String(content)), ...requesters].join('\n');
const domains = texts.match(/(?<=[\w.]@)[\w-]+(\.[\w-]+)*/g) ?? [];
const isReserved = (domain: string) => /^example\.(com|net|org)$/.test(domain);

const counts: Record<string, [found: number, min: number, max: number]> = {
  'combinations of resource and status at first': [distinct(combinations.slice(0, 30)), 30, 30],
  organizations: [distinct(samples.map(({ organizationId }) => organizationId)), 3, 3],
  'exports of org_demo': [demo.length, 165, 225],
  days: [distinct(times.map((time) => Math.floor(time / DAY))), 13, 15],
  'ties of the nightly schedule': [count(ties, isNightly), 5, 50],
  'ties of pairs': [count(ties, (time) => !isNightly(time)), 5, 50],
  'expired exports': [count(completed, (sample) => daysLeft(sample) <= 0), 4, 50],
  'exports without expiry': [count(completed, (sample) => daysLeft(sample) === Infinity), 4, 50],
  'exports kept for days': [count(completed, (sample) => daysLeft(sample) > 4), 90, 200],
  'newest exports with CSV': [count(newest, (s) => s.csv.length > 0 && daysLeft(s) > 5), 3, 10],
  'exports with a requester': [requesters.length, 150, 249],
  requesters: [distinct(requesters), 8, 12],
  'combinations of files': [distinct(completed.map(({ kinds }) => kinds)), 4, 8],
  'error files of failed exports': [count(samples, ({ kinds }) => kinds === 'csv_error'), 3, 20],
  'distinct objects for each file': [distinct(objectKeys), files.length, files.length],
  'names that differ in case or punctuation only': [folded.length - distinct(folded), 1, 250],
  'formulas in CSV': [count([...safeCells, ...sanitizedCells], isFormula), 0, 0],
  'obvious formulas in CSV': [count(safeCells, (cell) => /^[=@\t\r\n＝＠]/.test(cell)), 0, 0],
  'starts of formulas': [distinct(sanitizedCells.filter(wasFormula).map((cell) => cell[1])), 7, 7],
  'negative numbers in CSV': [count(safeCells, (cell) => /^-\d/.test(cell)), 100, 1e5],
  'telephone numbers in CSV': [count(safeCells, (cell) => cell.startsWith('+')), 100, 1e5],
  'mail addresses of reserved domains': [count(domains, isReserved), 1000, 1e5],
  'mail addresses of other domains': [count(domains, (domain) => !isReserved(domain)), 0, 0],
};
it.each(Object.entries(counts))('250 samples have enough, but not too many %s', (_, range) => {
  const [found, min, max] = range;
  expect([found, found >= min && found <= max]).toEqual([found, true]);
});

const patterns = '\\p{Emoji_Presentation} % _ " “ \' , ; / \\\\ \\s{2} ^= [äöüéç] .{120}'.split(
  ' ',
);
const scripts = 'Latin Cyrillic Han Hiragana Arabic'.split(' ');
it.each([...patterns, ...scripts.map((script) => `\\p{Script=${script}}`)])(
  'names of samples match %s',
  (pattern) => {
    expect(count(names, (name) => new RegExp(pattern, 'u').test(name))).toBeGreaterThan(0);
  },
);

it('a seed yields the same samples again, and another seed yields others', () => {
  expect(createSampleGenerator('any', now)(0)).toEqual(generate(0));
  expect(createSampleGenerator('other', now)(0)).not.toEqual(generate(0));
});

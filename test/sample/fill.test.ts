import 'reflect-metadata';

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';

import { seedSamples } from '../../src/sample/fill.js';
import { isFormula } from '../../src/sample/is-formula.js';
import {
  createSampleFolder,
  readRows,
  type ExportRow,
  type FileRow,
  type SampleFolder,
} from './sample-folder.js';

const now = new Date('2026-11-24T10:11:12.345Z');
const day = 86_400_000;

type CsvRow = Record<string, string>;

function parseCsv(content: Buffer): CsvRow[] {
  return parse(content, { bom: true, columns: true, record_delimiter: ['\r\n', '\n', '\r'] });
}

function parseJson(content: Buffer): Record<string, unknown>[] {
  return JSON.parse(content.toString()) as Record<string, unknown>[];
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)].sort();
}

describe.each(['embedded', 'mysql'] as const)('250 samples on the %s database', (kind) => {
  let folder: SampleFolder;
  let exports: ExportRow[];
  let files: FileRow[];
  let contents: Map<string, Buffer>;

  beforeAll(async () => {
    folder = await createSampleFolder(kind);
    await seedSamples({ source: folder.source, files: folder.files, exports: 250, now });
    ({ exports, files } = await readRows(folder.source));
    contents = new Map(
      await Promise.all(
        files.map(async ({ object_key: key }) => [key, await folder.read(key)] as const),
      ),
    );
  });
  afterAll(() => folder.remove());

  const filesOf = (row: ExportRow) => files.filter(({ export_id: id }) => id === row.id);
  const rowCount = (row: ExportRow, fileKind: string) =>
    filesOf(row).find((file) => file.kind === fileKind)?.row_count ?? 0;
  const contentOf = (file: FileRow) => contents.get(file.object_key) ?? Buffer.alloc(0);
  const filesOfKind = (fileKind: string) => files.filter((file) => file.kind === fileKind);

  it('are 250, of every resource in every status, with ids like any', () => {
    expect(exports).toHaveLength(250);
    expect(unique(exports.map(({ resource, status }) => `${resource} ${status}`))).toHaveLength(30);
    for (const { id } of exports) expect(id).toMatch(/^exp_[1-9A-HJ-NP-Za-km-z]{22}$/);
  });

  it('belong to three organizations, most of them to org_demo', () => {
    const organizations = exports.map((row) => row.organization_id);
    expect(unique(organizations)).toEqual(['org_acme', 'org_demo', 'org_globex']);
    const demo = organizations.filter((name) => name === 'org_demo').length;
    expect(demo).toBeGreaterThan(180);
    expect(demo).toBeLessThan(225);
  });

  it('are spread over the last 14 days, some created in the same millisecond', () => {
    const times = exports.map((row) => row.created_at.getTime());
    expect(Math.max(...times)).toBeLessThan(now.getTime());
    expect(Math.min(...times)).toBeGreaterThan(now.getTime() - 15 * day);
    expect(unique(times.map((time) => Math.floor(time / day))).length).toBeGreaterThan(12);
    expect(unique(times).length).toBeLessThan(230);
    // More than those of a timetable, which begin at a full hour.
    expect(unique(times.map((time) => time % 1000)).length).toBeGreaterThan(100);
  });

  it('have names in several scripts and nearly equal names', () => {
    const names = exports.map(({ name }) => name).join('\n');
    for (const script of [
      'Latin',
      'Cyrillic',
      'Greek',
      'Han',
      'Hiragana',
      'Hangul',
      'Arabic',
      'Hebrew',
    ]) {
      expect(names).toMatch(new RegExp(`\\p{Script=${script}}`, 'u'));
    }
    for (const sign of [/\p{Emoji_Presentation}/u, /%/, /_/, /["“]/, /[äöüéç]/]) {
      expect(names).toMatch(sign);
    }
    const folded = exports.map(({ name }) => name.toLowerCase().replace(/[^\p{L}\d]/gu, ''));
    expect(unique(folded).length).toBeLessThan(unique(exports.map(({ name }) => name)).length);
  });

  it('have lived as their status says', () => {
    for (const row of exports) {
      const moments = [row.created_at, row.started_at, row.completed_at];
      const past = moments.filter((moment) => moment !== null);
      expect(past).toEqual(past.toSorted((a, b) => a.getTime() - b.getTime()));
      expect(row.updated_at.getTime()).toBeGreaterThanOrEqual(past.at(-1)?.getTime() ?? NaN);
      expect(row.updated_at.getTime()).toBeLessThanOrEqual(now.getTime());
      const ended = ['completed', 'failed', 'timed_out'].includes(row.status);
      const broken = ['failed', 'timed_out'].includes(row.status);
      expect([row, row.started_at !== null]).toEqual([row, row.status !== 'queued']);
      expect([row, row.completed_at !== null]).toEqual([row, ended]);
      expect([row, row.failure_reason !== null]).toEqual([row, broken]);
      if (row.status !== 'completed') expect(row.expires_at).toBeNull();
      expect(row.count_batches).toBe(Math.ceil(row.count_total / 50));
    }
  });

  it('have expired in part, but most of them not for days', () => {
    const completed = exports.filter(({ status }) => status === 'completed');
    const left = completed.map((row) => (row.expires_at?.getTime() ?? Infinity) - now.getTime());
    expect(left.filter((time) => time <= 0).length).toBeGreaterThan(3);
    expect(left.filter((time) => time === Infinity).length).toBeGreaterThan(3);
    expect(left.filter((time) => time > 4 * day).length).toBeGreaterThan(completed.length * 0.6);
  });

  it('were asked for by somebody, most of them', () => {
    const requesters = exports.map((row) => row.requested_by).filter((name) => name !== null);
    expect(requesters.length).toBeGreaterThan(150);
    expect(requesters.length).toBeLessThan(exports.length);
  });

  it('begin with completed ones of org_demo that have files', () => {
    const newest = exports
      .filter((row) => row.organization_id === 'org_demo')
      .sort((a, b) => b.created_at.getTime() - a.created_at.getTime())
      .slice(0, 10)
      .filter((row) => row.status === 'completed' && rowCount(row, 'csv') > 0);
    expect(newest.length).toBeGreaterThanOrEqual(3);
    for (const row of newest) {
      expect((row.expires_at?.getTime() ?? Infinity) - now.getTime()).toBeGreaterThan(5 * day);
    }
  });

  it('have files when completed, the error file alone when failed, and none otherwise', () => {
    const kinds = (status: string) =>
      unique(
        exports
          .filter((row) => row.status === status)
          .map((row) =>
            filesOf(row)
              .map((file) => file.kind)
              .join(' '),
          ),
      );
    expect(kinds('completed')).toEqual(
      expect.arrayContaining([
        'csv csv_error csv_sanitized json',
        'csv csv_error json',
        'csv csv_sanitized json',
        'csv json',
      ]),
    );
    for (const found of kinds('completed')) expect(found).toMatch(/^csv\b(?!_)/);
    expect(kinds('failed')).toEqual(['', 'csv_error']);
    for (const status of ['queued', 'processing', 'timed_out']) expect(kinds(status)).toEqual(['']);
  });

  it('have files whose sizes, rows and hashes are those of the database', () => {
    expect(files.length).toBeGreaterThan(300);
    for (const file of files) {
      const content = contentOf(file);
      expect(content).toHaveLength(file.size_bytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(file.sha256);
      const rows = file.kind === 'json' ? parseJson(content) : parseCsv(content);
      expect(rows).toHaveLength(file.row_count);
    }
  });

  it('count the rows of their CSV files together', () => {
    for (const row of exports.filter(({ status }) => status === 'completed')) {
      const csv = rowCount(row, 'csv');
      const sanitized = rowCount(row, 'csv_sanitized');
      expect(row.count_total).toBe(csv + rowCount(row, 'csv_error') + sanitized);
      if (filesOf(row).some((file) => file.kind === 'json')) {
        expect(rowCount(row, 'json')).toBe(csv + sanitized);
      }
    }
  });

  it('have files of their own at keys that tell no organization', () => {
    expect(unique(files.map((file) => file.object_key))).toHaveLength(files.length);
    for (const { object_key: key } of files) {
      expect(key).toMatch(
        /^exports\/[1-9A-HJ-NP-Za-km-z]{22}\/(data|errors|sanitized)\.(csv|json)$/,
      );
    }
  });

  it('have file names that every system can save', () => {
    for (const { file_name: name, kind: fileKind } of files) {
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
      expect(name).not.toMatch(/[\p{Cc}/\\:*?"<>|]|^[\s.]|\uFFFD/u);
      expect(name).toMatch(fileKind === 'json' ? /[^ ]\.json$/ : /[^ ]\.csv$/);
      expect(name.isWellFormed()).toBe(true);
    }
    expect(files.some(({ file_name: name }) => /\p{Script=Han}/u.test(name))).toBe(true);
  });

  it('have no cell in their CSV that a spreadsheet would compute, but negative numbers', () => {
    const cells = filesOfKind('csv').flatMap((file) =>
      parseCsv(contentOf(file)).flatMap((row) => Object.values(row)),
    );
    expect(cells.filter(isFormula)).toEqual([]);
    // Seen independently of the predicate: no cell begins in a way that is always a formula.
    expect(cells.filter((cell) => /^[=@\t\r\n＝＠]/.test(cell))).toEqual([]);
    expect(cells.filter((cell) => /^-\d/.test(cell)).length).toBeGreaterThan(100);
    expect(cells.filter((cell) => cell.startsWith('+')).length).toBeGreaterThan(100);
  });

  it('have a sanitized CSV of just the other rows, made safe', () => {
    const sanitized = filesOfKind('csv_sanitized');
    expect(sanitized.length).toBeGreaterThan(20);
    const starts: string[] = [];
    for (const file of sanitized) {
      const rows = parseCsv(contentOf(file));
      expect(rows.length).toBeGreaterThan(0);
      const sibling = files.find(
        (other) => other.export_id === file.export_id && other.kind === 'json',
      );
      const records = sibling === undefined ? [] : parseJson(contentOf(sibling));
      for (const row of rows) {
        const made = Object.entries(row).filter(([, cell]) => cell.startsWith("'"));
        expect(made.length).toBeGreaterThan(0);
        expect(Object.values(row).filter(isFormula)).toEqual([]);
        starts.push(...made.map(([, cell]) => cell.charAt(1)));
        if (sibling === undefined) continue;
        // JSON has the row as it was.
        const record = records.find(({ id }) => id === row['id']);
        for (const [column, cell] of made) expect(record?.[column]).toBe(cell.slice(1));
      }
    }
    expect(unique(starts)).toEqual(['\t', '\r', '+', '-', '=', '@', '＝'].sort());
  });

  it('have an error CSV that names row, record, column and problem', () => {
    for (const file of filesOfKind('csv_error')) {
      for (const row of parseCsv(contentOf(file))) {
        expect(Object.keys(row)).toEqual(['row', 'record_id', 'column', 'message']);
        expect(Number(row['row'])).toBeGreaterThan(0);
        expect(Object.values(row)).not.toContain('');
      }
    }
  });

  it('write CSV as spreadsheets open it: with a byte order mark and CRLF', () => {
    for (const file of filesOfKind('csv')) {
      const text = contentOf(file).toString();
      expect(text).toMatch(/^\uFEFF[a-z_]+,[a-z_,]+\r\n/);
      expect(text.endsWith('\r\n')).toBe(true);
    }
  });

  it('reach nobody: mail goes to reserved domains only', () => {
    const texts = [...contents.values()].map(String).join('\n');
    const requesters = exports.map((row) => row.requested_by ?? '').join('\n');
    const domains = `${texts}\n${requesters}`.match(/(?<=[\w.]@)[\w-]+(\.[\w-]+)*/g) ?? [];
    expect(domains.length).toBeGreaterThan(1000);
    expect(domains.filter((domain) => !/(^|\.)example(\.(com|net|org))?$/.test(domain))).toEqual(
      [],
    );
  });
});

describe('fillWithSamples', () => {
  it('makes the same rows and bytes on both databases from the same seed and now', async () => {
    const folders = [await createSampleFolder('embedded'), await createSampleFolder('mysql')];
    try {
      const made = [];
      for (const folder of folders) {
        const { source, files } = folder;
        await seedSamples({ source, files, exports: 60, now, seed: 'any' });
        const rows = await readRows(source);
        made.push({
          rows,
          bytes: await Promise.all(
            rows.files.map((file) => folder.read(file.object_key).then(String)),
          ),
        });
      }
      expect(made[0]?.rows.exports).toHaveLength(60);
      expect(made[1]).toEqual(made[0]);
    } finally {
      for (const folder of folders) await folder.remove();
    }
  });

  it('makes others from another seed', async () => {
    const folder = await createSampleFolder('embedded');
    const { source, files } = folder;
    try {
      await seedSamples({ source, files, exports: 30, now, seed: 'one' });
      await seedSamples({ source, files, exports: 30, now, seed: 'another' });
      const rows = await readRows(source);
      expect(unique(rows.files.map((file) => file.sha256))).toHaveLength(rows.files.length);
    } finally {
      await folder.remove();
    }
  });

  it('adds to the exports that are there, and shares files when there are many', async () => {
    const folder = await createSampleFolder('embedded');
    const { source, files } = folder;
    try {
      const progress: number[] = [];
      await seedSamples({ source, files, exports: 250, now });
      await seedSamples({
        source,
        files,
        exports: 6_000,
        now,
        onProgress: (done) => progress.push(done),
      });
      expect(progress).toEqual(Array.from({ length: 300 }, (_, part) => (part + 1) * 20));
      const rows = await readRows(source);
      expect(rows.exports).toHaveLength(6_250);
      const keys = unique(rows.files.map((file) => file.object_key));
      expect(keys.length).toBeLessThan(rows.files.length / 5);
      for (const key of keys) expect((await folder.read(key)).length).toBeGreaterThan(0);
      // The same object, the same facts about it.
      const facts = rows.files.map((file) =>
        [file.object_key, file.size_bytes, file.sha256].join(),
      );
      expect(unique(facts)).toHaveLength(keys.length);
    } finally {
      await folder.remove();
    }
  });

  it('writes the files of some exports at the same time, but not of all', async () => {
    const folder = await createSampleFolder('embedded');
    let [running, most] = [0, 0];
    const files = {
      async put() {
        most = Math.max(most, ++running);
        await setImmediate();
        running--;
      },
    };
    try {
      await seedSamples({ source: folder.source, files, exports: 250, now });
      expect(most).toBeGreaterThan(20);
      expect(most).toBeLessThanOrEqual(80);
    } finally {
      await folder.remove();
    }
  });

  it('keeps times on the embedded database as text with milliseconds', async () => {
    const folder = await createSampleFolder('embedded');
    try {
      await seedSamples({ source: folder.source, files: folder.files, exports: 30, now });
      const rows = await folder.source.query<{ moment: string; type: string }[]>(
        'SELECT created_at AS moment, typeof(created_at) AS type FROM exports',
      );
      expect(rows).toHaveLength(30);
      for (const { moment, type } of rows) {
        expect(type).toBe('text');
        expect(moment).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
      }
    } finally {
      await folder.remove();
    }
  });

  it('leaves no rows behind when it fails', async () => {
    const folder = await createSampleFolder('embedded');
    const { source, files } = folder;
    try {
      await seedSamples({ source, files, exports: 30, now, seed: 'same' });
      // The files of the failing run are inserted after its exports, and one of them is in the way.
      await source.query("DELETE FROM exports WHERE id <> ''");
      await expect(seedSamples({ source, files, exports: 30, now, seed: 'same' })).rejects.toThrow(
        'UNIQUE',
      );
      expect((await readRows(source)).exports).toEqual([]);
    } finally {
      await folder.remove();
    }
  });
});

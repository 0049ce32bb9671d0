import { hash } from 'node:crypto';

import { ExportFileKind, fileNameEndings, type ExportFileRow } from '../exports/export-file.js';
import type { KnownResource } from '../exports/export.js';
import { isFormula, sanitize, withFormula } from './formula-injection.js';
import { base58Id, createRandom } from './random.js';
import {
  columnsOf,
  generateRecord,
  generateTheme,
  type Cell,
  type SampleRecord,
} from './records.js';

/** A file's content, and its columns of `export_files`. */
export type RunFile = Omit<ExportFileRow, 'exportId' | 'fileName'> & { readonly content: Buffer };

/** The arguments determine every byte. A failed run rejects every record. */
export function generateRun(
  key: string,
  { resource, at, failed }: { resource: KnownResource; at: Date; failed: boolean },
): { total: number; files: RunFile[] } {
  const random = createRandom(key);
  const theme = generateTheme(random);
  const columns = columnsOf[resource].split(' ');
  const size = failed ? 40 : random.pick([0, 12, 110, 110, 110, 110, 110, 110, 320, 900]);
  const total = random.integer(Math.ceil(size / 9), size);
  const errorRate = failed ? 1 : random.pick([0, 0, 0.02, 0.06]);
  const formulaRate = random.pick([0, 0, 0.03, 0.08]);
  const exported: SampleRecord[] = [];
  const errors: SampleRecord[] = [];
  for (let row = 1; row <= total; row++) {
    const values = generateRecord(random, random.pick(theme), { at, columns });
    const record: Record<string, Cell> = {};
    for (const column of columns) record[column] = values[column] ?? null;
    if (random.fraction() < errorRate) {
      const message = random.word('Is missing.|Is too long.|Is not valid: "anna@@example.com".');
      errors.push({ row, record_id: record['id'] ?? null, column: random.pick(columns), message });
    } else {
      exported.push(random.fraction() < formulaRate ? withFormula(random, record) : record);
    }
  }
  const safe: SampleRecord[] = [];
  const unsafe: SampleRecord[] = [];
  for (const record of exported) {
    (columns.some((column) => isFormula(record[column] ?? null)) ? unsafe : safe).push(record);
  }

  const files: RunFile[] = [];
  // Object keys reveal neither the organization nor the export, and differ when the content does.
  const folder = `exports/${base58Id(`${key}/${at.getTime()}`)}`;
  const add = (kind: ExportFileKind, rowCount: number, text: string) => {
    const content = Buffer.from(text);
    const sha256 = hash('sha256', content);
    const objectKey = `${folder}/data${fileNameEndings[kind]}`;
    files.push({ kind, objectKey, content, sizeBytes: content.length, rowCount, sha256 });
  };
  if (!failed && random.fraction() < 0.9) {
    add(ExportFileKind.JSON, exported.length, JSON.stringify(exported, null, 2));
  }
  if (!failed) add(ExportFileKind.CSV, safe.length, toCsv(safe, columns));
  if (errors.length > 0) add(ExportFileKind.CSV_ERROR, errors.length, toCsv(errors));
  if (unsafe.length > 0)
    add(ExportFileKind.CSV_SANITIZED, unsafe.length, toCsv(unsafe.map(sanitize)));
  return { total, files };
}

/** RFC 4180, after a byte order mark, without which Excel does not read UTF-8. */
function toCsv(rows: readonly SampleRecord[], columns = Object.keys(rows[0] ?? {})): string {
  let text = `\uFEFF${columns.join(',')}\r\n`;
  for (const row of rows) {
    let separator = '';
    for (const column of columns) {
      const cell = row[column] ?? '';
      text += separator + (typeof cell === 'string' ? quote(cell) : String(cell));
      separator = ',';
    }
    text += '\r\n';
  }
  return text;
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

import { createHash } from 'node:crypto';

import { stringify } from 'csv-stringify/sync';

import { ExportFileKind } from '../exports/export-file.js';
import type { ExportResource } from '../exports/export.js';
import { drawTheme, type Theme } from './address-book.js';
import { drawError, hasFormula, madeSafe, withFormula } from './mishaps.js';
import { Random } from './random.js';
import { drawRecord, type SampleRecord } from './records.js';

/** A file as `export_files` describes it. */
export interface WrittenFile {
  readonly kind: ExportFileKind;
  readonly objectKey: string;
  readonly sizeBytes: number;
  readonly rowCount: number;
  readonly sha256: string;
}

/** The files that one run of an export left. */
export interface FileSet {
  readonly theme: Theme;
  /** How many records the run covered: the rows of its three kinds of CSV. */
  readonly total: number;
  readonly files: readonly WrittenFile[];
}

export interface FileSetRequest {
  /** Decides every byte, together with `at`; no two sets have the same. */
  readonly key: string;
  readonly resource: ExportResource;
  /** When the export ran. */
  readonly at: Date;
  /** Whether the run failed: then each record was refused, and there is only the error file. */
  readonly failed: boolean;
}

/** A file that is to be written. */
export interface FileContent {
  readonly objectKey: string;
  readonly content: Buffer;
}

/**
 * Draws the records of a run, and the files it leaves.
 *
 * The JSON file holds every record that could be exported, those with formulas too: nobody computes a JSON string. The
 * CSV file holds them without those, the sanitized file only those, made safe. Records with an error are in none of them.
 */
export function drawFileSet(request: FileSetRequest): FileSet & { contents: FileContent[] } {
  const random = new Random(request.key);
  const theme = drawTheme(random);
  const total = request.failed ? random.whole(3, 40) : drawTotal(random);
  const errorRate = random.chance(0.35) ? random.decimal(0.01, 0.08, 3) : 0;
  const formulaRate = random.chance(0.35) ? random.decimal(0.01, 0.1, 3) : 0;
  const draw = (number: number) =>
    drawRecord[request.resource]({ random, theme, at: request.at, number });
  // Also an empty file has a header.
  const columns = Object.keys(draw(0));

  const exported: SampleRecord[] = [];
  const errors: SampleRecord[] = [];
  for (let row = 1; row <= total; row++) {
    const record = draw(row);
    if (request.failed || random.chance(errorRate)) errors.push(drawError(random, record, row));
    else exported.push(random.chance(formulaRate) ? withFormula(random, record) : record);
  }
  const good = exported.filter((record) => !hasFormula(record));
  const sanitized = exported.filter(hasFormula).map(madeSafe);

  // Random and free of anything an organization could be told by, as a worker's keys should be.
  const folder = `exports/${random.base58(22)}`;
  const { JSON: json, CSV: csv, CSV_ERROR: csvError, CSV_SANITIZED: csvSanitized } = ExportFileKind;
  const contents: { kind: ExportFileKind; name: string; rows: SampleRecord[]; text: string }[] = [];
  if (!request.failed) {
    // Now and then JSON was not asked for.
    if (random.chance(0.92)) {
      const text = `${JSON.stringify(exported, null, 2)}\n`;
      contents.push({ kind: json, name: 'data.json', rows: exported, text });
    }
    contents.push({ kind: csv, name: 'data.csv', rows: good, text: csvOf(good, columns) });
  }
  if (errors.length > 0) {
    const text = csvOf(errors, ['row', 'record_id', 'column', 'message']);
    contents.push({ kind: csvError, name: 'errors.csv', rows: errors, text });
  }
  if (sanitized.length > 0) {
    const text = csvOf(sanitized, columns);
    contents.push({ kind: csvSanitized, name: 'sanitized.csv', rows: sanitized, text });
  }
  const drawn = contents.map(({ kind, name, rows, text }) => {
    const content = Buffer.from(text);
    const objectKey = `${folder}/${name}`;
    const sha256 = createHash('sha256').update(content).digest('hex');
    const sizeBytes = content.length;
    return { file: { kind, objectKey, sizeBytes, rowCount: rows.length, sha256 }, content };
  });
  return {
    theme,
    total,
    files: drawn.map(({ file }) => file),
    contents: drawn.map(({ file, content }) => ({ objectKey: file.objectKey, content })),
  };
}

/** Mostly small, as exports are, with a few long ones and now and then an empty one. */
function drawTotal(random: Random): number {
  const [min, max] = random.weighted<readonly [number, number]>([
    [[0, 0], 2],
    [[1, 12], 14],
    [[13, 110], 64],
    [[111, 320], 17],
    [[321, 1200], 3],
  ]);
  return random.whole(min, max);
}

/**
 * As spreadsheets open it by a double click: Excel takes a file without a byte order mark for the local code page and
 * garbles Zürich and 東京; line ends are those of RFC 4180. The library's own `escape_formulas` is not used, for it also
 * spoils negative numbers and telephone numbers.
 */
function csvOf(rows: readonly SampleRecord[], columns: readonly string[]): string {
  return stringify([...rows], {
    header: true,
    columns: [...columns],
    bom: true,
    record_delimiter: 'windows',
    // The library quotes line ends only when they are those of its records.
    quoted_match: /[\r\n]/,
    cast: { boolean: String },
  });
}

import { readFile } from 'node:fs/promises';

import { parse } from 'csv-parse/sync';

interface Preview {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly isTruncated: boolean;
}

const ROWS = 10;

/** Reads the first rows of a file of `storeFiles`, which has more of them. */
export async function readPreview(path: string): Promise<Preview> {
  const text = await readFile(path, 'utf8');
  const [columns = [], ...rows] = path.endsWith('.json') ? jsonTable(text) : csvTable(text);
  return { columns, rows, isTruncated: true };
}

const csvTable = (text: string) => parse(text, { to: 1 + ROWS });

function jsonTable(text: string): string[][] {
  const records = (JSON.parse(text) as Record<string, string>[]).slice(0, ROWS);
  return [Object.keys(records[0] ?? {}), ...records.map((record) => Object.values(record))];
}

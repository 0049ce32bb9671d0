import { create } from 'content-disposition';

const contentTypes: readonly (readonly [ending: string, contentType: string])[] = [
  ['.json', 'application/json; charset=utf-8'],
  ['.csv', 'text/csv; charset=utf-8'],
];

/** The Content-Type a file is served with, by the ending of its name. */
export function contentTypeFor(fileName: string): string {
  const name = fileName.toLowerCase();
  const known = contentTypes.find(([ending]) => name.endsWith(ending));
  return known === undefined ? 'application/octet-stream' : known[1];
}

/**
 * The Content-Disposition that makes a browser save a file under its name. For programs that read only the plain form of a
 * name, every other character than ASCII becomes a line.
 */
export function contentDispositionFor(fileName: string): string {
  const fallback = fileName.replace(/[^\x20-\x7e]/gu, '_');
  return create(fileName, { fallback });
}

import { create } from 'content-disposition';

/** The Content-Type of a download, by the extension of its file name. */
export function contentTypeFor(fileName: string): string {
  const name = fileName.toLowerCase();
  if (name.endsWith('.json')) return 'application/json; charset=utf-8';
  return name.endsWith('.csv') ? 'text/csv; charset=utf-8' : 'application/octet-stream';
}

/**
 * The Content-Disposition that makes a browser save a file under its name. Programs that read only the ASCII form get `_`
 * for every other character.
 */
export function contentDispositionFor(fileName: string): string {
  const fallback = fileName.replace(/[^\x20-\x7e]/gu, '_');
  return create(fileName, { fallback });
}

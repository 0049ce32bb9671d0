import { create } from 'content-disposition';

export function contentTypeFor(fileName: string): string {
  const name = fileName.toLowerCase();
  if (name.endsWith('.json')) return 'application/json; charset=utf-8';
  return name.endsWith('.csv') ? 'text/csv; charset=utf-8' : 'application/octet-stream';
}

/** Clients that read only the ASCII form of the file name get `_` for every other character. */
export function contentDispositionFor(fileName: string): string {
  return create(fileName, { fallback: fileName.replace(/[^\x20-\x7e]/gu, '_') });
}

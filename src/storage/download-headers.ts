import { create } from 'content-disposition';

/** 255 characters of three bytes: with more, the header would not fit into nginx' 4 KB for all. */
const MAX_NAME_BYTES = 765;
const MAX_FALLBACK_BYTES = 60;

export function contentTypeFor(fileName: string): string {
  const name = fileName.toLowerCase();
  if (name.endsWith('.json')) return 'application/json; charset=utf-8';
  return name.endsWith('.csv') ? 'text/csv; charset=utf-8' : 'application/octet-stream';
}

/** Clients that read only the ASCII form of the file name get `_` for every other character. */
export function contentDispositionFor(fileName: string): string {
  // Browsers and file systems differ in what they make of slashes.
  const name = shorten(fileName.replace(/[/\\]/g, '_'), MAX_NAME_BYTES);
  const ascii = name.replace(/[^\x20-\x7e]/gu, '_');
  const fallback = ascii === name ? name : shorten(ascii, MAX_FALLBACK_BYTES);
  return create(name, { fallback });
}

/** Removes characters in front of the extension of a name that has more bytes of UTF-8. */
function shorten(name: string, maxBytes: number): string {
  if (Buffer.byteLength(name) <= maxBytes) return name;
  const extension = /\.\w{1,20}$/.exec(name)?.[0] ?? '';
  let bytes = Buffer.byteLength(extension);
  let stem = '';
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    stem += character;
  }
  return stem + extension;
}

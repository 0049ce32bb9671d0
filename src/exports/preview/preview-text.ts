import type { FileStart } from '../../storage/file-reader.js';

/** Enough to tell text from binary data. */
const SAMPLE_LENGTH = 4_096;
const MAX_BINARY_SHARE = 0.1;

/** Decodes a file of text; null for binary data. What is not valid UTF-8 becomes U+FFFD. */
export function decodeText({ bytes, isWhole }: FileStart): string | null {
  // Streaming leaves out a character of which only the first bytes were read.
  const text = new TextDecoder(encodingOf(bytes)).decode(bytes, { stream: !isWhole });
  const sample = text.slice(0, SAMPLE_LENGTH);
  // eslint-disable-next-line no-control-regex -- they are what binary data has and text has not
  const binary = sample.match(/[\0-\x08\x0e-\x1a\x1c-\x1f\ufffd]/g)?.length ?? 0;
  return binary > sample.length * MAX_BINARY_SHARE ? null : text;
}

/** By the byte order mark, else by the zero bytes that UTF-16 has in every character of ASCII. */
function encodingOf(bytes: Buffer): string {
  const mark = bytes.toString('hex', 0, 2);
  if (mark === 'fffe') return 'utf-16le';
  if (mark === 'feff') return 'utf-16be';
  const zeros = [0, 0];
  const sample = bytes.subarray(0, SAMPLE_LENGTH);
  sample.forEach((byte, index) => {
    if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = zeros;
  if (Math.max(even, odd) < sample.length / 4) return 'utf-8';
  return odd > even ? 'utf-16le' : 'utf-16be';
}

import type { FileReader, FileStart } from './file-reader.js';
import type { StoredFile, UrlSigner } from './url-signer.js';

/** For the code in the body of an error. */
const MAX_ERROR_BYTES = 4_096;

/** Reads objects as clients of links do, by one request with a range. */
export class S3FileReader implements FileReader {
  constructor(private readonly links: UrlSigner) {}

  async readStart(
    file: StoredFile,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<FileStart | null> {
    const { url } = await this.links.sign(file);
    const response = await fetch(url, { headers: { Range: `bytes=0-${maxBytes - 1}` }, signal });
    if (!response.ok) return explain(response);
    const { bytes, isWhole } = await readBody(response, maxBytes);
    // Content-Range: bytes 0-262143/1048576
    const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
    const mayBeCut = response.status === 206 && (total === undefined || Number(total) > maxBytes);
    return { bytes, isWhole: isWhole && !mayBeCut };
  }
}

/** Returns what the storage has instead of the first bytes. Throws for its failures. */
async function explain(response: Response): Promise<FileStart | null> {
  const { bytes } = await readBody(response, MAX_ERROR_BYTES);
  // An empty object has no first byte.
  if (response.status === 416) return { bytes: Buffer.alloc(0), isWhole: true };
  // Such as NoSuchKey or AccessDenied.
  const code = /<Code>(\w+)<\/Code>/.exec(bytes.toString())?.[1] ?? response.statusText;
  if (response.status === 404 && code !== 'NoSuchBucket') return null;
  throw new Error(`the storage responded ${response.status} ${code}`);
}

/** Reads at most `maxBytes`, also where the storage ignores the range, and cancels the rest. */
async function readBody({ body }: Response, maxBytes: number): Promise<FileStart> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the response.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), isWhole: length <= maxBytes };
}

import type { FileReader, FileStart } from './file-reader.js';
import type { StoredFile, UrlSigner } from './url-signer.js';

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
    // No byte of an empty object is in any range.
    if (response.status === 416) return endOf(response, { bytes: Buffer.alloc(0), isWhole: true });
    if (!response.ok) {
      const reason = await reasonOf(response);
      if (reason === '404 NoSuchKey') return null;
      throw new Error(`the storage responded ${reason}`);
    }
    const bytes = await readBody(response, maxBytes);
    // bytes 0-262143/1048576
    const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
    const isCut = response.status === 206 ? Number(total ?? Infinity) > maxBytes : false;
    return { bytes: bytes.subarray(0, maxBytes), isWhole: !isCut && bytes.length <= maxBytes };
  }
}

/** Reads at most one chunk more than `maxBytes`: some storage ignores ranges. */
async function readBody({ body }: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop cancels the response.
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks, length);
}

/** Such as `403 AccessDenied`. */
async function reasonOf(response: Response): Promise<string> {
  const text = (await readBody(response, MAX_ERROR_BYTES)).toString();
  return `${response.status} ${/<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? response.statusText}`;
}
const MAX_ERROR_BYTES = 4_096;

async function endOf<Value>({ body }: Response, value: Value): Promise<Value> {
  await body?.cancel();
  return value;
}

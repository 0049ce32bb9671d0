import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { toError, StartupError } from '../errors.js';
import { contentTypeFor } from '../storage/download-headers.js';
import type { Storage } from '../storage/open-storage.js';

const REQUEST_TIMEOUT_S = 60;
const ATTEMPTS = 3;
const RETRY_DELAY_MS = 200;

type FileContent = { readonly objectKey: string; readonly content: Buffer };
type Bucket = Storage & { readonly kind: 's3' };

/** Writes a file, replacing any other with its key. Throws StartupError when the storage fails. */
export async function writeToStorage(storage: Storage, file: FileContent): Promise<void> {
  try {
    if (storage.kind === 's3') await putWithRetries(storage, file);
    else {
      const path = join(storage.place, file.objectKey);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.content);
    }
  } catch (error) {
    // fetch always throws the same message, and only its cause contains the reason.
    const { message, cause } = toError(error);
    const reason = cause instanceof Error && cause.message !== '' ? cause.message : message;
    const problem = `FILES_URL names ${storage.place}, where files cannot be written (${reason}).`;
    throw new StartupError([problem], { cause: error });
  }
}

async function putWithRetries(bucket: Bucket, file: FileContent, attempt = 1): Promise<void> {
  try {
    await put(bucket, file);
  } catch (error) {
    if (error instanceof RejectedError || attempt === ATTEMPTS) throw error;
    await wait(attempt * RETRY_DELAY_MS);
    await putWithRetries(bucket, file, attempt + 1);
  }
}

/** Sends a presigned request, which needs no client library. */
async function put({ presigner, credentials }: Bucket, file: FileContent): Promise<void> {
  const { objectKey, content: body } = file;
  const signedAt = Math.floor(Date.now() / 1000);
  const expiresAt = signedAt + REQUEST_TIMEOUT_S;
  const request = { method: 'PUT', objectKey, parameters: [['x-id', 'PutObject']] } as const;
  const url = presigner.presign({ ...request, signedAt, expiresAt }, await credentials());
  const headers = { 'Content-Type': contentTypeFor(objectKey) };
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_S * 1000);
  const response = await fetch(url, { method: 'PUT', headers, body, signal });
  // Such as NoSuchBucket or AccessDenied.
  const code = /<Code>(\w+)<\/Code>/.exec(await response.text())?.[1] ?? response.statusText;
  const reason = `${response.status} ${code}`;
  if (!response.ok) throw response.status < 500 ? new RejectedError(reason) : new Error(reason);
}

/** The storage would reject the same request again. */
class RejectedError extends Error {}

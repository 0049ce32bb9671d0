import { setTimeout as wait } from 'node:timers/promises';

import { StartupError } from '../errors.js';
import type { FileStore } from './file-store.js';
import type { CredentialsProvider } from './s3-credentials.js';
import type { S3Presigner } from './s3-presigner.js';

/** How long one file may take to be written, in seconds. */
const PATIENCE = 60;
/** Storage refuses a request now and then when it is busy, and expects to be asked again. */
const ATTEMPTS = 3;
const PAUSE_MS = 200;

/** Why a file was not written, and whether it may be the next time. */
interface Problem {
  readonly reason: string;
  readonly isPassing: boolean;
  readonly cause?: unknown;
}

/** Storage in a bucket, written by presigned requests, so that no client library is needed. */
export class S3Store implements FileStore {
  constructor(
    private readonly options: {
      readonly presigner: S3Presigner;
      readonly credentials: CredentialsProvider;
      /** Where the bucket is, for people. */
      readonly place: string;
    },
  ) {}

  async put(objectKey: string, content: Buffer, contentType: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const problem = await this.tryToPut(objectKey, content, contentType);
      if (problem === null) return;
      if (!problem.isPassing || attempt === ATTEMPTS) throw this.cannotWrite(problem);
      await wait(attempt * PAUSE_MS);
    }
  }

  /** null: it is written. */
  private async tryToPut(
    objectKey: string,
    content: Buffer,
    contentType: string,
  ): Promise<Problem | null> {
    try {
      const response = await fetch(await this.urlToPut(objectKey), {
        method: 'PUT',
        headers: { 'Content-Type': contentType },
        body: content,
        signal: AbortSignal.timeout(PATIENCE * 1000),
      });
      const answer = await response.text();
      if (response.ok) return null;
      // Such as NoSuchBucket or AccessDenied, in a document of which nothing else is for people.
      const code = /<Code>(\w+)<\/Code>/.exec(answer)?.[1] ?? response.statusText;
      return { reason: `${response.status} ${code}`, isPassing: response.status >= 500 };
    } catch (error) {
      return { reason: reasonOf(error), isPassing: true, cause: error };
    }
  }

  private async urlToPut(objectKey: string): Promise<string> {
    const credentials = await this.options.credentials();
    const signedAt = Math.floor(Date.now() / 1000);
    const request = {
      method: 'PUT',
      objectKey,
      parameters: [['x-id', 'PutObject']],
      signedAt,
      expiresAt: signedAt + PATIENCE,
    } as const;
    return this.options.presigner.presign(request, credentials);
  }

  private cannotWrite({ reason, cause }: Problem): StartupError {
    const problem = `FILES_URL names ${this.options.place}, where files cannot be written (${reason}).`;
    return new StartupError([problem], { cause });
  }
}

/** What fetch says is always the same; why it failed is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== ''
    ? error.cause.message
    : error.message;
}

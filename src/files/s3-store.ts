import { StartupError } from '../errors.js';
import type { FileStore } from './file-store.js';
import type { CredentialsProvider } from './s3-credentials.js';
import type { S3Presigner } from './s3-presigner.js';

/** How long one file may take to be written, in seconds. */
const PATIENCE = 60;
/** Storage refuses a request now and then when it is busy, and expects to be asked again. */
const ATTEMPTS = 3;

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
      if (attempt < ATTEMPTS && problem.isPassing) continue;
      throw new StartupError(
        [`FILES_URL names ${this.options.place}, where files cannot be written (${problem.says}).`],
        { cause: problem.cause },
      );
    }
  }

  /** null: it is written. */
  private async tryToPut(
    objectKey: string,
    content: Buffer,
    contentType: string,
  ): Promise<{ says: string; isPassing: boolean; cause?: unknown } | null> {
    const signedAt = Math.floor(Date.now() / 1000);
    const url = this.options.presigner.presign(
      {
        method: 'PUT',
        objectKey,
        parameters: [['x-id', 'PutObject']],
        signedAt,
        expiresAt: signedAt + PATIENCE,
      },
      await this.options.credentials(),
    );
    try {
      const response = await fetch(url, {
        method: 'PUT',
        headers: { 'Content-Type': contentType },
        body: content,
        signal: AbortSignal.timeout(PATIENCE * 1000),
      });
      const answer = await response.text();
      if (response.ok) return null;
      // Such as NoSuchBucket or AccessDenied, in a document of which nothing else is for people.
      const code = /<Code>(\w+)<\/Code>/.exec(answer)?.[1] ?? response.statusText;
      return { says: `${response.status} ${code}`, isPassing: response.status >= 500 };
    } catch (error) {
      const { cause } = error instanceof Error ? error : {};
      const reason = cause instanceof Error && cause.message !== '' ? cause : error;
      return { says: String(reason), isPassing: true, cause: error };
    }
  }
}

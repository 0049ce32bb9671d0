import { LinksUnavailableError } from '../errors.js';
import { contentTypeFor, contentDispositionFor } from './download-headers.js';
import type { SignedUrl, UrlSigner, StoredFile } from './url-signer.js';
import type { CredentialsProvider } from './s3-credentials.js';
import type { S3Presigner } from './s3-presigner.js';

/** Presigned links: the storage itself serves the file, under its name, to whoever holds one. */
export class S3UrlSigner implements UrlSigner {
  constructor(
    private readonly options: {
      readonly presigner: S3Presigner;
      readonly credentials: CredentialsProvider;
      /** How long a link works, in seconds, unless the credentials it is signed with expire before. */
      readonly ttl: number;
    },
  ) {}

  async sign({ objectKey, fileName }: StoredFile): Promise<SignedUrl> {
    const credentials = await this.options.credentials().catch((error: unknown) => {
      throw new LinksUnavailableError({ cause: error });
    });
    const signedAt = Math.floor(Date.now() / 1000);
    const lastSecond = Math.floor((credentials.expiration?.getTime() ?? Infinity) / 1000);
    const expiresAt = Math.min(signedAt + this.options.ttl, lastSecond);
    if (expiresAt <= signedAt) {
      throw new LinksUnavailableError({ cause: 'The credentials of the storage have expired' });
    }
    const url = this.options.presigner.presign(
      {
        method: 'GET',
        objectKey,
        // The last two change nothing in the answer; the SDK's links have them, and these are to be the same.
        parameters: [
          ['response-content-disposition', contentDispositionFor(fileName)],
          ['response-content-type', contentTypeFor(fileName)],
          ['x-amz-checksum-mode', 'ENABLED'],
          ['x-id', 'GetObject'],
        ],
        signedAt,
        expiresAt,
      },
      credentials,
    );
    return { url, expiresAt: new Date(expiresAt * 1000) };
  }
}

import { LinksUnavailableError } from '../errors.js';
import { contentDispositionFor, contentTypeFor } from './download-headers.js';
import type { CredentialsProvider } from './s3-credentials.js';
import type { S3Presigner } from './s3-presigner.js';
import type { SignedUrl, StoredFile, UrlSigner } from './url-signer.js';

/** Signs links with which the object storage itself serves a file under its name. */
export class S3UrlSigner implements UrlSigner {
  constructor(
    private readonly options: {
      readonly presigner: S3Presigner;
      readonly credentials: CredentialsProvider;
      /** The lifetime of a link in seconds; the expiry of the credentials may shorten it. */
      readonly ttl: number;
    },
  ) {}

  /** Rejects with LinksUnavailableError when there are no valid credentials. */
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
        // The last two have no effect, but tests compare the links with those of the AWS SDK.
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

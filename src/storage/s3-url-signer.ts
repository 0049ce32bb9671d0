import { LinksUnavailableError } from '../errors.js';
import { contentDispositionFor, contentTypeFor } from './download-headers.js';
import type { CredentialsProvider } from './s3-credentials.js';
import type { S3Presigner } from './s3-presigner.js';
import { secondOf, type SignedUrl, type StoredFile, type UrlSigner } from './url-signer.js';

/** As in links of the AWS SDK. They have no effect, and storage of others may not know them. */
const awsParameters = [
  ['x-amz-checksum-mode', 'ENABLED'],
  ['x-id', 'GetObject'],
] as const;

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
  async sign(
    { objectKey, fileName }: StoredFile,
    notAfter: Date | null = null,
  ): Promise<SignedUrl> {
    const { presigner, ttl } = this.options;
    const credentials = await this.options.credentials().catch((error: unknown) => {
      throw new LinksUnavailableError({ cause: error });
    });
    const now = Math.floor(Date.now() / 1000);
    const lastSecond = secondOf(credentials.expiration);
    if (lastSecond <= now) {
      throw new LinksUnavailableError({ cause: 'The credentials of the storage have expired' });
    }
    const expiresAt = Math.min(now + ttl, lastSecond, secondOf(notAfter));
    const url = presigner.presign(
      {
        method: 'GET',
        objectKey,
        parameters: [
          ['response-content-disposition', contentDispositionFor(fileName)],
          ['response-content-type', contentTypeFor(fileName)],
          ...(presigner.isAws ? awsParameters : []),
        ],
        // A lifetime has at least one second: a link that expires now was signed a second ago.
        signedAt: Math.min(now, expiresAt - 1),
        expiresAt,
      },
      credentials,
    );
    return { url, expiresAt: new Date(expiresAt * 1000) };
  }
}

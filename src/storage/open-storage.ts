import { resolve } from 'node:path';

import type { FilesConfig, LocalFilesConfig } from '../config/files.js';
import type { Logger } from '../logger.js';
import { describeBucket } from './s3-address.js';
import type { UrlSigner } from './url-signer.js';
import { awsCredentials, type CredentialsProvider } from './s3-credentials.js';
import { S3UrlSigner } from './s3-url-signer.js';
import { S3Presigner } from './s3-presigner.js';

/** The storage of files: a folder that the gateway serves, or a bucket that serves its objects itself. */
export type Storage = {
  /** A description for log lines; for a folder, its absolute path. */
  readonly place: string;
} & (
  | { readonly kind: 'local'; readonly config: LocalFilesConfig }
  | {
      readonly kind: 's3';
      readonly presigner: S3Presigner;
      readonly credentials: CredentialsProvider;
      readonly links: UrlSigner;
    }
);

/** Opens the storage of FILES_URL. Throws StartupError when it is a bucket without credentials. */
export async function openStorage(files: FilesConfig, logger: Logger): Promise<Storage> {
  if (files.kind === 'local') {
    const place = resolve(files.directory);
    return { kind: 'local', config: files, place };
  }
  const place = describeBucket(files.bucket);
  const presigner = new S3Presigner(files.bucket);
  const credentials = await awsCredentials(logger);
  return {
    kind: 's3',
    presigner,
    credentials,
    links: new S3UrlSigner({ presigner, credentials, ttl: files.linkTtl }),
    place,
  };
}

import { resolve } from 'node:path';

import type { Bucket, FilesConfig, LocalFilesConfig } from '../config/files.js';
import type { RemoteValueOptions } from '../remote-value.js';
import { LocalUrlSigner } from './local-url-signer.js';
import { awsCredentials, type CredentialsProvider } from './s3-credentials.js';
import { S3Presigner } from './s3-presigner.js';
import { S3UrlSigner } from './s3-url-signer.js';
import { loadOrCreateSigningSecret } from './signing-secret.js';
import type { UrlSigner } from './url-signer.js';

/** A folder that the gateway serves, or a bucket that serves its objects itself. */
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

/** Files that the gateway serves itself. `directory` is an absolute path. */
export interface LocalFiles {
  readonly signer: LocalUrlSigner;
  readonly directory: string;
}

/** Opens the storage of FILES_URL. Throws StartupError when it is a bucket without credentials. */
export async function openStorage(
  files: FilesConfig,
  options: Omit<RemoteValueOptions, 'name'>,
): Promise<Storage> {
  if (files.kind === 'local')
    return { kind: 'local', config: files, place: resolve(files.directory) };
  const place = describeBucket(files.bucket);
  const presigner = new S3Presigner(files.bucket);
  const credentials = await awsCredentials(options);
  const links = new S3UrlSigner({ presigner, credentials, ttl: files.linkTtl });
  return { kind: 's3', place, presigner, credentials, links };
}

/** A bucket in log lines and messages. */
function describeBucket({ name, prefix, endpoint }: Bucket): string {
  const path = prefix === '' ? '' : `/${prefix}`;
  return `s3://${name}${path}${endpoint === null ? '' : ` at ${endpoint}`}`;
}

/** The signer of links to a storage; `localFiles` is null where a bucket serves its own files. */
export async function createUrlSigner(
  storage: Storage,
  origin: () => string,
): Promise<{ signer: UrlSigner; localFiles: LocalFiles | null }> {
  if (storage.kind === 's3') return { signer: storage.links, localFiles: null };
  const { secret: given, linkTtl: ttl } = storage.config;
  const secret = 'value' in given ? given.value : await loadOrCreateSigningSecret(given.file);
  const signer = new LocalUrlSigner({ secret, ttl, origin });
  return { signer, localFiles: { signer, directory: storage.place } };
}

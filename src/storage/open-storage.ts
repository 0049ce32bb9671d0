import { resolve } from 'node:path';

import type { Bucket, FilesConfig, LocalFilesConfig } from '../config/files.js';
import type { Logger } from '../logger.js';
import type { RemoteValueOptions } from '../remote-value.js';
import { RenewableValue } from '../renewable-value.js';
import type { FileReader } from './file-reader.js';
import { LocalFileReader } from './local-file-reader.js';
import { LocalUrlSigner, type VerifiedLink } from './local-url-signer.js';
import { awsCredentials, type CredentialsProvider } from './s3-credentials.js';
import { S3FileReader } from './s3-file-reader.js';
import { S3Presigner } from './s3-presigner.js';
import { S3UrlSigner } from './s3-url-signer.js';
import { loadOrCreateSigningSecret } from './signing-secret.js';
import type { UrlSigner } from './url-signer.js';

/** How soon a gateway signs with a new secret. */
const RENEWAL_INTERVAL_MS = 60_000;

interface UrlSignerOptions {
  readonly origin: () => string;
  /** Reads the configuration again; null where no secret is in a file. */
  readonly reread: (() => Promise<FilesConfig>) | null;
  readonly logger: Logger;
}

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
  /** Checks a link, after reading changed secrets where its signature does not match. */
  readonly verify: (requestTarget: string) => Promise<VerifiedLink>;
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

export function createFileReader(storage: Storage): FileReader {
  return storage.kind === 's3'
    ? new S3FileReader(storage.links)
    : new LocalFileReader(storage.place);
}

/** A bucket in log lines and messages. */
function describeBucket({ name, prefix, endpoint }: Bucket): string {
  const path = prefix === '' ? '' : `/${prefix}`;
  return `s3://${name}${path}${endpoint === null ? '' : ` at ${endpoint}`}`;
}

/** The signer of links to a storage; `localFiles` is null where a bucket serves its own files. */
export async function createUrlSigner(
  storage: Storage,
  { origin, reread, logger }: UrlSignerOptions,
): Promise<{ signer: UrlSigner; localFiles: LocalFiles | null }> {
  if (storage.kind === 's3') return { signer: storage.links, localFiles: null };
  const { secret: given, linkTtl: ttl } = storage.config;
  const initial = 'values' in given ? given.values : [await loadOrCreateSigningSecret(given.file)];
  const options = { name: 'The secrets of links to files', logger };
  const secrets = new RenewableValue(initial, reread && (() => readSecrets(reread)), options);
  // A secret that comes or goes need not make a signature fail.
  if (reread !== null) setInterval(() => void secrets.renew(), RENEWAL_INTERVAL_MS).unref();
  const signer = new LocalUrlSigner({ secrets: () => secrets.current, ttl, origin });
  async function verify(requestTarget: string): Promise<VerifiedLink> {
    const used = secrets.current;
    const link = signer.verify(requestTarget);
    if (link.verdict !== 'invalid' || !(await secrets.isOutdated(used))) return link;
    return signer.verify(requestTarget);
  }
  return { signer, localFiles: { verify, directory: storage.place } };
}

async function readSecrets(reread: () => Promise<FilesConfig>): Promise<readonly string[]> {
  const { kind, ...files } = await reread();
  if (kind === 'local' && 'secret' in files && 'values' in files.secret) return files.secret.values;
  throw new Error('FILES_SIGNING_SECRET is not set any more.');
}

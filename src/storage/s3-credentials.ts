import { StartupError, toError } from '../errors.js';
import type { Logger } from '../logger.js';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Only temporary credentials have a session token. */
  readonly sessionToken?: string;
  /** When temporary credentials, and all links signed with them, expire. */
  readonly expiration?: Date;
}

/** Must be called before each use, because credentials rotate. */
export type CredentialsProvider = () => Promise<S3Credentials>;

/** How often credentials without an expiry are read again. */
const REFRESH_INTERVAL_MS = 60_000;

/** The default provider chain of AWS. Throws StartupError without valid credentials. */
export async function awsCredentials(logger: Logger): Promise<CredentialsProvider> {
  // Loaded on demand: the package is slow to load and local files do not need it.
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  const chain = fromNodeProviderChain({ ignoreCache: true });
  const { expiration } = await chain().catch((error: unknown) => {
    throw noCredentials(toError(error).message, { cause: error });
  });
  if (expiration !== undefined && expiration.getTime() <= Date.now()) {
    throw noCredentials(`the credentials found expired at ${expiration.toISOString()}`);
  }

  // The chain renews temporary credentials five minutes before they expire. It caches others for
  // good, although a mounted profile file may be replaced.
  let refreshedAt = Date.now();
  return async () => {
    const cached = await chain();
    const isFresh = Date.now() - refreshedAt < REFRESH_INTERVAL_MS;
    if (cached.expiration !== undefined || isFresh) return cached;
    refreshedAt = Date.now();
    try {
      return await chain({ forceRefresh: true });
    } catch (error) {
      // For example while the file is being written. The cached credentials are still valid.
      logger.warn({ err: error }, 'The credentials of the storage cannot be read again');
      return cached;
    }
  };
}

function noCredentials(reason: string, options?: ErrorOptions): StartupError {
  const problem =
    `FILES_URL names a bucket, but there are no credentials for it (${reason}). ` +
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, ' +
    'or give the container or the instance a role.';
  return new StartupError([problem], options);
}

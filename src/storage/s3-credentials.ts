import { StartupError } from '../errors.js';
import type { Logger } from '../logger.js';

/** What requests to object storage are signed with. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** That of temporary credentials. */
  readonly sessionToken?: string;
  /** When temporary credentials stop working, and everything signed with them. */
  readonly expiration?: Date;
}

/** Gives the credentials of the moment. To be asked before each use: they may have been exchanged. */
export type CredentialsProvider = () => Promise<S3Credentials>;

/** A provider of the AWS SDK, which remembers what it found until that expires. */
export type CachingProvider = (options?: { forceRefresh?: boolean }) => Promise<S3Credentials>;

/** How long credentials without an expiry are believed before the chain is asked again. */
const LOOK_AGAIN_MS = 60_000;

/**
 * The default chain of AWS: environment, profile files, container and instance roles. Throws StartupError when none of them
 * has credentials.
 */
export async function awsCredentials(logger: Logger): Promise<CredentialsProvider> {
  // Only now, for it takes time to load and local files need none of it.
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  const chain = fromNodeProviderChain({ ignoreCache: true });
  const { expiration } = await chain().catch((error: unknown) => {
    throw noCredentials(error instanceof Error ? error.message : String(error), { cause: error });
  });
  if (expiration !== undefined && expiration.getTime() <= Date.now()) {
    throw noCredentials(`those found expired at ${expiration.toISOString()}`);
  }
  return withPeriodicRefresh(chain, logger);
}

function noCredentials(reason: string, options?: ErrorOptions): StartupError {
  const problem =
    `FILES_URL names a bucket, but there are no credentials for it (${reason}). Set AWS_ACCESS_KEY_ID and ` +
    'AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the container or the instance a role.';
  return new StartupError([problem], options);
}

/**
 * The chain renews temporary credentials by itself, in the background from five minutes before they expire. Those without
 * an expiry it would keep for ever, though a mounted profile file may be exchanged: it is read again once a minute.
 */
export function withPeriodicRefresh(chain: CachingProvider, logger: Logger): CredentialsProvider {
  let lookedAt = Date.now();
  return async () => {
    const known = await chain();
    if (known.expiration !== undefined || Date.now() - lookedAt < LOOK_AGAIN_MS) return known;
    lookedAt = Date.now();
    try {
      return await chain({ forceRefresh: true });
    } catch (error) {
      // Such as a file that is just being written. What is known has not been taken back.
      logger.warn({ err: error }, 'The credentials of the storage could not be read again');
      return known;
    }
  };
}

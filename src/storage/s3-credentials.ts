import { withDeadline } from '../deadline.js';
import { StartupError, toError } from '../errors.js';
import { REMOTE_TIMEOUT_MS, RemoteValue, type RemoteValueOptions } from '../remote-value.js';

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

/** How often credentials without an expiry are loaded again. */
const REFRESH_INTERVAL_MS = 60_000;
/** Temporary credentials are renewed in the background when they expire sooner. */
const RENEW_BEFORE_MS = 300_000;
/** For programs that ask an identity provider; at a start, no request waits. */
const START_TIMEOUT_MS = 10_000;

/** The default provider chain of AWS. Throws StartupError without valid credentials. */
export async function awsCredentials(
  options: Omit<RemoteValueOptions, 'name'>,
): Promise<CredentialsProvider> {
  // Loaded on demand: the package is slow to load and local files do not need it.
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  // A new chain for each load: all later calls of a chain wait for one that hangs.
  const load = (): Promise<S3Credentials> =>
    fromNodeProviderChain({ ignoreCache: true, clientConfig: { requestHandler } })();
  let known = await withDeadline(load(), START_TIMEOUT_MS).catch((error: unknown) => {
    throw noCredentials(toError(error).message, { cause: error });
  });
  const expiresAt = known.expiration;
  if (expiresAt !== undefined && expiresAt.getTime() <= Date.now()) {
    throw noCredentials(`the credentials found expired at ${expiresAt.toISOString()}`);
  }

  const name = 'The credentials of the bucket';
  const credentials = new RemoteValue(async () => (known = await load()), {
    ...options,
    name,
    isLoaded: true,
  });
  return async () => {
    const lifetime = (known.expiration?.getTime() ?? Infinity) - Date.now();
    if (lifetime <= 0) return credentials.reload();
    if (credentials.age < REFRESH_INTERVAL_MS) return known;
    if (lifetime < RENEW_BEFORE_MS) void credentials.refresh();
    if (known.expiration !== undefined) return known;
    // A mounted profile file may have been replaced, or is just being written.
    await credentials.refresh();
    return known;
  };
}

/** For the clients of STS and SSO; they end calls that nothing waits for any longer. */
const requestHandler = {
  connectionTimeout: REMOTE_TIMEOUT_MS,
  requestTimeout: REMOTE_TIMEOUT_MS,
  throwOnRequestTimeout: true,
};

function noCredentials(reason: string, options?: ErrorOptions): StartupError {
  const problem =
    `FILES_URL names a bucket, but there are no credentials for it (${reason}). ` +
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, ' +
    'or give the container or the instance a role.';
  return new StartupError([problem], options);
}

import type { AuthConfig } from '../config/auth.js';
import { TABLES, type TableName } from '../database/catalog.js';
import type { Database } from '../database/database.js';
import { StartupError, UnauthenticatedError, type AuthenticationFailure } from '../errors.js';
import { ApiKeyRepository } from './api-key-repository.js';
import { ApiKeys } from './api-keys.js';
import { BearerTokens, type KeySetOptions } from './bearer-tokens.js';
import { alwaysValid, type Authenticate, type RequestHeaders } from './viewer.js';

type OnFailed = (failure: AuthenticationFailure) => void;

/** The tables that a gateway needs: that of API keys only when they are the only credentials. */
export function requiredTables(config: AuthConfig): readonly TableName[] {
  const needsKeys = config.kind === 'required' && config.jwt === null;
  return needsKeys ? TABLES : ['exports', 'export_files'];
}

/** The configured authentication. Throws StartupError when no client could authenticate. */
export async function createAuthentication(
  config: AuthConfig,
  database: Database,
  { onFailed, ...keySetOptions }: KeySetOptions & { onFailed: OnFailed },
): Promise<Authenticate> {
  if (config.kind === 'off') {
    const { organization } = config;
    const all = { onlyRequestedBy: null, requester: null, canReadFiles: true };
    const viewer = { id: null, organization, ...all, ...alwaysValid };
    return () => Promise.resolve(viewer);
  }
  const keys = new ApiKeyRepository(database);
  if (config.jwt === null && !(await keys.hasUsable(new Date()))) {
    throw new StartupError([
      'AUTH is required, but no client could authenticate. Create an API key with ' +
        'npm run api-key -- create --organization ORG --name NAME, ' +
        'or set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL, or set AUTH=off.',
    ]);
  }
  const exports = database.catalog.get('exports');
  if (config.jwt?.requesterClaim != null && exports?.columns.has('requested_by') === false) {
    throw new StartupError([
      'JWT_REQUESTER_CLAIM needs the column requested_by, which exports lacks. ' +
        'Add it to the view, or unset JWT_REQUESTER_CLAIM: tokens then see all of an organization.',
    ]);
  }
  const { key, issuer = null, audience = null } = config.jwt ?? {};
  if (key?.kind === 'jwks' && issuer === null && audience === null) {
    keySetOptions.logger.warn(
      'JWT_JWKS_URL is set without JWT_ISSUER and JWT_AUDIENCE, so tokens for any application of ' +
        'its issuer are accepted: set JWT_AUDIENCE, or JWT_ISSUER if the tokens have no audience.',
    );
  }
  const tokens = config.jwt && new BearerTokens(config.jwt, keySetOptions);
  const authenticate = authenticateByKeyOrToken(new ApiKeys(keys), tokens);
  return async (headers) => {
    try {
      return await authenticate(headers);
    } catch (error) {
      if (error instanceof UnauthenticatedError) onFailed(error.failure);
      throw error;
    }
  };
}

/**
 * Authenticates by `X-API-Key`, or by `Authorization: Bearer …` unless `tokens` is null. Beside a key
 * it ignores what a proxy may have put into `Authorization`, but no token: the two may see different
 * exports.
 */
function authenticateByKeyOrToken(keys: ApiKeys, tokens: BearerTokens | null): Authenticate {
  return async (headers) => {
    const key = singleValue(headers, 'x-api-key');
    const authorization = singleValue(headers, 'authorization');
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (key !== undefined) {
      const viewer = await keys.authenticate(key);
      if (token === undefined || tokens === null) return viewer;
      await tokens.authenticate(token);
      const advice = 'Send an X-API-Key header or a bearer token, not both: each of them is valid.';
      throw new UnauthenticatedError('ambiguous', 'an API key and a token, both valid', advice);
    }
    if (authorization === undefined) {
      throw new UnauthenticatedError('no_credentials', 'no credentials');
    }
    if (token === undefined) {
      throw new UnauthenticatedError('malformed', 'Authorization is not a bearer token');
    }
    if (tokens === null) throw new UnauthenticatedError('tokens_off', 'no JWT key is configured');
    return tokens.authenticate(token);
  };
}

/** The value of a header; undefined when it is missing or empty. */
function singleValue(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name];
  if (Array.isArray(value)) throw new UnauthenticatedError('malformed', `${name} is repeated`);
  return value === '' ? undefined : value;
}

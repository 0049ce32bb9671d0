import { UnauthenticatedError } from '../errors.js';
import type { ApiKeys } from './api-keys.js';
import type { BearerTokens } from './bearer-tokens.js';
import type { Authenticate, RequestHeaders } from './viewer.js';

/** Authentication by `X-API-Key` or by `Authorization: Bearer …`; null: no tokens are configured. */
export function authenticateByKeyOrToken(
  apiKeys: ApiKeys,
  tokens: BearerTokens | null,
): Authenticate {
  return async (headers) => {
    const key = onlyValue(headers, 'x-api-key');
    const authorization = onlyValue(headers, 'authorization');
    if (key !== undefined && authorization !== undefined) {
      throw new UnauthenticatedError('both X-API-Key and Authorization are given');
    }
    if (key !== undefined) return apiKeys.viewerOf(key);
    if (authorization === undefined) throw new UnauthenticatedError('no credentials are given');
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) throw new UnauthenticatedError('Authorization is not of Bearer');
    if (tokens === null)
      throw new UnauthenticatedError('no JWT_… setting, so tokens cannot be checked');
    return tokens.viewerOf(token);
  };
}

function onlyValue(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name];
  if (Array.isArray(value)) throw new UnauthenticatedError(`${name} is given more than once`);
  return value === '' ? undefined : value;
}

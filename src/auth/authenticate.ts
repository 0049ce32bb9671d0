import { UnauthenticatedError } from '../errors.js';
import type { ApiKeys } from './api-keys.js';
import type { BearerTokens } from './bearer-tokens.js';
import type { Authenticate, RequestHeaders } from './viewer.js';

/** Authenticates by `X-API-Key`, or by `Authorization: Bearer …` unless `tokens` is null. */
export function authenticateByKeyOrToken(keys: ApiKeys, tokens: BearerTokens | null): Authenticate {
  return async (headers) => {
    const key = singleValue(headers, 'x-api-key');
    const authorization = singleValue(headers, 'authorization');
    if (key !== undefined && authorization !== undefined) {
      throw new UnauthenticatedError('X-API-Key and Authorization exclude each other');
    }
    if (key !== undefined) return keys.authenticate(key);
    if (authorization === undefined) throw new UnauthenticatedError('no credentials');
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) throw new UnauthenticatedError('Authorization is not a bearer token');
    if (tokens === null) throw new UnauthenticatedError('no JWT key is configured');
    return tokens.authenticate(token);
  };
}

/** The value of a header; undefined when it is missing or empty. */
function singleValue(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name];
  if (Array.isArray(value)) throw new UnauthenticatedError(`${name} is repeated`);
  return value === '' ? undefined : value;
}

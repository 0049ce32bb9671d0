import { expect } from '@jest/globals';
import { SignJWT, type JWTPayload } from 'jose';

import { ApiKey, hashApiKey } from '../../src/auth/api-key.js';
import { readConfig } from '../../src/config/config.js';
import type { Gateway, RawResponse } from '../support/gateway.js';

/** A key in the form of a generated one, recognizable by its name. */
export function keyNamed(name: string): string {
  return `egk_${name.padEnd(43, 'Aa0-_')}`;
}

/** The row of a key. */
export function apiKeyRow(
  key: string,
  organizationId: string,
  changes: Partial<Pick<ApiKey, 'expiresAt' | 'revokedAt' | 'canReadFiles'>> = {},
): ApiKey {
  const keyHash = hashApiKey(key);
  return Object.assign(new ApiKey(), {
    id: `key_${keyHash.slice(0, 22)}`,
    organizationId,
    name: 'A key of the tests',
    keyHash,
    createdAt: new Date('2026-01-01T00:00:00.000Z'),
    expiresAt: null,
    revokedAt: null,
    canReadFiles: true,
    ...changes,
  });
}

export const tokenSecret = 'a secret of the tests with 40 characters';

/** The settings of a gateway that accepts API keys and the tokens of `signToken`. */
export function tokensAccepted(settings: Readonly<Record<string, string>> = {}) {
  return { auth: readConfig({ AUTH: 'required', JWT_SECRET: tokenSecret, ...settings }).auth };
}

/** A token that is valid for an hour, unless another time is given. */
export function signToken(
  claims: JWTPayload,
  { secret = tokenSecret, lifetime = '1h' } = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(lifetime)
    .sign(Buffer.from(secret));
}

/** Lists all exports that the credentials in `headers` may read. */
export function listExports(
  gateway: Pick<Gateway, 'send'>,
  headers: readonly string[],
): Promise<RawResponse> {
  return gateway.send({ headers, body: { query: '{ exports(limit: 100) { data { id } } }' } });
}

/** The ids in a successful response to `listExports`. */
export function exportIds({ status, text }: RawResponse): string[] {
  expect([status, text]).toEqual([200, expect.stringContaining('"data"')]);
  const { data } = JSON.parse(text) as { data: { exports: { data: { id: string }[] } } };
  return data.exports.data.map(({ id }) => id);
}

/** The response to every request without valid credentials. */
export const refusal =
  '{"errors":[{"message":"Valid credentials are needed: an X-API-Key header or a bearer token.",' +
  '"extensions":{"code":"UNAUTHENTICATED"}}]}';

/**
 * Expects the bytes of a request without credentials, apart from the challenge to those with a
 * token, and the cause in the log only.
 */
export async function expectUnauthenticated(
  gateway: Pick<Gateway, 'send'>,
  headers: readonly string[],
  cause: RegExp | string,
): Promise<void> {
  const response = await listExports(gateway, headers);
  const { headers: expected } = await listExports(gateway, []);
  expect(response).toMatchObject({ status: 401, text: refusal });
  const challenge = expect.stringMatching(/^Bearer( error="invalid_token")?$/);
  expect(response.headers).toEqual({ ...expected, 'www-authenticate': challenge });
  expect(response.headers['cache-control']).toBe('private, no-store');
  const refusals = response.logged.filter(({ msg }) => msg === 'UnauthenticatedError');
  expect(refusals.map((line) => line['cause'])).toEqual([expect.stringMatching(cause)]);
  expect(response.statements.filter((sql) => !sql.includes('api_keys'))).toEqual([]);
}

/** Expects neither these texts nor their hashes in the log of a gateway. */
export function expectNotLogged(gateway: Pick<Gateway, 'log'>, secrets: readonly string[]): void {
  const log = JSON.stringify(gateway.log);
  for (const secret of secrets) {
    expect(log).not.toContain(secret);
    expect(log).not.toContain(hashApiKey(secret));
  }
}

import type { KeyObject } from 'node:crypto';

import {
  createRemoteJWKSet,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyOptions,
} from 'jose';

import { isOrganizationId, type JwtConfig } from '../config/auth.js';
import { ServiceUnavailableError, UnauthenticatedError } from '../errors.js';
import type { Viewer } from './viewer.js';

/** The clocks of issuer and gateway may differ by this much, in seconds. */
const CLOCK_TOLERANCE = 5;

/** What a key set may sign with: public keys only, so that no published key can pass for a shared secret. */
const KEY_SET_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** Knows viewers by JSON Web Tokens. The algorithm is fixed by the setting; what a token says of itself is only checked. */
export class BearerTokens {
  private readonly verify: (token: string) => Promise<JWTPayload>;

  constructor(private readonly config: JwtConfig) {
    this.verify = verifierOf(config);
  }

  /** Throws UnauthenticatedError, and ServiceUnavailableError when the key set cannot be fetched. */
  async viewerOf(token: string): Promise<Viewer> {
    const claims = await this.claimsOf(token);
    const organization = claims[this.config.organizationClaim];
    if (!isOrganizationId(organization)) {
      throw new UnauthenticatedError(`the token has no claim ${this.config.organizationClaim}`);
    }
    return { organization };
  }

  private async claimsOf(token: string): Promise<JWTPayload> {
    try {
      return await this.verify(token);
    } catch (error) {
      if (this.config.key.kind === 'jwks' && isFaultOfKeySet(error)) {
        throw new ServiceUnavailableError({ cause: error });
      }
      // Its messages name the check that failed, never the token.
      if (error instanceof errors.JOSEError) throw new UnauthenticatedError(error.message);
      throw error;
    }
  }
}

function verifierOf({ key, issuer, audience }: JwtConfig): (token: string) => Promise<JWTPayload> {
  const options = (algorithms: readonly string[]): JWTVerifyOptions => ({
    algorithms: [...algorithms],
    clockTolerance: CLOCK_TOLERANCE,
    ...(issuer !== null && { issuer }),
    ...(audience !== null && { audience }),
  });
  if (key.kind === 'jwks') {
    // Fetches the set when a token names a key it does not know, at most every 30 seconds: so keys can be rotated.
    const keySet = createRemoteJWKSet(new URL(key.url));
    return async (token) => (await jwtVerify(token, keySet, options(KEY_SET_ALGORITHMS))).payload;
  }
  const material: KeyObject | Uint8Array =
    key.kind === 'secret' ? new TextEncoder().encode(key.secret) : key.publicKey;
  const algorithm = key.kind === 'secret' ? 'HS256' : key.algorithm;
  return async (token) => (await jwtVerify(token, material, options([algorithm]))).payload;
}

/** Whether it is not the token's fault: the key set does not answer, or with something else. */
function isFaultOfKeySet(error: unknown): boolean {
  return (
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === 'ERR_JOSE_GENERIC'
  );
}

import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';

import { isOrganizationId, type AuthConfig, type JwtConfig } from '../config/auth.js';
import {
  KeySetUnavailableError,
  UnauthenticatedError,
  type AuthenticationFailure,
} from '../errors.js';
import type { RemoteValueOptions } from '../remote-value.js';
import { RenewableValue } from '../renewable-value.js';
import { hasScope, readClaim } from './claims.js';
import { RemoteKeySet } from './remote-key-set.js';
import type { Viewer } from './viewer.js';

/** The clocks of issuer and gateway may differ by this many seconds. */
const CLOCK_TOLERANCE_S = 5;

/** Public-key algorithms only: with HMAC, anyone could sign with a key that the set publishes. */
const KEY_SET_ALGORITHMS =
  'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

/** How a key set is fetched, and how a key in a file is read again; null where there is none. */
export type KeySetOptions = Omit<RemoteValueOptions, 'name'> & {
  readonly reread?: (() => Promise<AuthConfig>) | null | undefined;
};

type TokenKey = JwtConfig['key'];
type Verify = ReturnType<typeof createVerifier>;

/** Authenticates by JSON Web Token. The configuration, not the token, decides the algorithm. */
export class BearerTokens {
  private readonly key: RenewableValue<TokenKey>;
  private readonly verifiers = new WeakMap<TokenKey, Verify>();

  constructor(
    private readonly config: JwtConfig,
    private readonly keySetOptions: KeySetOptions,
  ) {
    const { reread = null, logger } = keySetOptions;
    const read = reread && (async () => keyOf(await reread()));
    this.key = new RenewableValue(config.key, read, { name: 'The keys of tokens', logger });
  }

  /** Throws UnauthenticatedError, or KeySetUnavailableError when the key set cannot be fetched. */
  async authenticate(token: string): Promise<Viewer> {
    const claims = await this.verify(token);
    const { organizationClaim, filesScope } = this.config;
    const organization = readClaim(claims, organizationClaim);
    if (!isOrganizationId(organization)) {
      throw new UnauthenticatedError('token_claims', `no valid claim ${organizationClaim}`);
    }
    const { sub, exp = 0 } = claims;
    const expiresAt = (exp + CLOCK_TOLERANCE_S) * 1_000;
    return {
      id: typeof sub === 'string' ? sub : null,
      organization,
      ...this.requester(claims),
      canReadFiles: filesScope === null || hasScope(claims, filesScope),
      expiresAt,
      // A token cannot be revoked.
      async revalidate() {
        if (expiresAt <= Date.now()) throw tokenExpired();
      },
    };
  }

  /** The requester that the token names, and whether it shows the exports of no other. */
  private requester(claims: JWTPayload): Pick<Viewer, 'requester' | 'onlyRequestedBy'> {
    const { requesterClaim, allExportsScope } = this.config;
    if (requesterClaim === null) return { requester: null, onlyRequestedBy: null };
    const claim = readClaim(claims, requesterClaim);
    const requester = isRequester(claim) ? claim : null;
    const showsAll = allExportsScope !== null && hasScope(claims, allExportsScope);
    if (showsAll) return { requester, onlyRequestedBy: null };
    if (requester !== null) return { requester, onlyRequestedBy: requester };
    const without = allExportsScope === null ? '' : `, nor the scope ${allExportsScope}`;
    throw new UnauthenticatedError('token_claims', `no valid claim ${requesterClaim}${without}`);
  }

  private verifierOf(key: TokenKey): Verify {
    const known = this.verifiers.get(key);
    if (known !== undefined) return known;
    const verifier = createVerifier(key, this.config, this.keySetOptions);
    this.verifiers.set(key, verifier);
    return verifier;
  }

  private async verify(token: string, key = this.key.current): Promise<JWTPayload> {
    try {
      return (await this.verifierOf(key)(token)).payload;
    } catch (error) {
      if (isOfOtherKey(error) && (await this.key.isOutdated(key))) return this.verify(token);
      if (this.config.key.kind === 'jwks' && isKeySetError(error)) {
        throw new KeySetUnavailableError({ cause: error });
      }
      if (!(error instanceof errors.JOSEError)) throw error;
      // jose's messages name the failed check and never contain the token.
      const failure = failureOf(error);
      throw failure === 'token_expired'
        ? tokenExpired()
        : new UnauthenticatedError(failure, error.message);
    }
  }
}

function keyOf(config: AuthConfig): TokenKey {
  if (config.kind === 'required' && config.jwt !== null) return config.jwt.key;
  throw new Error('No key of tokens is set any more.');
}

/** Whether another key could have signed a token. */
function isOfOtherKey(error: unknown): boolean {
  return (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed
  );
}

function tokenExpired(): UnauthenticatedError {
  return new UnauthenticatedError('token_expired', 'the token has expired');
}

function failureOf(error: errors.JOSEError): AuthenticationFailure {
  if (error instanceof errors.JWTExpired) return 'token_expired';
  return error instanceof errors.JWTClaimValidationFailed ? 'token_claims' : 'token_invalid';
}

function createVerifier(
  key: TokenKey,
  { issuer, audience }: JwtConfig,
  keySetOptions: KeySetOptions,
) {
  const verifier = (getKey: JWTVerifyGetKey, algorithms: string[]) => {
    const claims = { ...(issuer !== null && { issuer }), ...(audience !== null && { audience }) };
    const rules = { clockTolerance: CLOCK_TOLERANCE_S, requiredClaims: ['exp'] };
    const options = { algorithms, ...rules, ...claims };
    return (token: string) => jwtVerify(token, getKey, options);
  };
  if (key.kind === 'jwks') {
    return verifier(new RemoteKeySet(key.url, keySetOptions).getKey, KEY_SET_ALGORITHMS);
  }
  if (key.kind === 'public') return verifier(() => key.publicKey, [key.algorithm]);
  const secret = new TextEncoder().encode(key.secret);
  return verifier(() => secret, ['HS256']);
}

/** Whether `exports.requested_by` can hold a value, which is empty for no requester. */
function isRequester(value: string | undefined): value is string {
  const length = Array.from(value ?? '').length;
  return length >= 1 && length <= 255 && value?.isWellFormed() === true && !value.includes('\0');
}

/** Whether the key set is unavailable or invalid, so that no token can be verified. */
function isKeySetError(error: unknown): boolean {
  return (
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === 'ERR_JOSE_GENERIC'
  );
}

import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';

import { REMOTE_TIMEOUT_MS, RemoteValue, type RemoteValueOptions } from '../remote-value.js';

/** Older keys are fetched again before use, so that a removed key is no longer accepted. */
const MAX_AGE_MS = 600_000;
/** A token with an unknown key id fetches keys that are older, because keys rotate. */
const MIN_AGE_MS = 30_000;

/**
 * The JSON Web Key Set at a URL. jose fetches, validates and selects the keys, but would discard
 * known ones when a fetch fails, and make each caller in turn wait for a server that hangs.
 */
export class RemoteKeySet {
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  readonly #keys: RemoteValue<void>;

  constructor(url: string, options: Omit<RemoteValueOptions, 'name'>) {
    const { timeoutMs = REMOTE_TIMEOUT_MS } = options;
    // Only reload() fetches: to jose, the keys stay fresh.
    const fresh = { cacheMaxAge: Infinity, cooldownDuration: Infinity };
    this.#set = createRemoteJWKSet(new URL(url), { ...fresh, timeoutDuration: timeoutMs });
    const name = 'The keys of the token issuer (JWKS)';
    this.#keys = new RemoteValue(() => this.#set.reload(), { ...options, name });
  }

  /** Throws JWKSNoMatchingKey, or another error when the keys cannot be fetched or used. */
  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    if (this.#keys.age === Infinity) await this.#keys.reload();
    else if (this.#keys.age > MAX_AGE_MS) await this.#keys.refresh();
    try {
      return await this.#set(header, token);
    } catch (error) {
      const isUnknown = error instanceof errors.JWKSNoMatchingKey;
      if (!isUnknown || this.#keys.age < MIN_AGE_MS) throw error;
      await this.#keys.reload();
      return this.#set(header, token);
    }
  };
}

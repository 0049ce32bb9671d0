import { LRUCache } from 'lru-cache';

import {
  ApiKeysUnavailableError,
  OverloadedError,
  ServiceUnavailableError,
  UnauthenticatedError,
} from '../errors.js';
import type { ApiKeyRepository } from './api-key-repository.js';
import { hashApiKey, type ApiKey } from './api-key.js';
import type { Viewer } from './viewer.js';

/** How long a lookup stays valid, and so how long a revoked key may still work. */
export const CACHE_TTL_MS = 15_000;
/** Unknown keys are cached too, so a client could fill the memory without this limit. */
const MAX_CACHED_KEYS = 10_000;
/** Keeps clients that guess keys from using up the database at the expense of valid clients. */
const MAX_CONCURRENT_LOOKUPS = 100;

/** Concurrent requests share a lookup by the key's hash, so its duration reveals no other key. */
export class ApiKeys {
  private readonly lookups = new LRUCache<string, Promise<ApiKey | null>>({
    max: MAX_CACHED_KEYS,
    ttl: CACHE_TTL_MS,
  });

  /** The hashes of keys found at their last lookup, which are exempt from the lookup limit. */
  private readonly knownHashes = new LRUCache<string, true>({ max: MAX_CACHED_KEYS });
  private runningLookups = 0;

  constructor(private readonly repository: ApiKeyRepository) {}

  /**
   * Throws UnauthenticatedError, ApiKeysUnavailableError at the deadline of the query or before, or
   * OverloadedError when too many lookups are running.
   */
  async authenticate(key: string): Promise<Viewer> {
    const hash = hashApiKey(key);
    const found = await this.validKey(hash);
    const { id, organizationId: organization, canReadFiles } = found;
    return {
      id,
      organization,
      onlyRequestedBy: null,
      requester: null,
      canReadFiles,
      expiresAt: found.expiresAt?.getTime() ?? Infinity,
      revalidate: async () => {
        const now = await this.validKey(hash);
        if (now.organizationId === organization && now.canReadFiles === canReadFiles) return;
        throw new UnauthenticatedError('key_revoked', `API key ${id} has other rights now`);
      },
    };
  }

  private async validKey(hash: string): Promise<ApiKey> {
    const found = await this.lookup(hash);
    if (found === null) throw new UnauthenticatedError('key_unknown', 'unknown API key');
    if (found.revokedAt !== null) {
      throw new UnauthenticatedError('key_revoked', `API key ${found.id} is revoked`);
    }
    if (found.expiresAt !== null && found.expiresAt <= new Date()) {
      throw new UnauthenticatedError('key_expired', `API key ${found.id} has expired`);
    }
    return found;
  }

  private async lookup(hash: string): Promise<ApiKey | null> {
    const cached = this.lookups.get(hash);
    if (cached !== undefined) return cached;
    if (this.runningLookups >= MAX_CONCURRENT_LOOKUPS && !this.knownHashes.has(hash)) {
      throw new OverloadedError();
    }
    this.runningLookups++;
    const lookup = this.repository.findByHash(hash).catch(rethrow);
    this.lookups.set(hash, lookup);
    try {
      const key = await lookup;
      if (key !== null) this.knownHashes.set(hash, true);
      return key;
    } catch (error) {
      // A failed lookup does not show whether the key exists.
      this.lookups.delete(hash);
      throw error;
    } finally {
      this.runningLookups--;
    }
  }
}

function rethrow(error: unknown): never {
  if (!(error instanceof ServiceUnavailableError)) throw error;
  throw new ApiKeysUnavailableError({ cause: error.cause });
}

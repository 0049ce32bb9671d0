import { LRUCache } from 'lru-cache';

import { OverloadedError, UnauthenticatedError } from '../errors.js';
import type { ApiKeyRepository } from './api-key-repository.js';
import { hashApiKey, type ApiKey } from './api-key.js';
import type { Viewer } from './viewer.js';

/** How long a key is believed without asking the database again: what a revoked one still works at most. */
const CACHE_MS = 15_000;
/**
 * How many keys are looked up at once, at most: whoever sends another one each time must not take the database from those whose keys are
 * known.
 */
const MOST_LOOK_UPS = 100;
/** Keys that are unknown are remembered, too, so the number of entries must have a bound. */
const CACHE_SIZE = 10_000;

/**
 * Knows viewers by API keys. A key is looked up by its hash, so how long that takes says nothing about other keys, and
 * every refusal is the same.
 */
export class ApiKeys {
  private readonly lookUps = new LRUCache<string, Promise<ApiKey | null>>({
    max: CACHE_SIZE,
    ttl: CACHE_MS,
  });

  /** Those that there were when they were last looked up. */
  private readonly found = new LRUCache<string, true>({ max: CACHE_SIZE });
  private lookingUp = 0;

  constructor(private readonly repository: ApiKeyRepository) {}

  /** Throws UnauthenticatedError, or OverloadedError when there are too many keys to look up. */
  async viewerOf(key: string): Promise<Viewer> {
    const found = await this.lookUp(hashApiKey(key));
    if (found === null) throw new UnauthenticatedError('no such API key');
    if (found.revokedAt !== null) throw new UnauthenticatedError(`API key ${found.id} is revoked`);
    if (found.expiresAt !== null && found.expiresAt <= new Date()) {
      throw new UnauthenticatedError(`API key ${found.id} has expired`);
    }
    return { organization: found.organizationId };
  }

  private async lookUp(hash: string): Promise<ApiKey | null> {
    const known = this.lookUps.get(hash);
    if (known !== undefined) return known;
    if (this.lookingUp >= MOST_LOOK_UPS && !this.found.has(hash)) throw new OverloadedError();
    this.lookingUp++;
    const lookUp = this.repository.findByHash(hash);
    this.lookUps.set(hash, lookUp);
    try {
      const key = await lookUp;
      if (key !== null) this.found.set(hash, true);
      return key;
    } catch (error) {
      // An outage is no answer to remember.
      this.lookUps.delete(hash);
      throw error;
    } finally {
      this.lookingUp--;
    }
  }
}

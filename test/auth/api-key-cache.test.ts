import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';

import type { ApiKeyRepository } from '../../src/auth/api-key-repository.js';
import type { ApiKey } from '../../src/auth/api-key.js';
import type { ApiKeys } from '../../src/auth/api-keys.js';

// The cache takes hold of the clock when its module is read, so the clock must be false before.
jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
const { ApiKeys: Keys } = await import('../../src/auth/api-keys.js');
const { apiKeyRow, keyNamed } = await import('./credentials.js');

const usable = keyNamed('usable');
const second = 1_000;

describe('the cache of API keys', () => {
  let rows: ApiKey[];
  let lookUps: number;
  let failure: Error | null;
  let keys: ApiKeys;

  beforeAll(() => {
    // Otherwise nothing below would be tested.
    const before = performance.now();
    jest.advanceTimersByTime(second);
    expect(performance.now() - before).toBe(second);
  });
  afterAll(() => {
    jest.useRealTimers();
  });

  beforeEach(() => {
    rows = [apiKeyRow(usable, 'org_a')];
    lookUps = 0;
    failure = null;
    const repository: Pick<ApiKeyRepository, 'findByHash'> = {
      async findByHash(hash) {
        lookUps++;
        await Promise.resolve();
        if (failure !== null) throw failure;
        const found = rows.find(({ keyHash }) => keyHash === hash);
        // A row is what it was when it was read.
        return found === undefined ? null : Object.assign(apiKeyRow(usable, 'org_a'), found);
      },
    };
    keys = new Keys(repository as ApiKeyRepository);
  });

  const isKnown = (key: string): Promise<boolean> =>
    keys.viewerOf(key).then(
      () => true,
      () => false,
    );

  it('looks no more than 100 keys up at once; those that are known go on to work', async () => {
    expect(await isKnown(usable)).toBe(true);
    const others = Array.from({ length: 101 }, (_, at) => keys.viewerOf(keyNamed(`other${at}`)));
    const refusals = await Promise.allSettled([...others, keys.viewerOf(usable)]);
    const reasons = refusals.map((each) =>
      each.status === 'rejected' ? (each.reason as Error).name : each.value.organization,
    );
    const unknown = Array.from({ length: 100 }, () => 'UnauthenticatedError');
    expect(reasons).toEqual([...unknown, 'OverloadedError', 'org_a']);
    expect(lookUps).toBe(101);
    // And when they are done, others are looked up again.
    await expect(keys.viewerOf(keyNamed('later'))).rejects.toThrow('credentials');
  });

  it('looks a key up once, whoever uses it how often', async () => {
    for (let use = 0; use < 100; use++) {
      expect(await keys.viewerOf(usable)).toEqual({ organization: 'org_a' });
    }
    expect(lookUps).toBe(1);
  });

  it('looks a key up once for requests that come at once', async () => {
    await Promise.all(Array.from({ length: 100 }, () => keys.viewerOf(usable)));
    expect(lookUps).toBe(1);
  });

  it('forgets a key that was revoked within 30 seconds, though it is in use all the time', async () => {
    expect(await isKnown(usable)).toBe(true);
    for (const row of rows) row.revokedAt = new Date();
    const revokedAt = Date.now();
    while (await isKnown(usable)) {
      jest.advanceTimersByTime(second);
      if (Date.now() - revokedAt > 60 * second) break;
    }
    expect(Date.now() - revokedAt).toBeLessThan(30 * second);
    // And believes it for a while, or it would be no cache.
    expect(Date.now() - revokedAt).toBeGreaterThan(second);
    await expect(keys.viewerOf(usable)).rejects.toMatchObject({
      extensions: { code: 'UNAUTHENTICATED' },
    });
    expect(lookUps).toBe(2);
  });

  it('knows a key that was made a moment after it was refused, within 30 seconds', async () => {
    const made = keyNamed('made later');
    expect(await isKnown(made)).toBe(false);
    rows.push(apiKeyRow(made, 'org_b'));
    jest.advanceTimersByTime(30 * second);
    expect(await keys.viewerOf(made)).toEqual({ organization: 'org_b' });
  });

  it('looks at the expiry at every use, not only at the look-up', async () => {
    rows = [apiKeyRow(usable, 'org_a', { expiresAt: new Date(Date.now() + 2 * second) })];
    expect(await isKnown(usable)).toBe(true);
    jest.advanceTimersByTime(2 * second - 1);
    expect(await isKnown(usable)).toBe(true);
    jest.advanceTimersByTime(1);
    expect(await isKnown(usable)).toBe(false);
    expect(lookUps).toBe(1);
  });

  it('does not remember that a look-up failed', async () => {
    failure = new Error('The database is gone');
    const asked = [keys.viewerOf(usable), keys.viewerOf(usable)];
    for (const result of await Promise.allSettled(asked)) {
      expect(result).toEqual({ status: 'rejected', reason: failure });
    }
    expect(lookUps).toBe(1);
    failure = null;
    expect(await keys.viewerOf(usable)).toEqual({ organization: 'org_a' });
  });

  it('remembers no more than so many keys, however many are tried', async () => {
    const tries = 20_000;
    expect(await isKnown('tried first')).toBe(false);
    for (let tried = 0; tried < tries; tried++) expect(await isKnown(`tried ${tried}`)).toBe(false);
    expect(lookUps).toBe(tries + 1);
    await isKnown('tried first');
    expect(lookUps).toBe(tries + 2);
    await isKnown(`tried ${tries - 1}`);
    expect(lookUps).toBe(tries + 2);
  });
});

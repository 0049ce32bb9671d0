import { beforeEach, describe, expect, it, jest } from '@jest/globals';

import type { ApiKeyRepository } from '../../src/auth/api-key-repository.js';
import type { ApiKey } from '../../src/auth/api-key.js';

// The cache captures the clock when its module loads, so the fake clock must be installed before.
jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
// lru-cache takes a start at the time 0 as none.
jest.advanceTimersByTime(1);
const { ApiKeys, CACHE_TTL_MS } = await import('../../src/auth/api-keys.js');
const { apiKeyRow, keyNamed } = await import('./credentials.js');

const valid = keyNamed('valid');
const { id } = apiKeyRow(valid, 'org_a');
const viewer: unknown = {
  ...{ id, organization: 'org_a', onlyRequestedBy: null, requester: null, canReadFiles: true },
  ...{ expiresAt: Infinity, revalidate: expect.any(Function) },
};

describe('the cache of API keys', () => {
  let rows: ApiKey[];
  let lookups: number;
  let failure: Error | null;
  let keys: InstanceType<typeof ApiKeys>;

  beforeEach(() => {
    rows = [apiKeyRow(valid, 'org_a')];
    lookups = 0;
    failure = null;
    const repository: Pick<ApiKeyRepository, 'findByHash'> = {
      async findByHash(hash) {
        lookups++;
        await Promise.resolve();
        if (failure !== null) throw failure;
        const row = rows.find(({ keyHash }) => keyHash === hash);
        // A copy, as a database returns one.
        return row === undefined ? null : Object.assign(apiKeyRow(valid, 'org_a'), row);
      },
    };
    keys = new ApiKeys(repository as ApiKeyRepository);
  });

  const isValid = (key: string): Promise<boolean> =>
    keys.authenticate(key).then(
      () => true,
      () => false,
    );

  it('rejects the 101st concurrent lookup unless an earlier lookup found the key', async () => {
    expect(await isValid(valid)).toBe(true);
    jest.advanceTimersByTime(CACHE_TTL_MS + 1);
    const attempts = Array.from({ length: 101 }, (_, i) => keys.authenticate(keyNamed(`${i}`)));
    const outcomes = await Promise.allSettled([...attempts, keys.authenticate(valid)]);
    const names = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? (outcome.reason as Error).name : outcome.value.organization,
    );
    const unknown = Array.from({ length: 100 }, () => 'UnauthenticatedError');
    expect(names).toEqual([...unknown, 'OverloadedError', 'org_a']);
    expect(lookups).toBe(102);
    await expect(keys.authenticate(keyNamed('later'))).rejects.toThrow('credentials');
  });

  it('looks up a key once for many requests, in sequence or concurrent', async () => {
    const concurrent = Array.from({ length: 100 }, () => keys.authenticate(valid));
    expect(await Promise.all(concurrent)).toEqual(concurrent.map(() => viewer));
    for (let use = 0; use < 100; use++) expect(await keys.authenticate(valid)).toEqual(viewer);
    expect(lookups).toBe(1);
  });

  it('accepts a revoked key until its lookup is 15 seconds old, even in constant use', async () => {
    expect(await isValid(valid)).toBe(true);
    for (const row of rows) row.revokedAt = new Date();
    let seconds = 0;
    for (; seconds < 60 && (await isValid(valid)); seconds++) jest.advanceTimersByTime(1_000);
    expect(seconds).toBeLessThanOrEqual(16);
    expect(seconds).toBeGreaterThan(1);
    await expect(keys.authenticate(valid)).rejects.toMatchObject({
      extensions: { code: 'UNAUTHENTICATED' },
    });
    expect(lookups).toBe(2);
  });

  it('accepts a key that is created after it was rejected', async () => {
    const created = keyNamed('created later');
    expect(await isValid(created)).toBe(false);
    rows.push(apiKeyRow(created, 'org_b'));
    jest.advanceTimersByTime(CACHE_TTL_MS + 1);
    expect(await keys.authenticate(created)).toMatchObject({ organization: 'org_b' });
  });

  it('checks the expiry of a cached key on every use', async () => {
    rows = [apiKeyRow(valid, 'org_a', { expiresAt: new Date(Date.now() + 2_000) })];
    expect(await isValid(valid)).toBe(true);
    jest.advanceTimersByTime(1_999);
    expect(await isValid(valid)).toBe(true);
    jest.advanceTimersByTime(1);
    expect(await isValid(valid)).toBe(false);
    expect(lookups).toBe(1);
  });

  it.each<[change: string, changes: Partial<ApiKey>]>([
    ['is revoked', { revokedAt: new Date() }],
    ['has lost the right to files', { canReadFiles: false }],
    ['belongs to another organization', { organizationId: 'org_b' }],
  ])('tells a viewer whose key %s, once its lookup is 15 seconds old', async (_change, changes) => {
    const { revalidate } = await keys.authenticate(valid);
    for (const row of rows) Object.assign(row, changes);
    await revalidate();
    jest.advanceTimersByTime(CACHE_TTL_MS + 1);
    await expect(revalidate()).rejects.toMatchObject({ failure: 'key_revoked' });
  });

  it('tells a viewer when its key expires', async () => {
    const expiresAt = new Date(Date.now() + 2_000);
    rows = [apiKeyRow(valid, 'org_a', { expiresAt })];
    const found = await keys.authenticate(valid);
    expect(found.expiresAt).toBe(expiresAt.getTime());
    jest.advanceTimersByTime(2_000);
    await expect(found.revalidate()).rejects.toMatchObject({ failure: 'key_expired' });
  });

  it('does not cache a failed lookup', async () => {
    failure = new Error('The database is unavailable');
    const attempts = [keys.authenticate(valid), keys.authenticate(valid)];
    const rejection = { status: 'rejected', reason: failure };
    expect(await Promise.allSettled(attempts)).toEqual([rejection, rejection]);
    expect(lookups).toBe(1);
    failure = null;
    expect(await keys.authenticate(valid)).toEqual(viewer);
  });

  it('evicts the oldest of 20,000 unknown keys', async () => {
    const attempts = 20_000;
    for (let i = 0; i < attempts; i++) expect(await isValid(`unknown ${i}`)).toBe(false);
    expect(lookups).toBe(attempts);
    await isValid(`unknown ${attempts - 1}`);
    expect(lookups).toBe(attempts);
    await isValid('unknown 0');
    expect(lookups).toBe(attempts + 1);
  });
});

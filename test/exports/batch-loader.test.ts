import { describe, expect, it } from '@jest/globals';

import { BatchLoader } from '../../src/exports/batch-loader.js';

const originOf = (organization: string) => ({ organization, isAbandoned: false });

/** A loader that finds every id except `unknown`, fails for `org_broken` and records its calls. */
function recordingLoader() {
  const calls: [organization: string, ids: readonly string[], columns: readonly string[]][] = [];
  const loader = new BatchLoader<string>(async ({ organization }, ids, columns) => {
    calls.push([organization, ids, columns]);
    if (organization === 'org_broken') throw new Error('broken');
    const known = ids.filter((id) => id !== 'unknown');
    return new Map(known.map((id) => [id, `${organization} ${id}`]));
  });
  return { calls, loader };
}

describe('lookups in the same turn of the event loop', () => {
  it('share one call with every id and every column once', async () => {
    const { calls, loader } = recordingLoader();
    const found = await Promise.all([
      loader.load(originOf('org_a'), ['1'], ['id', 'name']),
      loader.load(originOf('org_a'), ['2', '3'], ['id', 'status']),
      loader.load(originOf('org_a'), ['1'], ['id', 'name']),
      loader.load(originOf('org_a'), ['unknown'], ['id']),
    ]);
    const ids = ['1', '2', '1', 'unknown'];
    const rows = ['org_a 1', 'org_a 2', 'org_a 1', undefined];
    expect(ids.map((id, index) => found[index]?.get(id))).toEqual(rows);
    expect(calls).toEqual([['org_a', ['1', '2', '3', 'unknown'], ['id', 'name', 'status']]]);
  });

  it('share no call between organizations', async () => {
    const { calls, loader } = recordingLoader();
    const [a, b] = await Promise.all([
      loader.load(originOf('org_a'), ['1']),
      loader.load(originOf('org_b'), ['1']),
    ]);
    expect([a.get('1'), b.get('1')]).toEqual(['org_a 1', 'org_b 1']);
    expect(calls).toEqual([
      ['org_a', ['1'], []],
      ['org_b', ['1'], []],
    ]);
  });

  it('fail only with their own organization', async () => {
    const { loader } = recordingLoader();
    const valid = loader.load(originOf('org_a'), ['1']);
    await expect(loader.load(originOf('org_broken'), ['1'])).rejects.toThrow('broken');
    expect((await valid).get('1')).toBe('org_a 1');
  });

  it('take several calls when one statement cannot hold all ids', async () => {
    const { calls, loader } = recordingLoader();
    const pages = Array.from({ length: 400 }, (_, page) =>
      Array.from({ length: 100 }, (__, index) => `id${page * 100 + index}`),
    );
    const found = await Promise.all(pages.map((ids) => loader.load(originOf('org_a'), ids)));
    for (const [page, each] of found.entries()) {
      expect(pages[page]?.filter((id) => !each.has(id))).toEqual([]);
    }
    expect(calls.map(([, ids]) => ids.length)).toEqual(Array(40).fill(1_000));
  });
});

it('lookups in a later turn read again, because nothing is cached', async () => {
  const { calls, loader } = recordingLoader();
  await loader.load(originOf('org_a'), ['1']);
  await loader.load(originOf('org_a'), ['1']);
  expect(calls).toHaveLength(2);
});

import { describe, expect, it } from '@jest/globals';

import type { QueryOrigin } from '../../src/database/database.js';
import { BatchLoader } from '../../src/exports/batch-loader.js';
import type { ExportScope } from '../../src/exports/export-scope.js';

const originOf = (organization: string, onlyRequestedBy: string | null = null) => ({
  organization,
  onlyRequestedBy,
  isAbandoned: false,
});

function nameOf({ organization, onlyRequestedBy }: ExportScope): string {
  return onlyRequestedBy === null ? organization : `${onlyRequestedBy} of ${organization}`;
}

/** A loader that finds every id except `unknown`, fails for `org_broken` and records its calls. */
function recordingLoader() {
  const calls: [scope: string, ids: readonly string[], columns: readonly string[]][] = [];
  const loader = new BatchLoader<string>(async (origin, ids, columns) => {
    const name = nameOf(origin);
    origin.onStarting?.();
    calls.push([name, ids, columns]);
    if (name === 'org_broken') throw new Error('broken');
    const known = ids.filter((id) => id !== 'unknown');
    return new Map(known.map((id) => [id, `${name} ${id}`]));
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

  it('tell each of their requests when the statement starts', async () => {
    const { calls, loader } = recordingLoader();
    const callsBefore: number[] = [];
    const onStarting = () => callsBefore.push(calls.length);
    const origins = [0, 1].map(() => ({ ...originOf('org_a'), onStarting }));
    const loads = origins.flatMap((origin) => ['1', '2'].map((id) => loader.load(origin, [id])));
    expect(callsBefore).toEqual([]);
    await Promise.all(loads);
    expect(callsBefore).toEqual([0, 0]);
  });

  it('run for a client that waits beside one that disconnected, and on the primary if one must', async () => {
    const origins: QueryOrigin[] = [];
    const loader = new BatchLoader<string>(async (origin) => {
      origins.push(origin);
      return new Map();
    });
    const gone = { ...originOf('org_a'), isAbandoned: true };
    const waiting = { ...originOf('org_a'), fromPrimary: true };
    await Promise.all([gone, waiting].map((origin) => loader.load(origin, ['1'])));
    expect(origins).toEqual([expect.objectContaining({ organization: 'org_a' })]);
    expect([origins[0]?.isAbandoned, origins[0]?.fromPrimary]).toEqual([false, true]);
  });

  it('share no call between organizations or requesters', async () => {
    const { calls, loader } = recordingLoader();
    const scopes = [
      ...[originOf('org_a'), originOf('org_b'), originOf('org_a', 'ann'), originOf('org_b', 'ann')],
      ...[originOf('org_a', 'bob'), originOf('org_a', 'null')],
      ...[originOf('org_a', 'x,'), originOf('org_a,x')],
    ];
    // Twice, because equal scopes of two requests do share one.
    const requests = [...scopes, ...scopes.map((scope) => ({ ...scope }))];
    const found = await Promise.all(requests.map((scope) => loader.load(scope, ['1'])));
    expect(found.map((rows) => rows.get('1'))).toEqual(
      requests.map((scope) => `${nameOf(scope)} 1`),
    );
    expect(calls).toEqual(scopes.map((scope) => [nameOf(scope), ['1'], []]));
  });

  it('fail only with their own organization', async () => {
    const { loader } = recordingLoader();
    const valid = loader.load(originOf('org_a'), ['1']);
    await expect(loader.load(originOf('org_broken'), ['1'])).rejects.toThrow('broken');
    expect((await valid).get('1')).toBe('org_a 1');
  });

  it('take several calls when one statement cannot hold all ids of a request', async () => {
    const { calls, loader } = recordingLoader();
    const pages = Array.from({ length: 40 }, (_, page) =>
      Array.from({ length: 100 }, (__, index) => `id${page * 100 + index}`),
    );
    const origin = originOf('org_a');
    const found = await Promise.all(pages.map((ids) => loader.load(origin, ids)));
    for (const [page, each] of found.entries()) {
      expect(pages[page]?.filter((id) => !each.has(id))).toEqual([]);
    }
    expect(calls.map(([, ids]) => ids.length)).toEqual(Array(4).fill(1_000));
  });

  it('of requests share calls until one has two hundred ids, and equal ids count once', async () => {
    const { calls, loader } = recordingLoader();
    const twenty = (page: number) =>
      Array.from({ length: 20 }, (_, index) => `id${page * 20 + index}`);
    const pages = [...Array(25).keys()].flatMap((page) => [twenty(page), twenty(page)]);
    const found = await Promise.all(pages.map((ids) => loader.load(originOf('org_a'), ids)));
    for (const [page, each] of found.entries()) {
      expect(pages[page]?.filter((id) => !each.has(id))).toEqual([]);
    }
    expect(calls.map(([, ids]) => ids.length)).toEqual([200, 200, 140]);
  });
});

it('lookups in a later turn read again, because nothing is cached', async () => {
  const { calls, loader } = recordingLoader();
  await loader.load(originOf('org_a'), ['1']);
  await loader.load(originOf('org_a'), ['1']);
  expect(calls).toHaveLength(2);
});

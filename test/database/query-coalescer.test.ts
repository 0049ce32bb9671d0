import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import type { PoolStats } from '../../src/database/database.js';
import { QueryCoalescer } from '../../src/database/query-coalescer.js';
import { until } from '../support/until.js';

/** A coalescer over a database whose runs the test ends. */
function createCoalescer(servers = 0) {
  const runs: { resolve: (rows: unknown) => void; reject: (error: Error) => void }[] = [];
  const coalescer = new QueryCoalescer({
    query: <Row>() =>
      new Promise<Row[]>((resolve, reject) => {
        runs.push({ resolve: resolve as (rows: unknown) => void, reject });
      }),
    poolStats: () => Array<PoolStats>(servers).fill({ server: '', used: 0, pending: 0 }),
  });
  const query = (...parameters: unknown[]) => coalescer.query<unknown>('SELECT ?', parameters);
  /** The run of this number, once it has started. */
  const started = (index: number) => until(() => runs[index]);
  return { runs, query, started };
}

describe('a query', () => {
  it('never joins a run that has started or ended, but shares the next one', async () => {
    const { runs, query, started } = createCoalescer();
    const first = query('a');
    const running = await started(0);
    const late = [query('a'), query('a')];
    running.resolve(['before']);
    expect(await first).toEqual(['before']);
    (await started(1)).resolve(['after']);
    expect(await Promise.all(late)).toEqual([['after'], ['after']]);
    const last = query('a');
    (await started(2)).resolve(['last']);
    expect(await last).toEqual(['last']);
    expect(runs).toHaveLength(3);
  });

  it('does not share a run with a query of other parameters or types', async () => {
    const { query, started } = createCoalescer();
    const results = [query('1'), query(1), query('1', 1), query(null)];
    for (const index of results.keys()) (await started(index)).resolve([index]);
    expect(await Promise.all(results)).toEqual([[0], [1], [2], [3]]);
  });

  it('joins an equal query that waits for its tick, when three queries start per tick', async () => {
    const { runs, query, started } = createCoalescer();
    const parameters = [...Array(10).keys()];
    const results = parameters.map((each) => query(each));
    await started(0);
    expect(runs).toHaveLength(3);
    results.push(query(9));
    for (const each of parameters) (await started(each)).resolve([each]);
    expect(await Promise.all(results)).toEqual([...parameters, 9].map((each) => [each]));
    expect(runs).toHaveLength(10);
  });

  it('shares a run or its failure with equal queries of the same tick, and runs again', async () => {
    const { query, started } = createCoalescer();
    const failing = [query('a'), query('a')];
    const running = await started(0);
    const next = query('a');
    running.reject(new Error('gone'));
    for (const each of failing) await expect(each).rejects.toThrow('gone');
    (await started(1)).resolve(['back']);
    expect(await next).toEqual(['back']);
  });

  it('does not wait forever for an equal query that hangs', async () => {
    const { query, started } = createCoalescer();
    const hanging = query('a');
    const running = await started(0);
    const next = query('a');
    (await started(1)).resolve(['in time']);
    expect(await next).toEqual(['in time']);
    running.resolve(['at last']);
    expect(await hanging).toEqual(['at last']);
  });
});

describe('slow queries', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Repeats twenty queries, of which half succeeded late and half failed late. */
  async function repeatSlowQueries(servers: number) {
    const coalescer = createCoalescer(servers);
    const { runs, query, started } = coalescer;
    const queryAll = () => [...Array(20).keys()].map((each) => query(each));
    const first = queryAll();
    await started(19);
    jest.advanceTimersByTime(30);
    for (const [index, { resolve, reject }] of runs.splice(0).entries()) {
      if (index % 2) reject(new Error('too slow'));
      else resolve([index]);
    }
    await Promise.allSettled(first);
    const repeated = queryAll();
    await jest.advanceTimersByTimeAsync(2);
    expect(runs).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(1);
    return { ...coalescer, repeated };
  }

  it.each([
    { servers: 0, limit: 5 },
    { servers: 1, limit: 5 },
    { servers: 3, limit: 10 },
  ])('start $limit at once with $servers servers', async ({ servers, limit }) => {
    expect((await repeatSlowQueries(servers)).runs).toHaveLength(limit);
  });

  it('start and can be joined when another ends, while fast queries pass them', async () => {
    const { runs, query, started, repeated } = await repeatSlowQueries(1);
    repeated.push(query(6));
    const fast = query('fast');
    (await started(5)).resolve(['fast']);
    expect(await fast).toEqual(['fast']);

    runs[0]?.reject(new Error('gone'));
    await expect(repeated[0]).rejects.toThrow('gone');
    (await started(6)).resolve(['sixth']);
    expect(await repeated[5]).toEqual(['sixth']);
    (await started(7)).resolve(['seventh']);
    expect(await Promise.all([repeated[6], repeated[20]])).toEqual([['seventh'], ['seventh']]);
    await started(8);
    expect(runs).toHaveLength(9);
  });

  it('start after a maximum wait when others hang', async () => {
    const { runs } = await repeatSlowQueries(1);
    await jest.advanceTimersByTimeAsync(196);
    expect(runs).toHaveLength(5);
    await jest.advanceTimersByTimeAsync(1);
    expect(runs).toHaveLength(20);
  });
});

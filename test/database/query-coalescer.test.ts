import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import type { PoolStats, QueryOrigin } from '../../src/database/database.js';
import { QueryCoalescer } from '../../src/database/query-coalescer.js';
import type { SqlValue } from '../../src/database/sql-format.js';
import { ServiceUnavailableError } from '../../src/errors.js';
import { RequestQueries } from '../../src/exports/request-queries.js';
import { until } from '../support/until.js';

const origin = { organization: 'org_a', isAbandoned: false };

/** A coalescer over a database whose runs the test ends. */
function createCoalescer(connectionLimits: readonly number[] = []) {
  const runs: { resolve: (rows: unknown) => void; reject: (error: Error) => void }[] = [];
  const coalescer = new QueryCoalescer({
    query: <Row>(_sql: string, _parameters?: readonly SqlValue[], origin?: QueryOrigin) =>
      new Promise<Row[]>((resolve, reject) => {
        origin?.onStarting?.();
        runs.push({ resolve: resolve as (rows: unknown) => void, reject });
      }),
    poolStats: () =>
      connectionLimits.map((connectionLimit): PoolStats => {
        const state = { isUp: true, used: 0, pending: 0, missingIndexes: 0 };
        return { server: '', connectionLimit, ...state };
      }),
  });
  const query = (...parameters: SqlValue[]) =>
    coalescer.query('SELECT ?', parameters, origin, (rows): unknown => rows);
  const queryOf = (origin: QueryOrigin, sql = 'SELECT ?', parameter: SqlValue = 'x') =>
    coalescer.query(sql, [parameter], origin, (rows): unknown => rows);
  /** The run of this number, once it has started. */
  const started = (index: number) => until(() => runs[index]);
  return { runs, query, queryOf, started };
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

  it('tells each of its requests when it starts', async () => {
    const { runs, queryOf, started } = createCoalescer();
    const startedBefore: number[] = [];
    const onStarting = () => startedBefore.push(runs.length);
    const results = [0, 1].map(() => queryOf({ ...origin, onStarting }));
    expect(startedBefore).toEqual([]);
    (await started(0)).resolve([]);
    await Promise.all(results);
    expect(startedBefore).toEqual([0, 0]);
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
  async function repeatSlowQueries(connectionLimits: readonly number[]) {
    const coalescer = createCoalescer(connectionLimits);
    const { runs, query, started } = coalescer;
    // Without it the shape would be unknown, and its first queries bounded like slow ones.
    const known = query('fast');
    (await started(0)).resolve([]);
    await known;
    runs.splice(0);
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
    { servers: [], limit: 5 },
    { servers: [10], limit: 5 },
    { servers: [1], limit: 1 },
    { servers: [10, 10, 6], limit: 8 },
  ])('start $limit at once with servers of $servers connections', async ({ servers, limit }) => {
    expect((await repeatSlowQueries(servers)).runs).toHaveLength(limit);
  });

  it('start and can be joined when another ends, while those of another shape pass', async () => {
    const { runs, query, queryOf, started, repeated } = await repeatSlowQueries([10]);
    repeated.push(query(6));
    const fast = queryOf(origin, 'SELECT fast');
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

  it('are slow whatever their parameters, but not for another organization', async () => {
    const { runs, query, queryOf, started } = await repeatSlowQueries([10]);
    const sameShape = query('never seen');
    const other = queryOf({ ...origin, organization: 'org_b' });
    (await started(5)).resolve(['other']);
    expect(await other).toEqual(['other']);
    // Beside another organization, two of them run at once.
    for (const { resolve } of runs.slice(0, 4)) resolve([]);
    await jest.advanceTimersByTimeAsync(3);
    expect(runs).toHaveLength(7);
    await Promise.race([sameShape, started(6)]);
  });

  it('fail when they have waited for 1.2 s', async () => {
    const { runs, repeated } = await repeatSlowQueries([10]);
    const waiting = repeated
      .slice(5)
      .map((each) => expect(each).rejects.toThrow(ServiceUnavailableError));
    await jest.advanceTimersByTimeAsync(1_200);
    await Promise.all(waiting);
    expect(runs).toHaveLength(5);
  });
});

it('a query that has waited for one of 8 ms waits 2 ms for its callers, and others do not', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date'] });
  try {
    const { runs, query, started } = createCoalescer();
    const run = async (index: number, ms = 8) => {
      const { resolve } = await started(index);
      jest.advanceTimersByTime(ms);
      resolve([index]);
    };
    const first = query('a');
    await run(0);
    await first;
    const second = query('a');
    await started(1);
    const waiting = query('a');
    await run(1);
    await second;
    const caller = query('a');
    await jest.advanceTimersByTimeAsync(1);
    expect(runs).toHaveLength(2);
    await jest.advanceTimersByTimeAsync(1);
    await run(2);
    expect(await Promise.all([waiting, caller])).toEqual([[2], [2]]);
    // The estimate halves at most: 4 ms, then 2 ms, which is short enough to start at once.
    for (const index of [3, 4]) {
      const short = query('a');
      await run(index, 1);
      await short;
    }
    const running = query('a');
    await started(5);
    const next = query('a');
    await run(5, 1);
    await run(6, 1);
    expect(await Promise.all([running, next])).toEqual([[5], [6]]);
  } finally {
    jest.useRealTimers();
  }
});

it('queries that may be slow leave permits to an organization whose queries are fast so far', async () => {
  const { runs, query, queryOf, started } = createCoalescer();
  const other = { ...origin, organization: 'org_b' };
  const fast = queryOf(other, 'SELECT fast');
  (await started(0)).resolve([]);
  await fast;
  const results = [...Array(6).keys()].map((each) => query(each));
  await started(1);
  results.push(queryOf(other, 'SELECT new'));
  await started(2);
  // The one of the other organization starts though five that arrived before it wait.
  expect(runs).toHaveLength(3);
  for (const index of results.keys()) (await started(1 + index)).resolve([]);
  await Promise.all(results);
});

it('queries of a shape that never ran start three at once', async () => {
  const { runs, query, started } = createCoalescer();
  const results = [...Array(4).keys()].map((each) => query(each));
  await started(2);
  expect(runs).toHaveLength(3);
  runs[0]?.resolve([]);
  await results[0];
  (await started(3)).resolve(['fourth']);
  expect(await results[3]).toEqual(['fourth']);
});

describe('a query whose clients have disconnected', () => {
  const gone = { ...origin, isAbandoned: true };

  it('does not start', async () => {
    const { runs, queryOf } = createCoalescer();
    await expect(queryOf(gone)).rejects.toThrow('The client disconnected.');
    expect(runs).toEqual([]);
  });

  it('starts for a client that shares it', async () => {
    const { queryOf, started } = createCoalescer();
    const results = [queryOf(gone), queryOf(origin)];
    (await started(0)).resolve(['row']);
    expect(await Promise.all(results)).toEqual([['row'], ['row']]);
  });
});

it('a query waits for a place in its request and frees it at its end, but an equal one does not', async () => {
  const { runs, query, queryOf, started } = createCoalescer();
  const known = query('known');
  (await started(0)).resolve([]);
  await known;
  runs.splice(0);
  const queries = new RequestQueries({ organization: 'org_a', onlyRequestedBy: null });
  const results = [...Array(5).keys()].map((each) => queryOf(queries, 'SELECT ?', each));
  const shared = queryOf(origin, 'SELECT ?', 0);
  const equalToWaiting = queryOf(origin, 'SELECT ?', 4);
  await started(4);
  runs[0]?.resolve(['row']);
  expect([await results[0], await shared]).toEqual([['row'], ['row']]);
  runs[1]?.reject(new Error('gone'));
  await expect(results[1]).rejects.toThrow('gone');
  runs[4]?.resolve(['equal']);
  expect(await equalToWaiting).toEqual(['equal']);
  (await started(5)).resolve(['last']);
  expect(await results[4]).toEqual(['last']);
});

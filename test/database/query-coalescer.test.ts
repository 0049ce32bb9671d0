import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import type { PoolStats } from '../../src/database/database.js';
import { QueryCoalescer } from '../../src/database/query-coalescer.js';

/** One run of a statement, which the test ends. */
interface Run {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  end(rows: unknown[]): void;
  fail(error: Error): void;
}

/** A database whose statements end when the test says so. */
class HeldDatabase {
  readonly runs: Run[] = [];
  #begun: (() => void)[] = [];

  constructor(private readonly servers: number) {}

  poolStats(): PoolStats[] {
    return Array.from({ length: this.servers }, () => ({ server: '', used: 0, pending: 0 }));
  }

  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const rows = new Promise<Row[]>((resolve, reject) => {
      this.runs.push({
        sql,
        parameters,
        end: (result) => {
          resolve(result as Row[]);
        },
        fail: reject,
      });
    });
    for (const wake of this.#begun.splice(0)) wake();
    return rows;
  }

  /** The run of this number, when it has begun. */
  async run(index: number): Promise<Run> {
    for (;;) {
      const run = this.runs[index];
      if (run !== undefined) return run;
      await new Promise<void>((resolve) => this.#begun.push(resolve));
    }
  }
}

describe('equal statements', () => {
  const database = (servers = 0) => {
    const held = new HeldDatabase(servers);
    const shared = new QueryCoalescer(held);
    const ask = (...parameters: unknown[]) => shared.query<unknown>('SELECT ?', parameters);
    return { held, ask };
  };

  it('that come in the same turn are one run', async () => {
    const { held, ask } = database();
    const answers = [ask('a'), ask('a'), ask('a')];
    (await held.run(0)).end(['row']);
    expect(await Promise.all(answers)).toEqual([['row'], ['row'], ['row']]);
    expect(held.runs).toHaveLength(1);
  });

  it('do not join a run that has begun: they are the next one, all together', async () => {
    const { held, ask } = database();
    const first = ask('a');
    const running = await held.run(0);
    const late = [ask('a'), ask('a')];
    running.end(['before']);
    expect(await first).toEqual(['before']);
    (await held.run(1)).end(['after']);
    expect(await Promise.all(late)).toEqual([['after'], ['after']]);
    expect(held.runs).toHaveLength(2);
  });

  it('with other parameters are others, of another type too', async () => {
    const { held, ask } = database();
    const answers = [ask('1'), ask(1), ask('1', 1), ask(null)];
    for (const index of answers.keys()) (await held.run(index)).end([index]);
    expect(await Promise.all(answers)).toEqual([[0], [1], [2], [3]]);
  });

  it('join one that waits for its turn: in each of the event loop a few begin', async () => {
    const { held, ask } = database();
    const parameters = [...Array(10).keys()];
    const answers = parameters.map((each) => ask(each));
    await held.run(0);
    expect(held.runs).toHaveLength(3);
    answers.push(ask(9));
    for (const each of parameters) (await held.run(each)).end([each]);
    expect(await Promise.all(answers)).toEqual([...parameters, 9].map((each) => [each]));
    expect(held.runs).toHaveLength(10);
  });

  describe('where they are slow', () => {
    const parameters = [...Array(20).keys()];

    /** Twenty that are known to be slow, some because they failed late, and have just been asked for again. */
    async function slowOnes(servers: number) {
      const { held, ask } = database(servers);
      const askAll = () => parameters.map((each) => ask(each));
      const first = askAll();
      await held.run(19);
      jest.advanceTimersByTime(30);
      for (const [index, run] of held.runs.entries()) {
        if (index % 2) run.fail(new Error('too slow'));
        else run.end([index]);
      }
      await Promise.allSettled(first);
      held.runs.splice(0);
      const again = askAll();
      await jest.advanceTimersByTimeAsync(10);
      return { held, ask, again };
    }

    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    });
    afterEach(() => {
      jest.useRealTimers();
    });

    it.each([
      { servers: 0, atOnce: 5 },
      { servers: 1, atOnce: 5 },
      { servers: 3, atOnce: 10 },
    ])('are $atOnce at once with $servers servers', async ({ servers, atOnce }) => {
      const { held } = await slowOnes(servers);
      expect(held.runs).toHaveLength(atOnce);
    });

    it('join one that waits until another has ended or failed, while quick ones pass', async () => {
      const { held, ask, again } = await slowOnes(1);
      again.push(ask(6));
      const quick = ask('quick');
      (await held.run(5)).end(['quick']);
      expect(await quick).toEqual(['quick']);

      held.runs[0]?.fail(new Error('gone'));
      await expect(again[0]).rejects.toThrow('gone');
      (await held.run(6)).end(['sixth']);
      expect(await again[5]).toEqual(['sixth']);
      (await held.run(7)).end(['seventh']);
      expect(await Promise.all([again[6], again[20]])).toEqual([['seventh'], ['seventh']]);
      await held.run(8);
      expect(held.runs).toHaveLength(9);
    });

    it('do not wait for ever for others that hang', async () => {
      const { held } = await slowOnes(1);
      await jest.advanceTimersByTimeAsync(189);
      expect(held.runs).toHaveLength(5);
      await jest.advanceTimersByTimeAsync(10);
      expect(held.runs).toHaveLength(20);
    });
  });

  it('fail together, and the next run is a new one', async () => {
    const { held, ask } = database();
    const failing = [ask('a'), ask('a')];
    const running = await held.run(0);
    const next = ask('a');
    running.fail(new Error('gone'));
    for (const each of failing) await expect(each).rejects.toThrow('gone');
    (await held.run(1)).end(['back']);
    expect(await next).toEqual(['back']);
  });

  it('do not wait for ever for one that hangs', async () => {
    const { held, ask } = database();
    const hanging = ask('a');
    const stuck = await held.run(0);
    const next = ask('a');
    (await held.run(1)).end(['on time']);
    expect(await next).toEqual(['on time']);
    stuck.end(['at last']);
    expect(await hanging).toEqual(['at last']);
  });

  it('are forgotten when they have ended', async () => {
    const { held, ask } = database();
    for (const index of [0, 1, 2]) {
      const answer = ask('a');
      (await held.run(index)).end([index]);
      expect(await answer).toEqual([index]);
    }
  });
});

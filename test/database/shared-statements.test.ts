import { describe, expect, it, jest } from '@jest/globals';

import { SharedStatements } from '../../src/database/shared-statements.js';

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

  pools(): [] {
    return [];
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
  const database = () => {
    const held = new HeldDatabase();
    const shared = new SharedStatements(held);
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

  it('are few at once where they are slow, until they have waited for long', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const { held, ask } = database();
      const parameters = [...Array(7).keys()];
      const askAll = () => parameters.map((each) => ask(each));
      const slow = askAll();
      await held.run(6);
      jest.advanceTimersByTime(20);
      for (const [index, run] of held.runs.entries()) run.end([index]);
      await Promise.all(slow);

      const again = askAll();
      await jest.advanceTimersByTimeAsync(10);
      expect(held.runs).toHaveLength(7 + 5);
      again.push(ask(5));
      held.runs[7]?.end(['first']);
      const sixth = await held.run(12);
      jest.advanceTimersByTime(20);
      sixth.end(['sixth']);
      expect(await Promise.all([again[0], again[5], again[7]])).toEqual([
        ['first'],
        ['sixth'],
        ['sixth'],
      ]);

      await held.run(13);
      const full = ask(5);
      const quick = ask('quick');
      (await held.run(14)).end(['quick']);
      expect(await quick).toEqual(['quick']);
      await jest.advanceTimersByTimeAsync(190);
      expect(held.runs).toHaveLength(15);
      await jest.advanceTimersByTimeAsync(10);
      (await held.run(15)).end(['on time']);
      expect(await full).toEqual(['on time']);
    } finally {
      jest.useRealTimers();
    }
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

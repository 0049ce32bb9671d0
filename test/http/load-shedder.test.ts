import { afterAll, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { LoadShedder } from '../../src/http/load-shedder.js';

/** A microtask queue that is real lets promises settle while time stands still. */
const settled = () => jest.advanceTimersByTimeAsync(0);

jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
afterAll(() => {
  jest.useRealTimers();
});

let utilization: number;
let refusals: number;
let loadShedder: LoadShedder;
/** Who is worked on, by the order in which they asked, with what ends the work. */
let running: Map<number, { finish: () => void; fail: () => void }>;
let refused: number[];
let asked: number;
beforeEach(() => {
  // Of those who still waited in the test before.
  jest.clearAllTimers();
  utilization = 0;
  refusals = 0;
  loadShedder = new LoadShedder({ onRefused: () => refusals++, utilization: () => utilization });
  running = new Map();
  refused = [];
  asked = 0;
});

/** Asks for work that goes on until it is ended by hand. */
function ask(whileWaiting?: (leave: () => void) => void): Promise<void> {
  const name = asked++;
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const end = (how: () => void) => () => {
        running.delete(name);
        how();
      };
      const fail = end(() => {
        reject(new Error('The work failed'));
      });
      running.set(name, { finish: end(resolve), fail });
    });
  const otherwise = () => void refused.push(name);
  return loadShedder.run(work, whileWaiting ? { otherwise, whileWaiting } : { otherwise });
}

async function askMany(count: number): Promise<void> {
  for (let each = 0; each < count; each++) void ask();
  await settled();
}

async function finish(count: number): Promise<void> {
  for (const [, { finish: end }] of [...running].slice(0, count)) {
    end();
    await settled();
  }
}

const names = () => [...running.keys()];
const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, each) => from + each);

/** Until somebody has waited longer than a burst lasts, and who waited then is refused. */
async function overload(): Promise<void> {
  await askMany(50);
  await jest.advanceTimersByTimeAsync(250);
  expect(refused).toEqual(range(40, 50));
}

describe('usually', () => {
  it('up to forty are let in before anything else happens', () => {
    for (let each = 0; each < 41; each++) void ask();
    expect(names()).toEqual(range(0, 40));
    expect(loadShedder.load).toEqual({ running: 40, waiting: 1 });
  });

  it('others wait until somebody is done, and nobody is refused', async () => {
    await askMany(150);
    for (let time = 0; time < 200; time += 25) {
      await finish(20);
      await jest.advanceTimersByTimeAsync(25);
    }
    expect(asked - running.size - refused.length).toBe(150);
    expect(refused).toEqual([]);
    expect(loadShedder.load).toEqual({ running: 0, waiting: 0 });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('forty who ask without a pause are never refused anything, however long they take', async () => {
    await askMany(40);
    for (let turn = 0; turn < 20; turn++) {
      await jest.advanceTimersByTimeAsync(500);
      await finish(40);
      await askMany(40);
    }
    expect(refused).toEqual([]);
  });

  it('sixty who ask without a pause are all served, the oldest first', async () => {
    await askMany(60);
    for (let time = 0; time < 2_000; time += 25) {
      await finish(10);
      await askMany(10);
      await jest.advanceTimersByTimeAsync(25);
    }
    expect(refused).toEqual([]);
    const served = asked - running.size - loadShedder.load.waiting;
    expect(names()).toEqual(range(served, served + 40));
  });

  it('work that fails gives its place free, and its error to who asked', async () => {
    const failed = Array.from({ length: 40 }, () => expect(ask()).rejects.toThrow('work failed'));
    void ask();
    for (const { fail } of [...running.values()]) fail();
    await Promise.all(failed);
    expect(names()).toEqual([40]);
  });

  it('no more than 460 wait: the oldest is refused', async () => {
    await askMany(40 + 461);
    expect(refused).toEqual([40]);
    expect(loadShedder.load.waiting).toBe(460);
    // That alone does not make it too much: it may be a burst.
    await jest.advanceTimersByTimeAsync(175);
    expect(refused).toEqual([40]);
  });

  it('more than can wait, for longer than a burst lasts, are too much, though nobody waits for long', async () => {
    await askMany(40 + 460);
    for (let time = 0; time <= 225; time += 25) {
      await askMany(400);
      await jest.advanceTimersByTimeAsync(25);
    }
    expect(loadShedder.load.waiting).toBe(80);
  });
});

describe('when somebody has waited for longer than a burst lasts', () => {
  it('those who waited are refused, and counted', async () => {
    await askMany(50);
    await jest.advanceTimersByTimeAsync(200);
    expect(refused).toEqual([]);
    await jest.advanceTimersByTimeAsync(25);
    expect(refused).toEqual(range(40, 50));
    expect(refusals).toBe(10);
  });

  it('only ten are worked on at once', async () => {
    await overload();
    await finish(30);
    void ask();
    expect(loadShedder.load).toEqual({ running: 10, waiting: 1 });
    await finish(1);
    expect(loadShedder.load).toEqual({ running: 10, waiting: 0 });
  });

  it('the newest is let in first', async () => {
    await overload();
    await finish(30);
    await askMany(3);
    await finish(2);
    expect(names().slice(-2)).toEqual([52, 51]);
  });

  it('nobody is let in late: he is refused after a while, and not sooner', async () => {
    await overload();
    await finish(30);
    await askMany(1);
    await jest.advanceTimersByTimeAsync(50);
    await finish(1);
    expect(names()).not.toContain(50);
    await jest.advanceTimersByTimeAsync(25);
    expect(refused).not.toContain(50);
    await jest.advanceTimersByTimeAsync(50);
    expect(refused).toContain(50);
  });

  it('no more than eighty go on to wait: the oldest are refused', async () => {
    await overload();
    await askMany(90);
    await jest.advanceTimersByTimeAsync(25);
    expect(refused.slice(10)).toEqual(range(50, 60));
  });

  it('who hangs up waits no more, and is not counted as refused', async () => {
    await overload();
    let hangUp: () => void = () => undefined;
    void ask((leave) => (hangUp = leave));
    expect(loadShedder.load.waiting).toBe(1);
    hangUp();
    expect(loadShedder.load.waiting).toBe(0);
    // A second time it is nobody else who leaves.
    void ask();
    hangUp();
    expect(loadShedder.load.waiting).toBe(1);
    await finish(40);
    expect(names()).toEqual([51]);
    expect(refusals).toBe(10);
  });

  it('fewer are worked on where the process has no time left, and more again when it has', async () => {
    utilization = 1;
    await overload();
    await finish(38);
    void ask();
    expect(loadShedder.load).toEqual({ running: 2, waiting: 1 });
    utilization = 0.5;
    await askMany(50);
    await jest.advanceTimersByTimeAsync(25);
    expect(loadShedder.load.running).toBe(3);
  });

  it('it goes on while there are forty, and is over when for a while there were fewer', async () => {
    await overload();
    await finish(30);
    for (let time = 0; time < 1_000; time += 25) {
      await askMany(10);
      await jest.advanceTimersByTimeAsync(25);
    }
    expect(loadShedder.load.running).toBe(10);
    await finish(5);
    await jest.advanceTimersByTimeAsync(600);
    await askMany(30);
    expect(loadShedder.load).toEqual({ running: 40, waiting: 0 });
  });

  it('thirty-two who ask again and again, also when refused, are soon all let in', async () => {
    await overload();
    await finish(40);
    const before = asked;
    await askMany(32);
    for (let time = 0, seen = refused.length; time < 600; time += 25) {
      await jest.advanceTimersByTimeAsync(25);
      const again = refused.length - seen;
      seen = refused.length;
      await askMany(again);
    }
    expect(asked).toBeGreaterThan(before);
    expect(loadShedder.load).toEqual({ running: 32, waiting: 0 });
  });
});

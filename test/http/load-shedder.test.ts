import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { LoadShedder } from '../../src/http/load-shedder.js';

// The microtask queue stays real, so that promises settle while the time stands still.
jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
afterAll(() => {
  jest.useRealTimers();
});
const advance = (ms: number) => jest.advanceTimersByTimeAsync(ms);

let loadShedder: LoadShedder;
let utilization: number;
let shedCount: number;
/** Ends a request in flight; by the requests' numbers, in the order of their admission. */
let running: Map<number, (error?: Error) => void>;
let rejected: number[];
let sentCount: number;
beforeEach(() => {
  jest.clearAllTimers();
  utilization = 0;
  shedCount = 0;
  loadShedder = new LoadShedder(
    () => shedCount++,
    () => utilization,
  );
  running = new Map();
  rejected = [];
  sentCount = 0;
});

/** Sends a request that runs until the test ends it. */
function send(onQueued?: (cancel: () => void) => void, organization = 'org_a'): Promise<void> {
  const number = sentCount++;
  const work = () =>
    new Promise<void>((resolve, reject) => {
      running.set(number, (error) => {
        running.delete(number);
        if (error) reject(error);
        else resolve();
      });
    });
  const onRejected = () => void rejected.push(number);
  return loadShedder.run(work, { organization, onRejected, ...(onQueued && { onQueued }) });
}

async function sendMany(count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) void send();
  await advance(0);
}

/** Ends the requests that have run for the longest time. */
async function finish(count: number): Promise<void> {
  for (const end of [...running.values()].slice(0, count)) {
    end();
    await advance(0);
  }
}

/** Repeats the same events every 25 ms. */
async function simulate(ms: number, events: { finish?: number; send?: number }): Promise<void> {
  for (let time = 0; time < ms; time += 25) {
    await finish(events.finish ?? 0);
    await sendMany(events.send ?? 0);
    await advance(25);
  }
}

const inFlightAndQueued = () => [loadShedder.inFlight, loadShedder.queued];
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index);

/** Leaves 40 requests in flight and none in the queue. */
async function overload(): Promise<void> {
  await sendMany(50);
  await advance(250);
  expect(rejected).toEqual(numbers(40, 50));
}

describe('the load shedder without overload', () => {
  it('admits up to 40 requests synchronously', () => {
    for (let sent = 0; sent < 41; sent++) void send();
    expect([...running.keys()]).toEqual(numbers(0, 40));
    expect(inFlightAndQueued()).toEqual([40, 1]);
  });

  it('queues more requests and serves all of them', async () => {
    await sendMany(150);
    await simulate(200, { finish: 20 });
    expect([running.size, rejected]).toEqual([0, []]);
    expect(inFlightAndQueued()).toEqual([0, 0]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects nothing of 40 clients that send without a pause, however long a request takes', async () => {
    await sendMany(40);
    for (let round = 0; round < 20; round++) {
      await advance(500);
      await finish(40);
      await sendMany(40);
    }
    expect(rejected).toEqual([]);
  });

  it('serves 60 clients that send without a pause first-in-first-out', async () => {
    await sendMany(60);
    await simulate(2_000, { finish: 10, send: 10 });
    expect(rejected).toEqual([]);
    const finished = sentCount - running.size - loadShedder.queued;
    expect([...running.keys()]).toEqual(numbers(finished, finished + 40));
  });

  it('admits the next request after one that failed, and rethrows its error', async () => {
    const failures = Array.from({ length: 40 }, () => expect(send()).rejects.toThrow('failed'));
    void send();
    for (const fail of [...running.values()]) fail(new Error('The request failed'));
    await Promise.all(failures);
    expect([...running.keys()]).toEqual([40]);
  });

  it('rejects the oldest request of a queue of 460, which alone is no overload', async () => {
    await sendMany(40 + 461);
    expect([rejected, loadShedder.queued]).toEqual([[40], 460]);
    await advance(175);
    expect(rejected).toEqual([40]);
  });

  it('detects an overload when the queue stays full, though no request becomes old', async () => {
    await sendMany(40 + 460);
    await simulate(250, { send: 400 });
    // The queue is shorter then, and keeps the newest requests.
    expect([loadShedder.queued, rejected.at(-1)]).toEqual([80, sentCount - 81]);
  });
});

describe('the load shedder under overload', () => {
  it('begins when a request has been queued for more than 200 ms, and rejects and counts the old ones', async () => {
    await sendMany(50);
    await advance(200);
    expect(rejected).toEqual([]);
    await advance(25);
    expect(rejected).toEqual(numbers(40, 50));
    expect(shedCount).toBe(10);
  });

  it('runs only ten requests at once', async () => {
    await overload();
    await finish(30);
    void send();
    expect(inFlightAndQueued()).toEqual([10, 1]);
    await finish(1);
    expect(inFlightAndQueued()).toEqual([10, 0]);
  });

  it('admits the newest request first', async () => {
    await overload();
    await finish(30);
    await sendMany(3);
    await finish(2);
    expect([...running.keys()].slice(-2)).toEqual([52, 51]);
  });

  it('does not admit a request after 25 ms, and rejects it after 100 ms', async () => {
    await overload();
    await finish(30);
    await sendMany(1);
    await advance(50);
    await finish(1);
    expect([...running.keys()]).not.toContain(50);
    await advance(25);
    expect(rejected).not.toContain(50);
    await advance(50);
    expect(rejected).toContain(50);
  });

  it('removes a cancelled request from the queue once, without counting it as shed', async () => {
    await overload();
    let cancel: () => void = () => undefined;
    void send((given) => (cancel = given));
    expect(loadShedder.queued).toBe(1);
    cancel();
    expect(loadShedder.queued).toBe(0);
    void send();
    cancel();
    expect(loadShedder.queued).toBe(1);
    await finish(40);
    expect([...running.keys()]).toEqual([51]);
    expect(shedCount).toBe(10);
  });

  it('halves the limit down to two while the event loop is busy, then raises it by one per tick', async () => {
    utilization = 1;
    await overload();
    await finish(38);
    void send();
    expect(inFlightAndQueued()).toEqual([2, 1]);
    utilization = 0.5;
    await sendMany(50);
    await advance(25);
    expect(loadShedder.inFlight).toBe(3);
  });

  it('lasts while there are 40 requests, and ends when there have been fewer for 400 ms', async () => {
    await overload();
    await finish(30);
    await simulate(1_000, { send: 10 });
    expect(loadShedder.inFlight).toBe(10);
    await finish(5);
    await advance(600);
    await sendMany(30);
    expect(inFlightAndQueued()).toEqual([40, 0]);
  });

  it('ends for 32 clients that retry every rejection at once', async () => {
    await overload();
    await finish(40);
    await sendMany(32);
    for (let time = 0, seen = rejected.length; time < 600; time += 25) {
      await advance(25);
      const retries = rejected.length - seen;
      seen = rejected.length;
      await sendMany(retries);
    }
    expect(sentCount).toBeGreaterThan(82);
    expect(inFlightAndQueued()).toEqual([32, 0]);
  });
});

describe('the load shedder with several organizations', () => {
  const sendAs = (organization: string, count: number) => {
    for (let sent = 0; sent < count; sent++) void send(undefined, organization);
  };

  it('lets one of them run at most 20 requests beside others', () => {
    sendAs('org_b', 1);
    sendAs('org_a', 30);
    expect(inFlightAndQueued()).toEqual([21, 10]);
  });

  it('runs up to ten requests of one beside another that fills the gateway', () => {
    sendAs('org_a', 60);
    sendAs('org_b', 11);
    expect([...running.keys()]).toEqual([...numbers(0, 40), ...numbers(60, 70)]);
    expect(inFlightAndQueued()).toEqual([50, 21]);
  });

  it('runs at most 80 requests of all', () => {
    sendAs('org_a', 40);
    for (const organization of ['b', 'c', 'd', 'e', 'f']) sendAs(organization, 10);
    expect(inFlightAndQueued()).toEqual([80, 10]);
  });

  it('serves them in turn', async () => {
    for (const organization of ['a', 'b', 'c', 'd']) sendAs(organization, 30);
    await finish(26);
    const admitted = [...running.keys()].slice(-6).map((number) => Math.floor(number / 30));
    expect(admitted).toEqual([1, 2, 3, 1, 2, 3]);
  });

  describe('by the time in which their requests keep the event loop', () => {
    const clock = performance.now.bind(performance);
    let busyMs = 0;
    let started: string[] = [];
    beforeEach(() => {
      started = [];
      jest.spyOn(performance, 'now').mockImplementation(() => clock() + busyMs);
    });
    afterEach(() => {
      jest.restoreAllMocks();
    });

    const sendFor = (organization: string, ms: number, isEndless = true) =>
      loadShedder.run(
        async () => {
          started.push(organization);
          busyMs += ms;
          if (isEndless) await new Promise(() => {});
        },
        { organization, onRejected: () => undefined },
      );
    const sendQuickAndSlow = async () => {
      for (let sent = 0; sent < 3; sent++) void sendFor('slow', 20);
      for (let sent = 0; sent < 5; sent++) void sendFor('quick', 0.1);
      for (let turn = 0; turn < 60; turn++) await advance(1);
    };
    const quicks = Array<string>(5).fill('quick');

    it('starts all of the one that keeps it less before another of the other', async () => {
      void sendFor('quick', 0.1);
      await sendQuickAndSlow();
      expect(started).toEqual(['quick', 'slow', ...quicks, 'slow', 'slow']);
    });

    it('does not count what one kept it long ago', async () => {
      void sendFor('another', 0.1);
      for (let sent = 0; sent < 100; sent++) {
        await sendFor('quick', 2, false);
        await advance(20);
      }
      started = [];
      for (let sent = 0; sent < 100; sent++) void sendFor('new', 0.5, false);
      void sendFor('quick', 0.5, false);
      for (let turn = 0; turn < 60; turn++) await advance(1);
      expect(started).toHaveLength(101);
      expect(started.indexOf('quick')).toBeLessThan(80);
    });
  });

  it('rejects requests of the one that is overloaded, and of no other', async () => {
    sendAs('org_a', 100);
    await simulate(1_000, {});
    expect(rejected).toEqual(numbers(40, 100));
    sendAs('org_b', 10);
    await simulate(1_000, { finish: 1 });
    expect(rejected).toEqual(numbers(40, 100));
  });

  it('rejects the oldest request of the longest queue when the queues are full', async () => {
    sendAs('org_a', 480);
    sendAs('org_b', 50);
    await advance(0);
    expect(rejected).toEqual(numbers(40, 60));
  });
});

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { FairSemaphore } from '../../src/database/fair-semaphore.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A semaphore that records which organization enters, and ends the oldest permit of one. */
function createSemaphore(permits: number) {
  const semaphore = new FairSemaphore(permits);
  const entered: string[] = [];
  const held: { organization: string; release: () => void }[] = [];
  const acquire = (organization: string) => {
    const holder = {
      organization,
      enter: () => {
        entered.push(organization);
        held.push({ organization, release });
      },
    };
    const release = () => {
      semaphore.release(holder);
    };
    semaphore.acquire(holder);
    return release;
  };
  const acquireMany = (organization: string, count: number) =>
    Array.from({ length: count }, () => acquire(organization));
  const end = (organization: string) => {
    const index = held.findIndex((each) => each.organization === organization);
    held.splice(index, 1)[0]?.release();
  };
  /** The organizations that entered since the last call. */
  const newlyEntered = () => entered.splice(0).join('');
  return { acquire, acquireMany, end, newlyEntered };
}

describe('a fair semaphore', () => {
  it('gives every permit to an organization that is alone', () => {
    const { acquireMany, end, newlyEntered } = createSemaphore(4);
    acquireMany('a', 6);
    expect(newlyEntered()).toBe('aaaa');
    end('a');
    expect(newlyEntered()).toBe('a');
  });

  it('gives one of several organizations at most half of the permits', () => {
    const { acquireMany, newlyEntered } = createSemaphore(4);
    acquireMany('b', 1);
    acquireMany('a', 6);
    expect(newlyEntered()).toBe('baa');
  });

  it('lets an organization in as soon as another one, which held every permit, returns one', () => {
    const { acquireMany, end, newlyEntered } = createSemaphore(4);
    acquireMany('a', 20);
    acquireMany('b', 1);
    expect(newlyEntered()).toBe('aaaa');
    end('a');
    expect(newlyEntered()).toBe('b');
    end('a');
    end('b');
    expect(newlyEntered()).toBe('');
    end('a');
    expect(newlyEntered()).toBe('a');
  });

  it('serves the waiting organizations in turn, each first in, first out', () => {
    const { acquireMany, end, newlyEntered } = createSemaphore(1);
    acquireMany('a', 3);
    acquireMany('b', 2);
    acquireMany('c', 1);
    let order = newlyEntered();
    for (let ended = 0; ended < 5; ended++) {
      end(order.at(-1) ?? '');
      order += newlyEntered();
    }
    expect(order).toBe('aabcab');
  });

  it('forgets an organization ten seconds after its last permit', async () => {
    const { acquireMany, end, newlyEntered } = createSemaphore(4);
    acquireMany('b', 1);
    end('b');
    acquireMany('a', 4);
    expect(newlyEntered()).toBe('baa');
    await jest.advanceTimersByTimeAsync(10_000);
    end('a');
    expect(newlyEntered()).toBe('aa');
  });

  it('gives one permit for one that is returned twice', () => {
    const { acquireMany, newlyEntered } = createSemaphore(1);
    const [first] = acquireMany('a', 3);
    first?.();
    first?.();
    expect(newlyEntered()).toBe('aa');
  });

  it('passes over a waiter that gave up, and over its organization', () => {
    const { acquire, acquireMany, end, newlyEntered } = createSemaphore(1);
    acquireMany('a', 1);
    acquire('b')();
    acquireMany('c', 1);
    end('a');
    expect(newlyEntered()).toBe('ac');
  });

  it('counts an organization as active for as long as it holds a permit', async () => {
    const { acquireMany, newlyEntered } = createSemaphore(6);
    acquireMany('b', 1);
    acquireMany('a', 3);
    await jest.advanceTimersByTimeAsync(20_000);
    acquireMany('a', 1);
    expect(newlyEntered()).toBe('baaa');
  });

  it('takes a waiter out that gives up, and ignores a second release', () => {
    const { acquireMany, end, newlyEntered } = createSemaphore(1);
    const [first, second] = acquireMany('a', 3);
    second?.();
    first?.();
    first?.();
    expect(newlyEntered()).toBe('aa');
    end('a');
    expect(newlyEntered()).toBe('');
  });
});

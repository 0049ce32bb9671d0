import type { ServerResponse } from 'node:http';

import { expect, it, jest } from '@jest/globals';

import { closeSlowReaders } from '../../src/http/slow-readers.js';

jest.useFakeTimers();

/** The seconds after which the response of a client that reads nothing is destroyed within 200. */
function secondsUntilDestroyed(url: string, completeAfter = 0): number | null {
  let destroyedAt: number | null = null;
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1_000;
  const response = {
    req: { url },
    get writableEnded() {
      return seconds() >= completeAfter;
    },
    destroy: () => (destroyedAt ??= seconds()),
  } as unknown as ServerResponse;
  const isExempt = ({ req }: ServerResponse) => req.url === '/exempt';
  const stop = closeSlowReaders(new Set([response]), { timeoutMs: 60_000, isExempt });
  jest.advanceTimersByTime(200_000);
  stop();
  return destroyedAt;
}

it('a response is closed when its client has not read it a minute after it was complete', () => {
  expect(secondsUntilDestroyed('/graphql')).toBe(66);
  expect(secondsUntilDestroyed('/graphql', 100)).toBe(162);
  expect(secondsUntilDestroyed('/graphql', 201)).toBeNull();
  expect(secondsUntilDestroyed('/exempt')).toBeNull();
  expect(jest.getTimerCount()).toBe(0);
});

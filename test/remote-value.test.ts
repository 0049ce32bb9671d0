import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';

import { afterEach, expect, it, jest } from '@jest/globals';

import { withDeadline } from '../src/deadline.js';
import { createLogger } from '../src/logger.js';
import { RemoteValue } from '../src/remote-value.js';

const SOON_MS = 20;

/** A value whose loads the test ends, the latest first. */
function remoteValue() {
  const loads: ((value: string) => void)[] = [];
  const load = () => new Promise<string>((resolve) => loads.push(resolve));
  const options = { name: 'Values', logger: createLogger('silent'), timeoutMs: SOON_MS };
  return { value: new RemoteValue(load, options), loads };
}

afterEach(() => void jest.restoreAllMocks());

it('a value that hangs is waited for once, then refreshed in the background', async () => {
  const { value, loads } = remoteValue();
  await value.refresh();
  jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 5_000);
  // Not even as long as the deadline of the load that this starts.
  const waited = value.refresh().then(() => 'not waited');
  await expect(Promise.race([waited, value.reload()])).resolves.toBe('not waited');
  expect(loads).toHaveLength(2);
});

it('a value that comes after the deadline counts, and ends the outage', async () => {
  const { value, loads } = remoteValue();
  await expect(value.reload()).rejects.toThrow(`no response within ${SOON_MS} ms`);
  await expect(value.reload()).rejects.toThrow('no response');
  expect(loads).toHaveLength(1);
  loads[0]?.('late');
  await Promise.resolve();
  expect(value.age).toBeLessThan(Infinity);
  const next = value.reload();
  loads[1]?.('next');
  expect(await next).toBe('next');
});

it('a response that arrives while the event loop is blocked is in time', async () => {
  // After it, the event loop continues with its timers.
  await setImmediate();
  const response = promisify(randomBytes)(1);
  const result = withDeadline(response, SOON_MS);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * SOON_MS);
  expect(await result).toHaveLength(1);
});

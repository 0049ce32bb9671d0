import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';

import { ClockDifference } from '../../src/database/clock-difference.js';
import { toSqlDateTime } from '../../src/database/sql-datetime.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A database whose clock is ahead by `state.aheadMs`, and whose responses take `state.ms`. */
function databaseAhead(aheadMs: number) {
  const state = { aheadMs, ms: 0, queries: 0, fails: false };
  const query = async <Row>() => {
    state.queries++;
    if (state.fails) throw new Error('gone');
    jest.setSystemTime(Date.now() + state.ms / 2);
    const now = toSqlDateTime(new Date(Date.now() + state.aheadMs));
    jest.setSystemTime(Date.now() + state.ms / 2);
    return [{ now }] as Row[];
  };
  return { state, clock: new ClockDifference({ query, currentTimeSql: 'NOW' }) };
}

it.each([1_500, -3_000, 0])('a clock that is %d ms ahead is measured halfway', async (aheadMs) => {
  const { state, clock } = databaseAhead(aheadMs);
  state.ms = 800;
  expect(clock.read()).toBeNaN();
  await clock.measure();
  expect(clock.read()).toBe(aheadMs / 1_000);
});

it('a clock is measured once a minute at most, when it is read, and keeps its value in an outage', async () => {
  const { state, clock } = databaseAhead(1_000);
  await clock.measure();
  for (let read = 0; read < 5; read++) expect(clock.read()).toBe(1);
  expect(state.queries).toBe(1);
  state.aheadMs = 2_000;
  await jest.advanceTimersByTimeAsync(60_000);
  expect(clock.read()).toBe(1);
  await jest.advanceTimersByTimeAsync(0);
  expect(clock.read()).toBe(2);
  state.fails = true;
  await jest.advanceTimersByTimeAsync(60_000);
  expect(clock.read()).toBe(2);
  await jest.advanceTimersByTimeAsync(0);
  expect([clock.read(), state.queries]).toEqual([2, 3]);
});

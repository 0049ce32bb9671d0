import { setImmediate } from 'node:timers/promises';

import { expect, it } from '@jest/globals';

import { EventTurns } from '../../src/graphql/event-turns.js';

/** Keeps the event loop busy. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

it('lets other work run between the events of a poll', async () => {
  const turns = new EventTurns();
  let done = 0;
  const events = Array.from({ length: 200 }, async () => {
    await turns.wait('org_a');
    work(0.5);
    done++;
  });
  const seen: number[] = [];
  while (done < events.length) {
    await setImmediate();
    seen.push(done);
  }
  const most = Math.max(...seen.map((each, index) => each - (seen[index - 1] ?? 0)));
  expect(most).toBeLessThan(20);
});

it('gives each organization its turn', async () => {
  const turns = new EventTurns();
  const order: string[] = [];
  const event = async (organization: string) => {
    await turns.wait(organization);
    order.push(organization);
  };
  const events = [...Array.from({ length: 50 }, () => event('org_a')), event('org_b')];
  await Promise.all(events);
  expect(order.indexOf('org_b')).toBe(1);
});

import { expect, it } from '@jest/globals';

import { CircuitBreaker } from '../../src/database/circuit-breaker.js';

function createBreaker() {
  const clock = { now: 0 };
  const events: string[] = [];
  const probes: ((failure: Error | null) => void)[] = [];
  const server = {
    startProbe(onEnd: (failure: Error | null) => void) {
      probes.push(onEnd);
      return () => events.push('probe cancelled');
    },
    onFailure: ({ message }: Error, isFirst: boolean) =>
      events.push(`${isFirst ? 'opened' : 'still open'}: ${message}`),
    onRecovery: () => events.push('closed'),
  };
  const breaker = new CircuitBreaker(server, clock);
  const tick = (count: number) => {
    for (let ticked = 0; ticked < count; ticked++) {
      clock.now++;
      breaker.onTick();
    }
  };
  return { breaker, probes, events, tick };
}

it('opens when a probe fails, repeats probes, and closes when one succeeds', () => {
  const { breaker, probes, events, tick } = createBreaker();
  breaker.suspect();
  breaker.suspect();
  expect(probes).toHaveLength(1);
  probes[0]?.(new Error('refused'));
  tick(4);
  expect(probes).toHaveLength(1);
  tick(1);
  probes[1]?.(new Error('refused'));
  expect(breaker.isOpen).toBe(true);
  tick(5);
  probes[2]?.(null);
  expect(breaker.isOpen).toBe(false);
  tick(50);
  expect(probes).toHaveLength(3);
  const changes = events.filter((event) => event !== 'probe cancelled');
  expect(changes).toEqual(['opened: refused', 'still open: refused', 'closed']);
});

it('opens after 500 ms without a response, and abandons a probe after 3 s', () => {
  const { breaker, probes, events, tick } = createBreaker();
  breaker.suspect();
  tick(4);
  expect(events).toEqual([]);
  tick(1);
  expect(events).toEqual(['opened: no response']);
  tick(24);
  expect(events).not.toContain('probe cancelled');
  tick(1);
  expect(events.at(-1)).toBe('probe cancelled');
  probes[0]?.(null);
  expect(breaker.isOpen).toBe(true);
});

it('stays closed while a busy server responds on other connections', () => {
  const { breaker, events, tick } = createBreaker();
  breaker.suspect();
  for (let ticked = 0; ticked < 30; ticked++) {
    breaker.onResponse();
    tick(1);
  }
  expect(events).toEqual(['probe cancelled']);
});

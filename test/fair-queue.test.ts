import { expect, it } from '@jest/globals';

import { FairQueue } from '../src/fair-queue.js';

const item = (name: string) => ({ name });

it('takes the oldest item of each organization in turn', () => {
  const queue = new FairQueue<{ name: string }>();
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) queue.add(name.charAt(0), item(name));
  const taken: (string | undefined)[] = [];
  while (!queue.isEmpty) taken.push(queue.take()?.name);
  expect(taken).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  expect(queue.take()).toBeUndefined();
});

it('keeps the order of one organization while items come and go', () => {
  const queue = new FairQueue<{ name: string }>();
  const items = Array.from({ length: 100 }, (_, index) => item(String(index)));
  const taken: (string | undefined)[] = [];
  for (const each of items) {
    queue.add('a', each);
    if (taken.length < 40 && Number(each.name) % 2 === 1) taken.push(queue.take()?.name);
  }
  while (!queue.isEmpty) taken.push(queue.take()?.name);
  expect(taken).toEqual(items.map(({ name }) => name));
});

it('removes an item from anywhere, and nothing for one that is not in it', () => {
  const queue = new FairQueue<{ name: string }>();
  const [a1, a2, a3] = ['a1', 'a2', 'a3'].map(item);
  if (a1 === undefined || a2 === undefined || a3 === undefined) throw new Error('No items');
  for (const each of [a1, a2, a3]) queue.add('a', each);
  expect(queue.take()).toBe(a1);
  for (const each of [a1, a3]) queue.delete('a', each);
  queue.delete('b', a2);
  expect(queue.take()).toBe(a2);
  expect(queue.isEmpty).toBe(true);
});

it('is empty, and serves others, when its last item has been removed', () => {
  const queue = new FairQueue<{ name: string }>();
  const [a1, b1] = [item('a1'), item('b1')];
  queue.add('a', a1);
  queue.delete('a', a1);
  expect(queue.isEmpty).toBe(true);
  queue.add('b', b1);
  expect(queue.take()).toBe(b1);
});

it('passes over organizations that may not take their turn, which stay in front', () => {
  const queue = new FairQueue<{ name: string }>();
  for (const name of ['a1', 'b1', 'b2']) queue.add(name.charAt(0), item(name));
  const isB = (organization: string) => organization === 'b';
  expect([queue.take(isB), queue.take(isB), queue.take(isB)].map((each) => each?.name)).toEqual([
    ...['b1', 'b2'],
    undefined,
  ]);
  expect(queue.take()?.name).toBe('a1');
});

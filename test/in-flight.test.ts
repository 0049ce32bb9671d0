import { expect, it } from '@jest/globals';

import { InFlight } from '../src/in-flight.js';

function setUp() {
  const items = new InFlight<string>();
  const [removeA, removeB, removeC] = ['a', 'b', 'c'].map((item) => items.add(item));
  return { items, removeA, removeB, removeC };
}

it('has each item until it is removed, in any order', () => {
  const { items, removeA, removeB, removeC } = setUp();
  expect([...items].sort()).toEqual(['a', 'b', 'c']);
  removeB?.();
  expect([...items].sort()).toEqual(['a', 'c']);
  removeC?.();
  expect([...items]).toEqual(['a']);
  removeA?.();
  expect([...items]).toEqual([]);
  expect(items.size).toBe(0);
});

it('ignores a second removal, also when others have taken the place', () => {
  const { items, removeA } = setUp();
  removeA?.();
  removeA?.();
  items.add('d');
  removeA?.();
  expect([...items].sort()).toEqual(['b', 'c', 'd']);
});

it('can be changed while it is iterated', () => {
  const items = new InFlight<() => void>();
  let removed = 0;
  for (let added = 0; added < 5; added++) {
    const remove = items.add(() => {
      remove();
      removed++;
    });
  }
  for (const remove of items) remove();
  expect(removed).toBe(5);
  expect(items.size).toBe(0);
});

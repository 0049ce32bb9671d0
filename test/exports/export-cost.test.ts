import { expect, it } from '@jest/globals';

import * as costs from '../../src/exports/export-cost.js';

const ids = (length: number) => ({ ids: Array<string>(length).fill('x') });

it.each<{ complexity: keyof typeof costs; args?: object; child?: number; cost: number }>([
  { complexity: 'lookupCost', cost: 20 + 7 },
  { complexity: 'filesCost', cost: 1 + 4 * 7 },
  { complexity: 'listCost', args: { limit: 10 }, cost: 200 + 10 * 7 },
  { complexity: 'listCost', args: { limit: 100 }, cost: 200 + 100 * 7 },
  { complexity: 'listCost', args: { limit: 101 }, cost: 200 + 100 * 7 },
  { complexity: 'listCost', args: { limit: 0 }, cost: 200 + 7 },
  { complexity: 'listCost', args: { limit: -2_147_483_648 }, cost: 200 + 7 },
  { complexity: 'lookupsCost', args: ids(0), cost: 20 },
  { complexity: 'lookupsCost', args: ids(3), cost: 20 + 3 * 7 },
  { complexity: 'lookupsCost', args: ids(3), child: 0, cost: 20 + 3 },
  { complexity: 'lookupsCost', args: ids(101), cost: 20 + 100 * 7 },
])('$complexity is $cost for $args', ({ complexity, args = {}, child = 7, cost }) => {
  const estimate = costs[complexity] as (options: object) => number;
  expect(estimate({ args, childComplexity: child })).toBe(cost);
});

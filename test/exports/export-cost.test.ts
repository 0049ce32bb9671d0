import { describe, expect, it } from '@jest/globals';

import * as costs from '../../src/exports/export-cost.js';

/** Returns the cost of a field as the complexity plugin computes it. */
function costOf(complexity: unknown, args: Record<string, unknown>, childComplexity: number) {
  return (complexity as (options: object) => number)({ args, childComplexity });
}

describe('the cost', () => {
  it.each([
    { limit: 10, cost: 200 + 10 * 7 },
    { limit: 100, cost: 200 + 100 * 7 },
    { limit: 101, cost: 200 + 100 * 7 },
    { limit: 0, cost: 200 + 7 },
    { limit: -2_147_483_648, cost: 200 + 7 },
  ])(
    'of a list is its selection once for each of $limit exports, at least 1',
    ({ limit, cost }) => {
      expect(costOf(costs.listCost, { limit }, 7)).toBe(cost);
    },
  );

  it.each([
    { ids: 0, child: 7, cost: 20 },
    { ids: 3, child: 7, cost: 20 + 3 * 7 },
    { ids: 3, child: 0, cost: 20 + 3 },
    { ids: 101, child: 7, cost: 20 + 100 * 7 },
  ])('of exportsByIds is its selection ($child) once for each of $ids ids', (given) => {
    const ids = Array<string>(given.ids).fill('x');
    expect(costOf(costs.lookupsCost, { ids }, given.child)).toBe(given.cost);
  });

  it('of an export includes its look-up, and its files count four times', () => {
    expect(costOf(costs.lookupCost, {}, 7)).toBe(27);
    expect(costOf(costs.filesCost, {}, 7)).toBe(29);
  });
});

import { describe, expect, it } from '@jest/globals';

import { CostBudgets } from '../../src/graphql/cost-budgets.js';

describe('the budgets of cost', () => {
  let now = 5_000;
  const create = () => new CostBudgets(100, 1_000, () => now);

  it('let an idle organization spend the capacity at once', () => {
    const budgets = create();
    expect(budgets.remaining('acme')).toBe(1_000);
    expect(budgets.pay('acme', 400)).toBe(0);
    expect(budgets.remaining('acme')).toBe(600);
    expect(budgets.pay('acme', 600)).toBe(0);
    expect(budgets.remaining('acme')).toBe(0);
  });

  it('return after how many whole seconds a cost can be paid, and charge nothing for it', () => {
    const budgets = create();
    budgets.pay('acme', 1_000);
    expect(budgets.pay('acme', 1)).toBe(1);
    expect(budgets.pay('acme', 250)).toBe(3);
    now += 2_999;
    expect(budgets.pay('acme', 300)).toBe(1);
    now += 1;
    expect(budgets.pay('acme', 300)).toBe(0);
  });

  it('regain no more than the capacity', () => {
    const budgets = create();
    budgets.pay('acme', 1_000);
    now += 4_000;
    expect(budgets.remaining('acme')).toBe(400);
    now += 60_000;
    expect(budgets.remaining('acme')).toBe(1_000);
  });

  it('are apart for each organization', () => {
    const budgets = create();
    budgets.pay('acme', 1_000);
    expect(budgets.pay('Acme', 1_000)).toBe(0);
  });
});

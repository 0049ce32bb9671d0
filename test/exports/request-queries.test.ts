import { expect, it } from '@jest/globals';

import { RequestQueries } from '../../src/exports/request-queries.js';

it('the queries of a request enter four at a time, in order', async () => {
  const queries = new RequestQueries({ organization: 'org_a', onlyRequestedBy: null });
  const entered: number[] = [];
  const waits = Array.from({ length: 6 }, (_, index) =>
    queries.enter()?.then(() => entered.push(index)),
  );
  expect(waits.map((wait) => wait === undefined)).toEqual([true, true, true, true, false, false]);
  queries.leave();
  await waits[4];
  expect(entered).toEqual([4]);
  for (let left = 0; left < 5; left++) queries.leave();
  await waits[5];
  expect([queries.enter(), queries.enter()]).toEqual([undefined, undefined]);
});

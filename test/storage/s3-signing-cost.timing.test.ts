import { expect, it } from '@jest/globals';

import { measureLinkCost } from '../bench/s3-signing-cost.js';

it("signs a link in less than an eighth of the AWS SDK's time", async () => {
  const { gateway, sdk } = await measureLinkCost();
  expect(sdk / gateway).toBeGreaterThan(8);
});

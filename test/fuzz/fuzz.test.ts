import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'graphql';

import { isJitEligible } from '../../src/graphql/jit-eligibility.js';
import { createSchema } from '../../src/graphql/schema.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { post } from '../support/post.js';
import { fuzzedRows, requestsTo } from './fuzzed-gateway.js';
import { comparable, errorCodes } from './responses.js';

/** `FUZZ_REQUESTS=5000 npm test -- test/fuzz` uses a new seed; `FUZZ_SEED` repeats a failed run. */
const { FUZZ_REQUESTS, FUZZ_SEED } = process.env;
const numRuns = Number(FUZZ_REQUESTS ?? 400);
const seed = FUZZ_SEED ?? (FUZZ_REQUESTS === undefined ? '7' : undefined);

const gateway = useGateway(embedded, fuzzedRows);
const send = (request: object) => post(`${gateway.origin}/graphql`, request);

const test = async () => {
  const schema = await createSchema();
  const requests = await requestsTo(gateway.origin);
  const counts = { all: 0, succeeded: 0, compiled: 0 };
  const property = fc.asyncProperty(requests, async (generate) => {
    const { query, ...others } = generate();
    counts.all += 1;
    // A comment makes the document new, however often fast-check tries it.
    const isText = typeof query === 'string';
    const request = { ...others, query: isText ? `${query}\n# ${counts.all}` : query };
    const first = await send(request);
    const codes = errorCodes(first);
    const status = codes.length > 0 && !first.text.includes('"data":') ? 400 : 200;
    const expected = codes.filter((code) => code !== 'INTERNAL_SERVER_ERROR' && code !== 'none');
    expect({ request, ...first, codes }).toMatchObject({ request, status, codes: expected });
    for (let repetition = 0; repetition < 2; repetition += 1) {
      const response = comparable(await send(request));
      expect({ request, response }).toEqual({ request, response: comparable(first) });
    }
    if (status !== 200) return;
    if (codes.length === 0) counts.succeeded += 1;
    if (isJitEligible(parse(String(query)), schema)) counts.compiled += 1;
  });
  await fc.assert(property, {
    numRuns,
    ...(seed !== undefined && { seed: Number(seed) }),
    interruptAfterTimeLimit: 40 * numRuns,
  });
  // Rejected requests alone would test little.
  expect(counts.succeeded / counts.all).toBeGreaterThan(0.4);
  expect(counts.compiled / counts.all).toBeGreaterThan(0.25);
  expect(gateway.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
};
const name =
  'graphql-js and compiled operations return the same response to any request, and no defect';
it(name, test, 60_000 + 60 * numRuns);

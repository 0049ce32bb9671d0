import { beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'graphql';

import { isJitEligible } from '../../src/graphql/jit-eligibility.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { fuzzedSchema, insertFuzzedRows, requestsTo } from './fuzzed-gateway.js';
import { comparable, errorCodes, post } from './responses.js';

/** `FUZZ_REQUESTS=5000 npm test -- test/fuzz` uses a new seed; `FUZZ_SEED` repeats a failed run. */
const { FUZZ_REQUESTS, FUZZ_SEED } = process.env;
const numRuns = Number(FUZZ_REQUESTS ?? 400);
const seed = FUZZ_SEED ?? (FUZZ_REQUESTS === undefined ? '7' : undefined);

const gateway = useGateway(embedded);
beforeAll(() => insertFuzzedRows(gateway.source));

it(
  'answers any request without a defect, and alike by graphql-js and by the compiled operation',
  async () => {
    const schema = await fuzzedSchema();
    const requests = await requestsTo(gateway.origin);
    const counts = { all: 0, succeeded: 0, compiled: 0 };
    const property = fc.asyncProperty(requests, async (generate) => {
      const request = generate();
      counts.all += 1;
      // A comment makes the document new, however often fast-check tries it.
      const unique =
        typeof request.query === 'string'
          ? { ...request, query: `${request.query}\n# ${counts.all}` }
          : request;
      const first = await post(gateway.origin, unique);
      const codes = errorCodes(first);
      const hasData = first.text.includes('"data":');
      expect({ request, status: first.status, codes }).toEqual({
        request,
        status: codes.length > 0 && !hasData ? 400 : 200,
        codes: codes.filter((code) => code !== 'INTERNAL_SERVER_ERROR' && code !== 'none'),
      });
      for (let repetition = 0; repetition < 2; repetition += 1) {
        const response = comparable(await post(gateway.origin, unique));
        expect({ request, response }).toEqual({ request, response: comparable(first) });
      }
      if (first.status !== 200) return;
      if (codes.length === 0) counts.succeeded += 1;
      if (isJitEligible(parse(String(request.query)), schema)) counts.compiled += 1;
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
  },
  60_000 + 60 * numRuns,
);

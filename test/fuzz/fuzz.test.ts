import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildSchema, parse } from 'graphql';

import { createJitEligibility } from '../../src/graphql/jit-eligibility.js';
import { createSchemaText } from '../../src/graphql/schema.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { comparable, errorCodes, post } from './answers.js';
import type { GraphqlRequest } from './documents.js';
import { insertFuzzedRows, requestsTo } from './fuzzed-gateway.js';

/** `FUZZ_REQUESTS=5000 npm test -- test/fuzz` makes others each time; `FUZZ_SEED` repeats those of a run that failed. */
const { FUZZ_REQUESTS, FUZZ_SEED } = process.env;
const numRuns = Number(FUZZ_REQUESTS ?? 400);
const seed = FUZZ_SEED ?? (FUZZ_REQUESTS === undefined ? '7' : undefined);

let database: EngineDatabase;
let gateway: Gateway;
let isJitEligible: ReturnType<typeof createJitEligibility>;

beforeAll(async () => {
  database = (await engines[0]?.provide()) as EngineDatabase;
  gateway = await startGateway(database);
  await insertFuzzedRows(gateway.source);
  isJitEligible = createJitEligibility(
    buildSchema(await createSchemaText(), { assumeValidSDL: true }),
  );
});

afterAll(async () => {
  await gateway.close();
  await database.dispose();
});

function willBeCompiled({ query }: GraphqlRequest): boolean {
  return isJitEligible(parse(String(query)));
}

// The first time graphql-js executes a document, the second and third time it is compiled.
it(
  'any request is answered, without a defect, and with the same when it comes again',
  async () => {
    const requests = await requestsTo(gateway.origin);
    const made = { all: 0, served: 0, compiled: 0 };
    const property = fc.asyncProperty(requests, async (make) => {
      const request = make();
      made.all += 1;
      // A text that was never asked before, however often fast-check tries it.
      const fresh =
        typeof request.query === 'string'
          ? { ...request, query: `${request.query}\n# ${made.all}` }
          : request;
      const first = await post(gateway.origin, fresh);
      const codes = errorCodes(first);
      const told = { request, status: first.status, codes };
      expect(told).toEqual({
        ...told,
        status: codes.length > 0 && !first.text.includes('"data":') ? 400 : 200,
        codes: codes.filter((code) => code !== 'INTERNAL_SERVER_ERROR' && code !== 'none'),
      });
      for (const again of [await post(gateway.origin, fresh), await post(gateway.origin, fresh)]) {
        expect({ request, answer: comparable(again) }).toEqual({
          request,
          answer: comparable(first),
        });
      }
      if (first.status !== 200) return;
      if (codes.length === 0) made.served += 1;
      if (willBeCompiled(request)) made.compiled += 1;
    });
    await fc.assert(property, {
      numRuns,
      ...(seed !== undefined && { seed: Number(seed) }),
      interruptAfterTimeLimit: 40 * numRuns,
    });
    // Of requests that are refused alone, nothing would be learned.
    expect(made.served / made.all).toBeGreaterThan(0.4);
    expect(made.compiled / made.all).toBeGreaterThan(0.25);
    expect(gateway.log.filter((line) => Number(line['level']) >= 50)).toEqual([]);
  },
  60_000 + 60 * numRuns,
);

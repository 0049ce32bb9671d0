import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createTables } from '../support/data-source.js';
import { embedded, engines, type EngineDatabase } from '../support/engines.js';
import {
  outcomes,
  quantile,
  sendBeside,
  sendQuietly,
  TOKEN_SECRET,
  type Neighbours,
} from '../support/fairness.js';
import { exportRow } from '../support/rows.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';

const built = useBuiltGateway();

describe.each(engines)('an organization beside a noisy one on $engine', (engine) => {
  let home: string;
  let database: EngineDatabase;
  let neighbours: Neighbours;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'fairness-test-'));
    database = await engine.provide();
    const organizationId = 'org_noisy';
    const exports = [...Array(5_000).keys()].map((index) => exportRow(index, { organizationId }));
    exports.push(...[...Array(20).keys()].map((index) => exportRow(5_000 + index)));
    const path = join(home, 'data', 'exports.sqlite');
    const isEmbedded = engine === embedded;
    await createTables(isEmbedded ? { kind: 'embedded', path } : database.config, { exports });
    const gateway = built.start(home, {
      ...{ AUTH: 'required', JWT_SECRET: TOKEN_SECRET, LOG_LEVEL: 'info' },
      ...(database.url !== undefined && {
        DATABASE_URL: database.url,
        FILES_SIGNING_SECRET: 'the secret of the links',
      }),
    });
    const origin = await gateway.origin();
    neighbours = { origin, quiet: 'org_demo', noisy: organizationId, seconds: 2 };
    await sendQuietly(neighbours);
  });
  afterAll(async () => {
    await built.endAll(home);
    await database.dispose();
    await rm(home, { recursive: true });
  });

  it.each([
    { connections: 4, lists: 6 },
    { connections: 40, lists: 6 },
    // Their cost is refused, but only after they have been parsed and validated.
    { connections: 4, lists: 50 },
  ])(
    'keeps its latency and gets no error: $connections connections with $lists searches a request',
    async (noise) => {
      const usual = noise.lists === 50 ? '400 QUERY_TOO_COMPLEX' : '200';
      const limited = ['503 SERVICE_UNAVAILABLE', '429 RATE_LIMITED'];
      // Other work on the machine spoils a round now and then, but not five in a row.
      const rounds: { readonly slowdown: number; readonly quiet: object }[] = [];
      const isGood = ({ slowdown, quiet }: (typeof rounds)[number]) =>
        slowdown <= 10 && Object.keys(quiet).join() === '200';
      do {
        const alone = await sendQuietly(neighbours);
        const { quiet, noisy } = await sendBeside(neighbours, noise);
        const ofNoisy = outcomes(noisy);
        expect(Object.keys(ofNoisy)).toContain(usual);
        expect([usual, ...limited]).toEqual(expect.arrayContaining(Object.keys(ofNoisy)));
        const slowdown = quantile(quiet, 0.99) / quantile(alone, 0.99);
        rounds.push({ slowdown, quiet: outcomes(quiet) });
      } while (rounds.length < 5 && !rounds.some(isGood));
      // All rounds, for the message of a failure.
      expect({ rounds, isAnyGood: rounds.some(isGood) }).toMatchObject({ isAnyGood: true });
    },
    120_000,
  );
});

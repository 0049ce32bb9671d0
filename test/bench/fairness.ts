import { setTimeout } from 'node:timers/promises';

import {
  outcomes,
  quantile,
  sendBeside,
  sendQuietly,
  TOKEN_SECRET,
  type Response,
} from '../support/fairness.js';
import type { Bench, Contender } from './bench.js';
import { ORGANIZATION } from './data.js';
import { digits } from './figures.js';

const ROWS = 1_000_000;
/** A scan keeps the only thread of an embedded database: it is for development. */
const EMBEDDED_ROWS = 10_000;
/** Has about 1,000 exports of a million; ORGANIZATION has half of all. */
const QUIET_ORGANIZATION = 'org_7';
/** The maximum p99 of the quiet organization, as a multiple of its p99 alone. */
const GOAL = 10;
/** As many searches as the limit on cost allows, and many more. */
const noises = [
  { connections: 4, lists: 6 },
  { connections: 40, lists: 6 },
  { connections: 4, lists: 50 },
  { connections: 40, lists: 50 },
];

/** Compares the latency of a quiet organization beside a noisy one with that alone. */
export async function measureFairness(bench: Bench, seconds: number): Promise<void> {
  const env = { AUTH: 'required', JWT_SECRET: TOKEN_SECRET, LOG_LEVEL: 'error' };
  const onServer = await bench.startContender('gateway', ROWS, { env });
  await measureOn(`MariaDB with ${ROWS} exports`, onServer, seconds);
  const embedded = await bench.startEmbedded(EMBEDDED_ROWS, env);
  await measureOn(`the embedded database with ${EMBEDDED_ROWS} exports`, embedded, seconds);
}

async function measureOn(database: string, { origin }: Contender, seconds: number): Promise<void> {
  const neighbours = { origin, quiet: QUIET_ORGANIZATION, noisy: ORGANIZATION, seconds };
  // The first requests compile code, and the first searches read the pages of the database.
  for (const noise of noises) await sendBeside({ ...neighbours, seconds: 2 }, noise);
  await setTimeout(2_000);
  const alone = await sendQuietly(neighbours);
  const rows: Record<string, object> = { alone: figures(alone, alone) };
  let isFair = true;
  for (const noise of noises) {
    const { quiet, noisy } = await sendBeside(neighbours, noise);
    isFair &&= quantile(quiet, 0.99) <= GOAL * quantile(alone, 0.99);
    isFair &&= quiet.every(({ outcome }) => outcome === '200');
    rows[`beside ${noise.connections} × ${noise.lists} searches`] = {
      ...figures(quiet, alone),
      noisy: JSON.stringify(outcomes(noisy)),
    };
  }
  console.log(`On ${database}:`);
  console.table(rows);
  const goal = `No failure, and a p99 of at most ${GOAL} times that alone`;
  console.log(`${goal}: ${isFair ? 'yes' : 'no'}.`);
}

function figures(quiet: readonly Response[], alone: readonly Response[]): object {
  return {
    'p50 ms': digits(quantile(quiet, 0.5)),
    'p99 ms': digits(quantile(quiet, 0.99)),
    'p99 to alone': digits(quantile(quiet, 0.99) / quantile(alone, 0.99)),
    quiet: JSON.stringify(outcomes(quiet)),
  };
}

import 'reflect-metadata';

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { z } from 'zod';

import { residentMemory } from '../bench/figures.js';
import { fuzzedRows, requestsTo } from '../fuzz/fuzzed-gateway.js';
import { buildGateway, type StartedProgram } from '../support/built-gateway.js';
import { createExportsDatabase, exportsUrl } from '../support/exports-server.js';
import { createPrivateServer } from '../support/private-server.js';
import { mixedExchanges } from './exchanges.js';
import { Traffic } from './traffic.js';

/**
 * `npm run soak -- --minutes 20` sends valid, invalid and malicious requests to the built gateway,
 * and kills and restarts its database halfway. Exits with status 1 after an unexpected response, a
 * logged defect, a late recovery, the end of the gateway or too much memory.
 */
const string = { type: 'string' } as const;
const { values } = parseArgs({ options: { minutes: string, 'per-second': string, seed: string } });
const positive = (fallback: number) => z.coerce.number().positive().default(fallback);
const options = z
  .object({ minutes: positive(20), 'per-second': positive(40), seed: positive(Date.now() % 1e6) })
  .parse(values);

const OUTAGE_MS = 3_000;
/** The maximum time until the gateway is ready after the return of the database. */
const RECOVERY_MS = 5_000;
/** The resident memory of the gateway after thousands of distinct documents. */
const MAX_MIB = 300;

const stopped = new AbortController();
const stop = () => {
  stopped.abort();
};
process.once('SIGINT', stop).once('SIGTERM', stop);

const server = await createPrivateServer();
const built = await buildGateway();
const folder = await mkdtemp(join(tmpdir(), 'soak-'));
try {
  await server.start();
  await createExportsDatabase(server, fuzzedRows);
  const gateway = built.start(folder, {
    DATABASE_URL: exportsUrl(server),
    FILES_SIGNING_SECRET: 'the secret of the tests',
    AUTH: 'off',
  });
  void gateway.ended.then(stop);
  await soak(gateway, await gateway.origin());
} finally {
  await built.dispose();
  await server.dispose();
  await rm(folder, { recursive: true });
}

async function soak(gateway: StartedProgram, origin: string): Promise<void> {
  const { minutes, seed, 'per-second': perSecond } = options;
  console.log(`Seed ${seed}, ${minutes} minutes, at most ${perSecond} requests a second`);
  const exchanges = mixedExchanges(await requestsTo(origin), seed);
  const traffic = new Traffic(origin, exchanges, { clients: 4, perSecond });
  const memory: number[] = [];
  const measureAfter = async (milliseconds: number) => {
    await wait(milliseconds);
    if (!stopped.signal.aborted) memory.push(Math.round(await residentMemory(gateway.pid)));
  };
  const half = minutes * 30_000;
  const warmUp = Math.min(10_000, half / 4);
  await measureAfter(warmUp);
  await measureAfter(half - warmUp);
  const recovery = stopped.signal.aborted ? null : await restartDatabase(traffic, origin);
  await measureAfter(half);
  const report = await traffic.stop();

  const hasEnded = stopped.signal.aborted;
  const defects = gateway.log
    .filter(({ level }) => level >= 50)
    .map((line) => JSON.stringify(line));
  const lines = [
    ...report,
    `Defects in the log: ${defects.length}`,
    ...defects.slice(0, 3).map((each) => `  ${each.slice(0, 1_000)}`),
    `The gateway or the soak ended early: ${hasEnded ? 'yes' : 'no'}`,
    `Ready after the return of the database: ${recovery === null ? 'no' : `in ${recovery} ms`}`,
    `Memory at the start, in the middle, at the end, at most ${MAX_MIB}: ${memory.join(', ')} MiB`,
  ];
  console.log(lines.join('\n'));
  const isGood = traffic.unexpected.length + defects.length === 0 && !hasEnded && recovery !== null;
  const isSmall = Math.max(...memory) <= MAX_MIB;
  process.exitCode = isGood && isSmall ? 0 : 1;
}

/** The milliseconds from the return of the database until the gateway is ready; null when late. */
async function restartDatabase(traffic: Traffic, origin: string): Promise<number | null> {
  traffic.isDatabaseDown = true;
  await server.kill();
  await wait(OUTAGE_MS);
  await server.start();
  const start = performance.now();
  while (performance.now() - start <= RECOVERY_MS) {
    const response = await fetch(`${origin}/health/ready`).catch(() => null);
    if (response?.status === 200) {
      traffic.isDatabaseDown = false;
      return Math.round(performance.now() - start);
    }
    await sleep(50);
  }
  return null;
}

/** Waits, unless the soak is stopped. */
async function wait(milliseconds: number): Promise<void> {
  const { signal } = stopped;
  await sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

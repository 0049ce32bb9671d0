import 'reflect-metadata';

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { createConnection } from 'mysql2/promise';
import { pino } from 'pino';
import { z } from 'zod';

import { connectDatabase } from '../../src/database/connect.js';
import { entities } from '../../src/entities.js';
import { residentMemory } from '../bench/figures.js';
import { insertFuzzedRows, requestsTo } from '../fuzz/fuzzed-gateway.js';
import { createPrivateServer, freePort } from '../support/private-server.js';
import { Traffic } from './traffic.js';

/**
 * `npm run soak -- --minutes 20` sends valid, invalid and malicious requests to the built gateway,
 * and kills and restarts its database halfway. Exits with status 1 after an unexpected response, a
 * logged defect, a late recovery or the end of the gateway.
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

const stopped = new AbortController();
const stop = () => {
  stopped.abort();
};
process.once('SIGINT', stop).once('SIGTERM', stop);

const server = await createPrivateServer();
const folder = await mkdtemp(join(tmpdir(), 'soak-'));
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
try {
  await server.start();
  const gateway = spawn(
    process.execPath,
    [fileURLToPath(new URL('../../dist/src/main.js', import.meta.url))],
    {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        DATABASE_URL: await createDatabase(server.url),
        FILES_SIGNING_SECRET: 'the secret of the tests',
        AUTH: 'off',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(gateway, 'exit').then(stop);
  const defects: string[] = [];
  createInterface(gateway.stdout).on('line', (line) => {
    if ((JSON.parse(line) as { level: number }).level >= 50) defects.push(line);
  });
  try {
    await soak(gateway.pid ?? NaN, defects);
  } finally {
    gateway.kill('SIGKILL');
    await ended;
  }
} finally {
  await server.dispose();
  await rm(folder, { recursive: true });
}

async function soak(pid: number, defects: readonly string[]): Promise<void> {
  if ((await timeUntilReady(30_000)) === null) throw new Error('The gateway did not start.');
  const { minutes, seed, 'per-second': perSecond } = options;
  const traffic = new Traffic(origin, await requestsTo(origin), { seed, perSecond });
  console.log(`Seed ${seed}, ${minutes} minutes, at most ${perSecond} requests a second`);
  const running = traffic.run();
  const memory: number[] = [];
  const measureAfter = async (milliseconds: number) => {
    await wait(milliseconds);
    if (!stopped.signal.aborted) memory.push(Math.round(await residentMemory(pid)));
  };
  const half = minutes * 30_000;
  const warmUp = Math.min(10_000, half / 4);
  await measureAfter(warmUp);
  await measureAfter(half - warmUp);
  const recovery = stopped.signal.aborted ? null : await restartDatabase(traffic);
  await measureAfter(half);
  traffic.stop();
  await running;

  const { requests, responses, unexpected } = traffic;
  const hasEnded = stopped.signal.aborted;
  const lines = [
    `Requests: ${requests}`,
    ...[...responses].map(([key, count]) => `  ${key}: ${count}`).sort(),
    `Unexpected responses: ${unexpected.length}`,
    ...unexpected.slice(0, 10).map((each) => `  ${each.slice(0, 1_000)}`),
    `Defects in the log: ${defects.length}`,
    ...defects.slice(0, 3).map((each) => `  ${each.slice(0, 1_000)}`),
    `The gateway or the soak ended early: ${hasEnded ? 'yes' : 'no'}`,
    `Ready after the return of the database: ${recovery === null ? 'no' : `in ${recovery} ms`}`,
    `Memory at the start, in the middle, at the end: ${memory.join(', ')} MiB`,
  ];
  console.log(lines.join('\n'));
  const isGood = unexpected.length + defects.length === 0 && !hasEnded && recovery !== null;
  process.exitCode = isGood ? 0 : 1;
}

/** Returns the milliseconds from the return of the database until the gateway is ready, or null. */
async function restartDatabase(traffic: Traffic): Promise<number | null> {
  traffic.isDatabaseDown = true;
  await server.kill();
  await wait(OUTAGE_MS);
  await server.start();
  const recovery = await timeUntilReady(RECOVERY_MS);
  if (recovery !== null) traffic.isDatabaseDown = false;
  return recovery;
}

/** Returns the milliseconds until the gateway is ready, or null when it takes too long. */
async function timeUntilReady(maximum: number): Promise<number | null> {
  const start = performance.now();
  while (performance.now() - start <= maximum) {
    const response = await fetch(`${origin}/health/ready`).catch(() => null);
    if (response?.status === 200) return Math.round(performance.now() - start);
    await sleep(50);
  }
  return null;
}

/** Returns the URL of a database with the rows of the traffic. */
async function createDatabase(serverUrl: string): Promise<string> {
  const connection = await createConnection({ uri: serverUrl });
  await connection.query('CREATE DATABASE exports CHARACTER SET utf8mb4');
  await connection.end();
  const url = new URL('/exports', serverUrl).href;
  const logger = pino({ level: 'silent' });
  const source = await connectDatabase({ kind: 'mysql', url }, { entities, logger, migrate: true });
  await insertFuzzedRows(source);
  await source.destroy();
  return url;
}

/** Waits, unless the soak is stopped. */
async function wait(milliseconds: number): Promise<void> {
  const { signal } = stopped;
  await sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

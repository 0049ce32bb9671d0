import 'reflect-metadata';

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { createConnection } from 'mysql2/promise';
import { pino } from 'pino';

import { connectDatabase } from '../../src/database/connect.js';
import { residentMemoryOf } from '../bench/measure.js';
import { insertFuzzedRows, requestsTo } from '../fuzz/fuzzed-gateway.js';
import { buildGateway } from '../support/built-gateway.js';
import { createPrivateServer, type PrivateServer } from '../support/private-server.js';
import { Soak } from './soak.js';
import { entities } from '../../src/entities.js';

/**
 * `npm run soak -- --minutes 20`: valid, invalid and hostile traffic to a built gateway on a server of its own, which is
 * killed halfway and brought back. Prints what was seen, and ends with status 1 when an answer was not right, or the gateway ended.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    'per-second': { type: 'string', default: '40' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const minutes = positive('minutes');
const perSecond = positive('per-second');
const seed = positive('seed');

/** How long the database is away, and how long the gateway may take to notice that it is back, in milliseconds. */
const OUTAGE_MS = 3_000;
const RECOVERY_MS = 5_000;

const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopped.abort();
  });
}

const built = await buildGateway();
const folder = await mkdtemp(join(tmpdir(), 'soak-'));
const server = await createPrivateServer();
try {
  await soak();
} finally {
  await built.dispose();
  await server.dispose();
  await rm(folder, { recursive: true });
}

async function soak(): Promise<void> {
  await server.start();
  const gateway = built.start(folder, {
    DATABASE_URL: await fill(server),
    FILES_SIGNING_SECRET: 'the secret of the tests',
    AUTH: 'off',
  });
  let ends = 0;
  void gateway.ended.then(() => {
    ends += 1;
    stopped.abort();
  });
  const { msg } = await gateway.untilLine(/^Listening /);
  const origin = msg.slice('Listening '.length).trim();
  const traffic = new Soak(origin, await requestsTo(origin), { seed, perSecond });
  say(`Seed ${seed}, ${minutes} minutes, ${perSecond} requests a second at most`);

  const running = traffic.run();
  const memory: number[] = [];
  const measure = async () => {
    if (ends === 0) memory.push(Math.round(await residentMemoryOf(gateway.pid)));
  };
  const half = minutes * 30_000;
  const warmUp = Math.min(10_000, half / 4);
  await passed(warmUp);
  await measure();
  await passed(half - warmUp);
  await measure();
  const recovered = stopped.signal.aborted ? null : await restartServer({ origin, traffic });
  await passed(half);
  await measure();
  traffic.end();
  await running;

  const defects = gateway.log.filter(({ level }) => level >= 50);
  say(`Requests: ${traffic.requests}`);
  for (const [key, count] of [...traffic.answers].sort()) say(`  ${key}: ${count}`);
  say(`Unexpected answers: ${traffic.unexpected.length}`);
  for (const each of traffic.unexpected.slice(0, 10)) say(`  ${each.slice(0, 1_000)}`);
  say(`Defects in the log: ${defects.length}`);
  for (const each of defects.slice(0, 3)) say(`  ${JSON.stringify(each).slice(0, 1_000)}`);
  say(`Ends of the gateway: ${ends}`);
  say(
    recovered === null
      ? 'Not ready again after the return of the database'
      : `Ready ${recovered} ms after the return of the database`,
  );
  say(`Memory at the start, in the middle, at the end: ${memory.join(', ')} MiB`);
  if (traffic.unexpected.length + defects.length + ends > 0 || recovered === null) {
    process.exitCode = 1;
  }
}

/** Gives how long the gateway took to be ready again once the server was back; null: longer than it may. */
async function restartServer({
  origin,
  traffic,
}: {
  origin: string;
  traffic: Soak;
}): Promise<number | null> {
  traffic.isOut = true;
  await server.kill();
  await passed(OUTAGE_MS);
  await server.start();
  const back = performance.now();
  while (performance.now() - back <= RECOVERY_MS) {
    const { status } = await fetch(`${origin}/health/ready`);
    if (status === 200) {
      traffic.isOut = false;
      return Math.round(performance.now() - back);
    }
    await sleep(50);
  }
  return null;
}

/** Gives the URL of a filled database on the server. */
async function fill({ url }: PrivateServer): Promise<string> {
  const connection = await createConnection({ uri: url });
  await connection.query('CREATE DATABASE exports CHARACTER SET utf8mb4');
  await connection.end();
  const config = { kind: 'mysql', url: new URL('/exports', url).href } as const;
  const logger = pino({ level: 'silent' });
  const source = await connectDatabase(config, { entities, logger, migrate: true });
  await insertFuzzedRows(source);
  await source.destroy();
  return config.url;
}

/** Waits, unless something ends it all. */
async function passed(milliseconds: number): Promise<void> {
  const { signal } = stopped;
  await sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function positive(option: keyof typeof values): number {
  const number = Number(values[option]);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new Error(`--${option} must be a number above 0.`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { buildGateway, startProgram, type BuiltGateway } from '../support/built-gateway.js';
import type { LoadResult, LoadTask, Phase } from './load.js';

/** A page that costs the gateway some milliseconds, so that it saturates before the client does. */
const query =
  '{ exports(limit: 50, includeCsv: true, includeJson: true) { data { id name status createdAt files { kind state fileName url } } } }';

let built: BuiltGateway;
let folder: string;
let origin: string;
beforeAll(async () => {
  built = await buildGateway();
  folder = await mkdtemp(join(tmpdir(), 'load-test-'));
  const { msg } = await built.start(folder).untilLine(/^Listening /);
  origin = msg.slice('Listening '.length);
});
afterAll(async () => {
  await built.dispose();
  await rm(folder, { recursive: true });
});

async function load(phase: Phase): Promise<LoadResult> {
  const task: LoadTask = { url: `${origin}/graphql`, query, phase };
  const loader = ['--import', '@swc-node/register/esm-register', resolve('test/http/load.ts')];
  const program = startProgram([...loader, JSON.stringify(task)], resolve('.'), {
    PATH: process.env['PATH'] ?? '',
  });
  const { msg } = await program.untilLine(/^\{/);
  await program.ended;
  return JSON.parse(msg) as LoadResult;
}

async function metric(name: string): Promise<number> {
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  const line = metrics.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

/** Polls the liveness check until the returned function is called, which returns all statuses. */
function pollLiveness(): () => Promise<number[]> {
  const statuses = new Set<number>();
  const stop = new AbortController();
  const polling = (async () => {
    while (!stop.signal.aborted) statuses.add((await fetch(`${origin}/health/live`)).status);
  })();
  return async () => {
    stop.abort();
    await polling;
    return [...statuses];
  };
}

it('at four times its capacity, keeps serving quickly, rejects the rest, and recovers at once', async () => {
  await load({ seconds: 1, connections: 8 });

  // Other work on the machine spoils a round now and then, but not five in a row.
  const rounds: { slowdown: number; served: number; rejectedAfter: number }[] = [];
  const isGood = ({ slowdown, served, rejectedAfter }: (typeof rounds)[number]) =>
    slowdown <= 3 && served >= 1 / 3 && rejectedAfter === 0;
  while (rounds.length < 5 && !rounds.some(isGood)) {
    const { perSecond: capacity } = await load({ seconds: 2, connections: 8 });
    const half = await load({ seconds: 3, perSecond: capacity / 2 });
    const bytesBefore = await metric('process_resident_memory_bytes');
    const stopPolling = pollLiveness();
    const full = await load({ seconds: 4, perSecond: capacity * 4 });
    expect(await stopPolling()).toEqual([200]);
    const after = await load({ seconds: 2, perSecond: capacity / 2 });

    const { 200: served = 0, 503: rejected = 0, ...others } = full.statuses;
    expect(others).toEqual({});
    expect(full.retryAfter).toBe(rejected);
    expect(rejected).toBeGreaterThan(served);
    // The metric counts the first second, too.
    const counted = await metric('exports_gateway_requests_rejected_total{reason="overload"}');
    expect(counted).toBeGreaterThanOrEqual(rejected);
    expect(await metric('process_resident_memory_bytes')).toBeLessThan(bytesBefore * 2);
    rounds.push({
      slowdown: full.p99 / half.p99,
      served: full.perSecond / capacity,
      rejectedAfter: after.statuses[503] ?? 0,
    });
  }
  if (!rounds.some(isGood)) expect(rounds).toEqual('a round with a slowdown of at most 3');
}, 150_000);

it.each([32, 60])(
  'right after an overload, rejects nothing of %d clients that send without a pause',
  async (connections) => {
    const { perSecond } = await load({ seconds: 1, connections: 8 });
    const { statuses: overloaded } = await load({ seconds: 2, perSecond: perSecond * 4 });
    expect(overloaded[503]).toBeGreaterThan(0);
    const { statuses } = await load({ seconds: 3, connections });
    expect(Object.keys(statuses)).toEqual(['200']);
  },
);

it('serves a burst of 150 requests completely', async () => {
  const statuses = await Promise.all(
    Array.from({ length: 150 }, async () => {
      const response = await fetch(`${origin}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"{ exports(limit: 1) { data { id } } }"}',
      });
      await response.arrayBuffer();
      return response.status;
    }),
  );
  expect(new Set(statuses)).toEqual(new Set([200]));
});

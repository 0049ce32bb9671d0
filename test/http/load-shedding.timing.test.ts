import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import {
  buildGateway,
  startProgram,
  type BuiltGateway,
  type StartedProgram,
} from '../support/built-gateway.js';
import type { OperationResult, Phase } from './load.js';

// A page that costs this process some milliseconds, so that it is not the one which asks that is at its end.
const query =
  '{ exports(limit: 50, includeCsv: true, includeJson: true) { data { id name status createdAt files { kind state fileName url } } } }';

let built: BuiltGateway;
let folder: string;
let gateway: StartedProgram;
let origin: string;
beforeAll(async () => {
  built = await buildGateway();
  folder = await mkdtemp(join(tmpdir(), 'load-test-'));
  gateway = built.start(folder);
  origin = (await gateway.untilLine(/^Listening /)).msg.slice('Listening '.length);
});
afterAll(async () => {
  await built.dispose();
  await rm(folder, { recursive: true });
});

/** Puts load on the gateway, from a process of its own. */
async function load(phase: Phase): Promise<OperationResult> {
  const task = JSON.stringify({ url: `${origin}/graphql`, query, phase });
  const program = startProgram(
    ['--import', '@swc-node/register/esm-register', resolve('test/http/load.ts'), task],
    resolve('.'),
    { PATH: process.env['PATH'] ?? '' },
  );
  const { msg } = await program.untilLine(/^\{/);
  await program.ended;
  return JSON.parse(msg) as OperationResult;
}

async function metric(name: string): Promise<number> {
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  const line = metrics.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}
const residentBytes = () => metric('process_resident_memory_bytes');

/** Asks over and over whether the gateway lives, until told to stop; gives what it was answered. */
function watchOver(): () => Promise<number[]> {
  const received = new Set<number>();
  const watched = { isOver: false };
  const watching = (async () => {
    while (!watched.isOver) received.add((await fetch(`${origin}/health/live`)).status);
  })();
  return async () => {
    watched.isOver = true;
    await watching;
    return [...received];
  };
}

it('at four times what it can serve, goes on to serve as quickly as ever, refuses the rest, and soon nobody any more', async () => {
  await load({ seconds: 1, connections: 8 });

  // A machine that is busy with something else spoils a round now and then, but not five.
  const rounds: { slowdown: number; served: number; refusedAfter: number }[] = [];
  const isGood = ({ slowdown, served, refusedAfter }: (typeof rounds)[number]) =>
    slowdown <= 3 && served >= 1 / 3 && refusedAfter === 0;
  while (rounds.length < 5 && !rounds.some(isGood)) {
    const { perSecond: capacity } = await load({ seconds: 2, connections: 8 });
    const half = await load({ seconds: 3, perSecond: capacity / 2 });
    const bytesBefore = await residentBytes();
    const stopWatching = watchOver();
    const full = await load({ seconds: 4, perSecond: capacity * 4 });
    expect(await stopWatching()).toEqual([200]);
    // Its first second, with the start of its process, is not counted.
    const after = await load({ seconds: 2, perSecond: capacity / 2 });

    // Those of the first second are not among the answers of this load, but in the metrics.
    const refusals = await metric('exports_gateway_limits_hit_total{limit="load"}');
    expect(refusals).toBeGreaterThanOrEqual(full.statuses[503] ?? NaN);
    const { 200: served = 0, 503: refused = 0, ...others } = full.statuses;
    expect(others).toEqual({});
    expect(full.retryAfter).toBe(refused);
    expect(refused).toBeGreaterThan(served);
    expect(await residentBytes()).toBeLessThan(bytesBefore * 2);
    rounds.push({
      slowdown: full.p99 / half.p99,
      served: full.perSecond / capacity,
      refusedAfter: after.statuses[503] ?? 0,
    });
  }
  if (!rounds.some(isGood)) expect(rounds).toEqual('a round with a slowdown of at most 3');
}, 150_000);

it.each([32, 60])(
  'refuses nothing to %d who ask without a pause, right after it had too much to do',
  async (connections) => {
    const { perSecond } = await load({ seconds: 1, connections: 8 });
    const { statuses: before } = await load({ seconds: 2, perSecond: perSecond * 4 });
    expect(before[503]).toBeGreaterThan(0);
    const { statuses } = await load({ seconds: 3, connections });
    expect(Object.keys(statuses)).toEqual(['200']);
  },
);

it('serves all of a burst', async () => {
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

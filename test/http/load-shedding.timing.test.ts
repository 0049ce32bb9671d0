import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from '@jest/globals';
import { transformFile } from '@swc/core';

import { startProgram } from '../support/built-gateway.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';
import type { LoadResult, Phase } from './load.js';

/** A page that costs the gateway some milliseconds, so that it saturates before the client does. */
const query =
  'query ($spaces: String) { exports(filter: { search: $spaces }, limit: 50, includeCsv: true, includeJson: true) { data { id name status createdAt files { kind state fileName url } } } }';

const built = useBuiltGateway();
const loader = () => join(built.folder, 'load.mjs');

async function load(origin: string, phase: Phase): Promise<LoadResult> {
  const args = [`${origin}/graphql`, query, JSON.stringify(phase)];
  const program = startProgram([loader(), ...args], built.folder, {});
  const { msg } = await program.untilLine(/^\{/);
  await program.ended;
  return JSON.parse(msg) as LoadResult;
}

async function metric(origin: string, name: string): Promise<number> {
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  const line = metrics.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

it('at four times its capacity, keeps serving quickly, rejects the rest, and recovers at once', async () => {
  // Compiled once: what compiles at each start takes longer than some phases.
  const options = {
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  } as const;
  await writeFile(loader(), (await transformFile('test/http/load.ts', options)).code);
  const origin = await built.start(built.folder).origin();
  await load(origin, { seconds: 1, connections: 8 });

  // Other processes disturb a round occasionally, but not five in a row.
  const rounds: { slowdown: number; served: number; rejected: number; rejectedAfter: number }[] =
    [];
  const isGood = ({ slowdown, served, rejected, rejectedAfter }: (typeof rounds)[number]) =>
    slowdown <= 3 && served >= 1 / 3 && rejected > 1 && rejectedAfter === 0;
  while (rounds.length < 5 && !rounds.some(isGood)) {
    const { perSecond: capacity } = await load(origin, { seconds: 2, connections: 8 });
    const half = await load(origin, { seconds: 3, perSecond: capacity / 2 });
    const bytesBefore = await metric(origin, 'process_resident_memory_bytes');
    const stop = new AbortController();
    const liveness = (async () => {
      const statuses = new Set<number>();
      while (!stop.signal.aborted) statuses.add((await fetch(`${origin}/health/live`)).status);
      return [...statuses];
    })();
    const full = await load(origin, { seconds: 4, perSecond: capacity * 4 });
    stop.abort();
    expect(await liveness).toEqual([200]);
    const after = await load(origin, { seconds: 2, perSecond: capacity / 2 });

    const { 200: served = 0, 503: rejected = 0, ...others } = full.statuses;
    expect(others).toEqual({});
    expect(full.retryAfter).toBe(rejected);
    // The metric counts the first second, too.
    const rejections = 'exports_gateway_requests_rejected_total{reason="overload"}';
    expect(await metric(origin, rejections)).toBeGreaterThanOrEqual(rejected);
    expect(await metric(origin, 'process_resident_memory_bytes')).toBeLessThan(bytesBefore * 2);
    rounds.push({
      slowdown: full.p99 / half.p99,
      served: full.perSecond / capacity,
      rejected: rejected / served,
      rejectedAfter: after.statuses[503] ?? 0,
    });
  }
  if (!rounds.some(isGood)) expect(rounds).toEqual('a good round');
}, 150_000);

import { setTimeout as sleep } from 'node:timers/promises';

import type { Bench } from './bench.js';
import { digits, residentMemory } from './figures.js';
import { findWorkload } from './workloads.js';

const ROWS = 1_000_000;

/** The maximum growth after the first minute, and the maximum at the end in MiB. */
const GOAL = 1.2;
const GOAL_MIB = 150;

/** The names of the workloads in turn; the last four keep the database busy and are rarer. */
const quick = ['W1', 'W2', 'W3n', 'W7', 'W8'];
const mix = [...Array.from({ length: 8 }, () => quick).flat(), 'W3', 'W4', 'W5', 'W6'];

/** Runs all workloads on the gateway at once and prints its memory minute by minute. */
export async function measureMemory(bench: Bench, minutes: number): Promise<void> {
  const contender = await bench.startContender('gateway', ROWS);
  const requests = Array.from({ length: 200 }, (_, index) =>
    mix.map((name) => findWorkload(name).request(index, ROWS)),
  ).flat();
  const [cpuBefore] = await bench.cpuTimes(contender);
  const load = bench.load({ contender, requests }, { seconds: 60 * minutes + 1 });
  const used: number[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    await sleep(60_000);
    used.push(await residentMemory(contender.pid));
  }
  const { received } = await load;
  const cpu = ((await bench.cpuTimes(contender))[0] - cpuBefore) / received;

  const ratios = used.map((mib) => digits(mib / (used[0] ?? NaN)));
  console.log(
    `Resident memory of the gateway under all workloads at once, ${received} requests ` +
      `of ${digits(cpu)} ms of CPU each`,
  );
  console.table(used.map((mib, at) => ({ minute: at + 1, MiB: digits(mib), ratio: ratios[at] })));
  const [growth, atEnd] = [ratios.at(-1) ?? NaN, used.at(-1) ?? NaN];
  const missed = [
    ...(growth > GOAL ? [`grows to ${growth} times, goal at most ${GOAL}`] : []),
    ...(atEnd > GOAL_MIB ? [`${digits(atEnd)} MiB at the end, goal at most ${GOAL_MIB}`] : []),
  ];
  console.log(['Short of its goal:', ...(missed.length > 0 ? missed : ['nothing'])].join('\n'));
}

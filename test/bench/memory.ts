import { setTimeout as sleep } from 'node:timers/promises';

import { print, type Bench } from './bench.js';
import { residentMemoryOf } from './measure.js';
import { digits, table } from './report.js';
import { workloadNamed } from './workloads.js';

const ROWS = 1_000_000;

/** How many times what it uses after one minute the gateway may use at the end, and how much at any time, in MiB. */
const GOAL = 1.2;
const GOAL_MIB = 200;

/** One after the other. With the last four the database is busy for long, so there are fewer of them. */
const quick = ['W1', 'W2', 'W3n', 'W7', 'W8'];
const mix = [...Array.from({ length: 8 }, () => quick).flat(), 'W3', 'W4', 'W5', 'W6'];

/** Loads the gateway with all workloads at once and prints its memory minute by minute. Gives the number of errors. */
export async function measureMemory(bench: Bench, minutes: number): Promise<number> {
  const contender = await bench.startContender('gateway', ROWS);
  const requests = Array.from({ length: 200 }, (_, index) =>
    mix.map((name) => workloadNamed(name).request(index, ROWS)),
  ).flat();
  const loaded = bench.load({ contender, requests }, { seconds: 60 * minutes + 1 });
  const used: number[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    await sleep(60_000);
    used.push(await residentMemoryOf(contender.pid));
  }
  const { received, errors } = await loaded;

  const [first = NaN] = used;
  const rows = used.map((mib, at) => [String(at + 1), digits(mib), digits(mib / first)]);
  const isFlat = (used.at(-1) ?? NaN) / first <= GOAL;
  const isSmall = Math.max(...used) < GOAL_MIB;
  print(
    `Resident memory of the gateway under all workloads at once, ${received} requests\n\n` +
      `${table(['minute', 'MiB', 'ratio to the first'], rows)}\n\n` +
      `At the end at most ${GOAL} times that after one minute: ${isFlat ? 'yes' : 'no'}. ` +
      `Below ${GOAL_MIB} MiB: ${isSmall ? 'yes' : 'no'}.`,
  );
  return errors;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Milliseconds from the start of the process to 200 from `/health/ready`. */
interface StartTime {
  readonly wall: number;
  /** Of all threads of the process. */
  readonly cpu: number;
}

/** Starts a built gateway on the embedded database of a directory, and ends it when it is ready. */
async function measureStart(program: string, directory: string): Promise<StartTime> {
  const begin = performance.now();
  const env = { PATH: process.env['PATH'], PORT: '0' };
  const child = spawn(process.execPath, [resolve(program)], { cwd: directory, env });
  child.stderr.pipe(process.stderr);
  const ended = once(child, 'close');
  for await (const line of createInterface(child.stdout)) {
    const [, origin] = /"Listening (http:[^"]+)"/.exec(line) ?? [];
    if (origin === undefined) continue;
    const [response] = (await once(get(`${origin}/health/ready`), 'response')) as [IncomingMessage];
    response.resume();
    if (response.statusCode !== 200) throw new Error(`The gateway is not ready: ${line}`);
    const wall = performance.now() - begin;
    const stat = await readFile(`/proc/${child.pid ?? 0}/stat`, 'utf8');
    // From the state on, so that utime and stime are 12th and 13th; a tick is 10 ms.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    child.kill('SIGTERM');
    await ended;
    return { wall, cpu: (Number(fields[11]) + Number(fields[12])) * 10 };
  }
  throw new Error(`${program} ended before it was listening.`);
}

/** Prints the median and the spread of `starts` starts of each program, which take turns. */
async function compareStarts(programs: readonly string[], starts: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'start-bench-'));
  const newDirectory = () => mkdtemp(join(folder, 'gateway-'));
  try {
    for (const kind of ['existing', 'fresh']) {
      const contenders = await Promise.all(
        programs.map(async (program) => ({
          program,
          own: await newDirectory(),
          times: [] as StartTime[],
        })),
      );
      // The first round fills the databases, and V8's compile cache.
      for (let round = 0; round <= starts; round++) {
        for (const { program, own, times } of contenders) {
          const directory = kind === 'fresh' ? await newDirectory() : own;
          const time = await measureStart(program, directory);
          if (round > 0) times.push(time);
        }
      }
      for (const { program, times } of contenders) {
        const wall = summary(times.map((time) => time.wall));
        const cpu = summary(times.map((time) => time.cpu));
        console.log(`${kind} data, ${program}: ${wall} ms, CPU ${cpu} ms`);
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

function summary(values: readonly number[]): string {
  const sorted = values.map(Math.round).sort((a, b) => a - b);
  return [sorted[sorted.length >> 1], ' (', sorted[0], ' to ', sorted.at(-1), ')'].join('');
}

// As a program, with the Node that runs it and built gateways: … test/bench/start.ts dist/src/main.js …
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const programs = process.argv.slice(2);
  await compareStarts(programs.length === 0 ? ['dist/src/main.js'] : programs, 10);
}

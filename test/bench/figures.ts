import { readFile } from 'node:fs/promises';

/** The result of one load on one server. Times are in milliseconds. */
export interface Measurement {
  /** The number of connections. */
  readonly clients: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** CPU time per request of the contender and of the database server. */
  readonly cpu: number;
  readonly databaseCpu: number;
  readonly errors: number;
}

/** The medians of the measurements and the sum of their errors, by the names of table columns. */
export function summarize(measurements: readonly Measurement[]): object {
  const medianOf = (key: keyof Measurement) =>
    digits(median(measurements.map((each) => each[key])));
  return {
    'req/s': medianOf('perSecond'),
    'p50 ms': medianOf('p50'),
    'p99 ms': medianOf('p99'),
    'CPU ms': medianOf('cpu'),
    'database CPU ms': medianOf('databaseCpu'),
    errors: measurements.reduce((sum, { errors }) => sum + errors, 0),
  };
}

/** The CPU time of all threads of a process so far, in milliseconds. Linux only. */
export async function cpuTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The program name, in parentheses, can contain spaces. User and system time are the 12th and
  // 13th field after it, in hundredths of a second.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The resident memory of a process, in MiB. Linux only. */
export async function residentMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/**
 * The ratio of the last target to the first in each round. Within a round, because a disturbance of
 * the machine slows all targets.
 */
export function ratios<Measured>(
  measured: readonly (readonly Measured[])[],
  value: (measured: Measured) => number,
): number[] {
  const [first = []] = measured;
  const last = measured.at(-1) ?? [];
  return last.map((each, round) => value(each) / value(first[round] ?? each));
}

/** A ratio in steps of 0.1, and of 1 from 10 on: rounds differ by more. */
export function steps(value: number): number {
  return value < 10 ? Math.round(10 * value) / 10 : Math.round(value);
}

/** Rounds to three significant digits. */
export function digits(value: number): number {
  return Number(value.toPrecision(3));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

import { readFile } from 'node:fs/promises';

import { digits, median } from './report.js';

/** What one load on one server showed. Times are in milliseconds. */
export interface Measurement {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** CPU time a request, of the server and of the database server. */
  readonly cpu: number;
  readonly databaseCpu: number;
  readonly errors: number;
}

export const measuredColumns = ['req/s', 'p50 ms', 'p99 ms', 'CPU ms', 'database CPU ms', 'errors'];

/** The medians of some measurements of one kind, and all their errors: what stands in `measuredColumns`. */
export function measuredCells(measurements: readonly Measurement[]): string[] {
  const times = ['perSecond', 'p50', 'p99', 'cpu', 'databaseCpu'] as const;
  return [
    ...times.map((key) => digits(median(measurements.map((each) => each[key])))),
    String(errorsOf(measurements)),
  ];
}

/** How many errors there were in all. */
export function errorsOf(measurements: readonly Measurement[]): number {
  return measurements.reduce((sum, { errors }) => sum + errors, 0);
}

/** The CPU time that a process has used, all its threads together, in milliseconds. Linux only. */
export async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The program's name, in brackets, may hold spaces. The times in user and system mode are the 12th and 13th behind it, in
  // hundredths of a second on every Linux of today.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The resident memory of a process, in MiB. Linux only. */
export async function residentMemoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

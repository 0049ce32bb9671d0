import { readFile } from 'node:fs/promises';

/** The result of one load on one server. Times are in milliseconds. */
export interface Measurement {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** CPU time per request of the contender and of the database server. */
  readonly cpu: number;
  readonly databaseCpu: number;
  readonly errors: number;
}

export const measuredColumns = ['req/s', 'p50 ms', 'p99 ms', 'CPU ms', 'database CPU ms', 'errors'];

/** The cells of `measuredColumns`: medians, and the sum of the errors. */
export function measuredCells(measurements: readonly Measurement[]): string[] {
  const medians = (['perSecond', 'p50', 'p99', 'cpu', 'databaseCpu'] as const).map((key) =>
    digits(median(measurements.map((each) => each[key]))),
  );
  const errors = measurements.reduce((sum, each) => sum + each.errors, 0);
  return [...medians, String(errors)];
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

/** A Markdown table that is also readable on a terminal, with numbers aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return /^[\d<–-]/.test(cell) ? cell.padStart(width) : cell.padEnd(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** A number with about three significant digits. */
export function digits(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toString();
  return value.toPrecision(value < 0.01 ? 1 : 3);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

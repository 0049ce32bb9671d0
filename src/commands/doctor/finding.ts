import { describeError } from '../../database/mysql-errors.js';
import { toError } from '../../errors.js';

/** What a check has found. A problem makes the command fail, a warning does not. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'problem';
  readonly message: string;
  /** What to do; empty when there is nothing. */
  readonly remedy: string;
  /** For example ids, or SQL to run. */
  readonly details: readonly string[];
}

type FindingParts = Pick<Finding, 'message'> & Partial<Finding>;

export const ok = (message: string) => finding('ok', { message });
export const warning = (parts: FindingParts) => finding('warning', parts);
export const problem = (parts: FindingParts) => finding('problem', parts);

/** A finding whose check `runCheck` names. */
function finding(status: Finding['status'], parts: FindingParts): Finding {
  return { check: '', remedy: '', details: [], ...parts, status };
}

/** Runs a check. One that throws is a problem by itself: nothing is known to be in order. */
export async function runCheck(
  check: string,
  run: () => Promise<Finding | readonly Finding[]>,
): Promise<Finding[]> {
  try {
    return [await run()].flat().map((found) => ({ ...found, check }));
  } catch (error) {
    const message = `This cannot be checked: ${reasonOf(error)}`;
    return [{ ...problem({ message }), check }];
  }
}

/** The message of an error; that of fetch says only that it failed, so its cause follows. */
export function reasonOf(error: unknown): string {
  const { message, cause } = toError(error);
  return cause instanceof Error ? `${message} (${describeError(cause)})` : message;
}

export const MAX_DETAILS = 10;

/** `12 exports`, `1 export` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

import { z } from 'zod';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const onOff = z.enum(['on', 'off'], 'must be on or off');

/** A whole number in decimal digits; `unit` completes the message, such as `of seconds`. */
export const wholeNumber = (unit: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, `must be a whole number (${unit})`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`);

/**
 * Options of a check across several variables. The check runs although a single variable is invalid, so that every mistake
 * is reported at once. An error without a path names its variables itself.
 */
export const crossField = { when: () => true, path: [] };

/** Reports a problem from a zod transform. */
export function reject(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

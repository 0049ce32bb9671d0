import { z } from 'zod';

export type Environment = Readonly<Record<string, string | undefined>>;

export const onOff = z.enum(['on', 'off'], 'must be on or off');

export const wholeNumber = (min: number, max: number, unit = '') =>
  z.string().transform((text, context) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    return reject(context, `must be a whole number from ${min} to ${max}${unit}`);
  });

/** Accepts `off`, too, as null. */
export const offOr = <Value>(setting: z.ZodType<Value, string>) =>
  z.string().transform((text, context) => {
    if (text === 'off') return null;
    const { data, error } = setting.safeParse(text);
    if (error === undefined) return data;
    return reject(context, `${String(error.issues[0]?.message)}, or off`);
  });

/** Values separated by commas. Each invalid one is reported with its position. */
export const commaSeparated = <Item extends z.ZodType<unknown, string>>(item: Item) =>
  z
    .string()
    .transform((text) => text.split(',').map((value) => value.trim()))
    .pipe(z.array(item));

/** A URL with the scheme of the example. Messages name only the scheme: the rest may be secret. */
export const urlLike = (example: string) =>
  z
    .string()
    .transform((text, context) => {
      const url = parseUrl(text);
      if (url === null) return reject(context, `is not a URL: write ${example}`);
      if (example.startsWith(url.protocol)) return url;
      const scheme = url.protocol.slice(0, -1);
      return reject(context, `has the scheme ${scheme}, which is not supported: write ${example}`);
    })
    .refine(({ hash }) => hash === '', 'has a fragment: write a literal # as %23')
    .refine(
      ({ username, password, pathname }) => [username, password, pathname].every(isDecodable),
      'has an invalid percent-encoding: write a literal % as %25',
    );

/** The URL, or null when it is not an http or https URL. */
export function parseHttpUrl(text: string): URL | null {
  const url = parseUrl(text);
  return url !== null && /^https?:$/.test(url.protocol) ? url : null;
}

/** Checks across variables even when one is invalid, so that one run reports every mistake. */
export const crossField = { when: () => true };

export function reject(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

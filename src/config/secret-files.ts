import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import type { Environment } from './settings.js';

/** The variables for which `X_FILE` may name a file with the value. */
export const SECRETS = [
  ...(['DATABASE_URL', 'DATABASE_REPLICA_URLS', 'FILES_SIGNING_SECRET'] as const),
  ...(['JWT_SECRET', 'JWT_PUBLIC_KEY'] as const),
] as const;

/** Null stands for a value that cannot be read. `problems` has the reason by variable. */
export interface Variables {
  readonly values: Readonly<Record<string, string | null>>;
  readonly problems: ReadonlyMap<string, string>;
}

/** The variables that are not empty, with the values that are in files. */
export function readVariables(
  environment: Environment,
  read = (path: string) => readFileSync(path, 'utf8'),
): Variables {
  const values: Record<string, string | null> = {};
  const problems = new Map<string, string>();
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value !== '') values[name] = value;
  }
  for (const name of SECRETS) {
    const path = values[`${name}_FILE`];
    if (typeof path !== 'string') continue;
    const isGiven = name in values;
    const text = isGiven ? null : textOf(path, read);
    values[name] = text;
    if (isGiven) problems.set(name, `${name} and ${name}_FILE exclude each other: set one of them`);
    else if (text === null) problems.set(name, `${name}_FILE names a file that ${UNREADABLE}`);
  }
  return { values, problems };
}

/** As `readVariables`, without blocking the event loop. */
export async function rereadVariables(environment: Environment): Promise<Variables> {
  const paths = SECRETS.map((name) => environment[`${name}_FILE`]).filter(
    (path) => path !== undefined,
  );
  const read = async (path: string) =>
    [path, await readFile(path, 'utf8').catch(() => '')] as const;
  const texts = new Map(await Promise.all(paths.map(read)));
  return readVariables(environment, (path) => texts.get(path) ?? '');
}

const UNREADABLE = 'is empty or cannot be read: set it to the path of a readable file';

/** The trimmed text of a file; null when it is empty or cannot be read. */
function textOf(path: string, read: (path: string) => string): string | null {
  try {
    return read(path).trim() || null;
  } catch {
    return null;
  }
}

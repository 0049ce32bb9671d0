import { z } from 'zod';

import { crossField } from './settings.js';

const EMBEDDED_DATABASE = 'data/exports.sqlite';
const EXAMPLE = 'mysql://user:password@host:3306/database';

const mysqlUrl = z.string().superRefine((text, context) => {
  const message = mysqlUrlProblem(text);
  if (message !== null) context.addIssue({ code: 'custom', message });
});

const mysqlUrls = z.string().transform((text, context) => {
  const urls = text.split(',').map((url) => url.trim());
  for (const [index, url] of urls.entries()) {
    const problem = mysqlUrlProblem(url);
    if (problem === null) continue;
    const position = urls.length === 1 ? '' : ` (URL ${index + 1} of ${urls.length})`;
    context.addIssue({ code: 'custom', message: `${problem}${position}` });
  }
  return urls;
});

export const databaseSettings = z
  .object({
    DATABASE_URL: mysqlUrl.optional(),
    DATABASE_REPLICA_URLS: mysqlUrls.optional(),
  })
  .refine(
    (given) => given.DATABASE_REPLICA_URLS === undefined || given.DATABASE_URL !== undefined,
    {
      ...crossField,
      error: 'DATABASE_REPLICA_URLS needs DATABASE_URL: set it to the primary of these replicas',
    },
  )
  .transform(({ DATABASE_URL: url, DATABASE_REPLICA_URLS: replicaUrls }) =>
    url === undefined
      ? { kind: 'embedded' as const, path: EMBEDDED_DATABASE }
      : { kind: 'mysql' as const, url, ...(replicaUrls && { replicaUrls }) },
  );

/** A SQLite file, or a MySQL or MariaDB server with its read replicas. */
export type DatabaseConfig = z.output<typeof databaseSettings>;

/** What is wrong with a database URL, or null. A URL may hold a password, so no message repeats a value. */
function mysqlUrlProblem(text: string): string | null {
  if (!URL.canParse(text)) return `is not a URL: write ${EXAMPLE}`;
  const url = new URL(text);
  if (url.protocol !== 'mysql:') {
    return `has the scheme ${url.protocol.slice(0, -1)}, which is not supported: write ${EXAMPLE}`;
  }
  if (![url.username, url.password, url.pathname].every(isDecodable)) {
    return 'has an invalid percent-encoding: write a literal % as %25';
  }
  if (url.hostname === '') return `has no host: write ${EXAMPLE}`;
  if (!/^\/[^/]+$/.test(url.pathname)) return `has no database name: write ${EXAMPLE}`;
  if (url.hash !== '') return 'has a fragment: write a literal # as %23';
  if (url.search !== '') {
    const names = [...url.searchParams.keys()].join(', ');
    return `has parameters (${names}), which are not supported: remove them`;
  }
  return null;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

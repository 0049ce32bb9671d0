import { z } from 'zod';

import { commaSeparated, crossField, urlLike } from './settings.js';

const EMBEDDED_DATABASE = 'data/exports.sqlite';
const EXAMPLE = 'mysql://user:password@host:3306/database';

const mysqlUrl = urlLike(EXAMPLE)
  .refine(({ hostname }) => hostname !== '', `has no host: write ${EXAMPLE}`)
  .refine(({ pathname }) => /^\/[^/]+$/.test(pathname), `has no database name: write ${EXAMPLE}`)
  .refine(
    ({ search }) => search === '',
    'has parameters, which are not supported: remove them, or write a literal ? as %3F',
  )
  .transform(({ href }) => href);

export const databaseSettings = z
  .object({
    DATABASE_URL: mysqlUrl.optional(),
    DATABASE_REPLICA_URLS: commaSeparated(mysqlUrl).optional(),
  })
  .refine(
    ({ DATABASE_URL: url, DATABASE_REPLICA_URLS: urls }) => url !== undefined || urls === undefined,
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

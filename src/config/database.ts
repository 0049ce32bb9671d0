import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

import { z } from 'zod';

import { commaSeparated, crossField, reject, urlLike, wholeNumber } from './settings.js';

const EMBEDDED_DATABASE = 'data/exports.sqlite';
const EXAMPLE = 'mysql://user:password@host:3306/database';
const TLS_MODES = ['DISABLED', 'PREFERRED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY'] as const;

/** The path of a file that is only checked here: drivers read it for each new pool. */
const pemFile = (content: string, check: (pem: string) => unknown) =>
  z.string().refine((path) => {
    try {
      check(readFileSync(path, 'utf8'));
      return true;
    } catch {
      return false;
    }
  }, `must be the path of a readable file with ${content} in PEM form`);

const parameters = z
  .strictObject({
    'ssl-mode': z
      .string()
      .toUpperCase()
      .pipe(z.enum(TLS_MODES, `must be one of ${TLS_MODES.join(', ')}`))
      .default('PREFERRED'),
    'ssl-ca': pemFile('certificates', (pem) => new X509Certificate(pem)).optional(),
    'ssl-cert': pemFile('a certificate', (pem) => new X509Certificate(pem)).optional(),
    'ssl-key': pemFile('a private key', (key) => createSecureContext({ key })).optional(),
    socketPath: z.string().startsWith('/', 'must be an absolute path').optional(),
    connectionLimit: wholeNumber(1, 1_000).default(10),
  })
  .superRefine((given, context) => {
    const { 'ssl-mode': mode, 'ssl-ca': ca, 'ssl-cert': cert, 'ssl-key': key } = given;
    if ((cert === undefined) !== (key === undefined)) {
      reject(context, 'ssl-cert and ssl-key need each other: set both or none');
    } else if (cert !== undefined && key !== undefined && !belongTogether(cert, key)) {
      reject(context, 'ssl-key is not the key of ssl-cert');
    }
    if (mode === 'DISABLED' && (ca ?? cert ?? key) !== undefined) {
      reject(context, 'ssl-ca, ssl-cert and ssl-key would do nothing: set another ssl-mode');
    }
  });
const NAMES = Object.keys(parameters.shape);

const server = urlLike(EXAMPLE)
  .refine(
    ({ hostname, searchParams }) => hostname !== '' || searchParams.has('socketPath'),
    `has no host: write ${EXAMPLE}`,
  )
  .refine(({ pathname }) => /^\/[^/]+$/.test(pathname), `has no database name: write ${EXAMPLE}`)
  .superRefine(({ searchParams: all }, context) => {
    // The names of unknown ones are not repeated: a `?` in a password begins the parameters, too.
    if ([...all.keys()].some((name) => !NAMES.includes(name) || all.getAll(name).length > 1)) {
      const modes = TLS_MODES.join(', ');
      const names = NAMES.join(', ').replace('ssl-mode', `ssl-mode (one of ${modes})`);
      const escape = 'write a literal ? as %3F';
      reject(context, `may have only these parameters, each once: ${names}; ${escape}`);
      return;
    }
    const { error } = parameters.safeParse(Object.fromEntries(all));
    for (const { path, message } of error?.issues ?? []) {
      reject(context, ['has invalid parameters:', ...path, message].join(' '));
    }
  })
  .transform(({ hostname, host, port, username, password, pathname, searchParams }) => {
    const given = parameters.parse(Object.fromEntries(searchParams));
    const { 'ssl-mode': mode, 'ssl-ca': ca, 'ssl-cert': cert, 'ssl-key': key } = given;
    const { socketPath, connectionLimit } = given;
    return {
      /** For people: the URL without its user and password. */
      name: `mysql://${host}${pathname}${socketPath === undefined ? '' : `?socketPath=${socketPath}`}`,
      // Without the brackets of an IPv6 address.
      host: hostname.replace(/^\[|\]$/g, '') || 'localhost',
      port: Number(port || 3306),
      /** The path of a Unix socket, which takes the place of host and port; null for TCP. */
      socketPath: socketPath ?? null,
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      database: decodeURIComponent(pathname.slice(1)),
      /** How connections are encrypted, with the paths of PEM files; null: they are not. */
      tls: mode === 'DISABLED' ? null : { mode, ca, cert, key },
      connectionLimit,
    };
  });

/** How to connect to a MySQL or MariaDB server. */
export type MysqlServer = z.output<typeof server>;

export const databaseSettings = z
  .object({
    DATABASE_URL: server.optional(),
    DATABASE_REPLICA_URLS: commaSeparated(server).optional(),
  })
  .refine(
    ({ DATABASE_URL: primary, DATABASE_REPLICA_URLS: replicas }) =>
      primary !== undefined || replicas === undefined,
    {
      ...crossField,
      error: 'DATABASE_REPLICA_URLS needs DATABASE_URL: set it to the primary of these replicas',
    },
  )
  .transform(({ DATABASE_URL: primary, DATABASE_REPLICA_URLS: replicas = [] }) =>
    primary === undefined
      ? { kind: 'embedded' as const, path: EMBEDDED_DATABASE }
      : { kind: 'mysql' as const, primary, replicas },
  );

/** A SQLite file, or a MySQL or MariaDB server with its read replicas. */
export type DatabaseConfig = z.output<typeof databaseSettings>;
export type MysqlConfig = Extract<DatabaseConfig, { kind: 'mysql' }>;

function belongTogether(certPath: string, keyPath: string): boolean {
  try {
    createSecureContext({ cert: readFileSync(certPath), key: readFileSync(keyPath) });
    return true;
  } catch {
    return false;
  }
}

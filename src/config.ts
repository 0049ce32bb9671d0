import { fileURLToPath } from 'node:url';

import { z } from 'zod';

import { StartupError } from './errors.js';

/** Where the embedded gateway keeps what it makes itself, below the working directory. */
const EMBEDDED_DATABASE = 'data/exports.sqlite';
const EMBEDDED_SECRET = 'data/signing-secret';

export type DatabaseConfig =
  | { readonly kind: 'embedded'; readonly path: string }
  | { readonly kind: 'mysql'; readonly url: string };

export interface FilesConfig {
  readonly directory: string;
  /** The secret of local links, or the file that keeps one that the gateway made itself. */
  readonly secret: { readonly value: string } | { readonly keptIn: string };
  /** How long a link works, in seconds. */
  readonly linkTtl: number;
}

/** Everything the environment says, checked. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** The origin local links start with; null: the one the server listens on. */
  readonly publicUrl: string | null;
  readonly database: DatabaseConfig;
  /** Whether an empty database is filled with sample exports at start. */
  readonly fillWithSamples: boolean;
  readonly files: FilesConfig;
  /** Whose exports are served. */
  readonly organization: string;
  readonly graphiql: boolean;
  readonly introspection: boolean;
  readonly logLevel: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const onOff = z.enum(['on', 'off'], 'must be on or off');
const wholeNumber = (name: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, `must be a whole number (${name})`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`);

const databaseUrl = z.string().superRefine((text, context) => {
  // The text itself may hold a password: no message repeats it.
  const problem = mysqlUrlProblem(text);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const filesUrl = z.string().transform((text, context) => {
  if (text.startsWith('file:') && text.length > 'file:'.length) {
    try {
      // A relative path is not a URL's, but what one means by it is plain.
      return text.startsWith('file:/') ? fileURLToPath(text) : text.slice('file:'.length);
    } catch {
      context.addIssue({ code: 'custom', message: 'is not a file: URL with a local path' });
      return z.NEVER;
    }
  }
  context.addIssue({
    code: 'custom',
    message: 'must be file:PATH, such as file:data/files (s3:// is not available yet)',
  });
  return z.NEVER;
});

const origin = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isOrigin =
    url !== null && /^https?:$/.test(url.protocol) && text.replace(/\/$/, '') === url.origin;
  if (isOrigin) return url.origin;
  context.addIssue({
    code: 'custom',
    message: 'must be an origin such as https://exports.example.com',
  });
  return z.NEVER;
});

/** A setting of the contract that this version cannot honour is refused, rather than ignored. */
const notYet = z.undefined('is not available yet: unset it').optional();

const settings = z.object({
  PORT: wholeNumber('a port', 0, 65535).default(4000),
  HOST: z.string().default('127.0.0.1'),
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_REPLICA_URLS: notYet,
  FILES_URL: filesUrl.default('data/files'),
  FILES_SIGNING_SECRET: z.string().min(16, 'must have at least 16 characters').optional(),
  FILES_URL_TTL: wholeNumber('of seconds', 1, 604_800).default(900),
  PUBLIC_URL: origin.optional(),
  AUTH: z.enum(['required', 'off'], 'must be required or off').optional(),
  ORGANIZATION: z
    .string()
    .regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 ASCII characters without spaces')
    .default('org_demo'),
  JWT_SECRET: notYet,
  JWT_PUBLIC_KEY: notYet,
  JWT_JWKS_URL: notYet,
  JWT_ISSUER: notYet,
  JWT_AUDIENCE: notYet,
  JWT_ORGANIZATION_CLAIM: notYet,
  CORS_ORIGINS: notYet,
  GRAPHIQL: onOff.optional(),
  INTROSPECTION: onOff.optional(),
  LOG_LEVEL: z
    .enum(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      'must be trace, debug, info, warn, error, fatal or silent',
    )
    .default('info'),
  NODE_ENV: z.string().optional(),
});

/**
 * The configuration an environment asks for. An empty variable counts as unset.
 *
 * Throws StartupError with every mistake at once, each beginning with the variable's name.
 */
export function readConfig(environment: Environment): Config {
  const given = withoutEmpty(environment);
  const parsed = settings.safeParse(given);
  const problems = [
    ...(parsed.error?.issues.map((issue) => `${issue.path.join('.')} ${issue.message}.`) ?? []),
    ...contradictions(given),
  ];
  if (!parsed.success || problems.length > 0) throw new StartupError(problems);
  const values = parsed.data;
  const isOn = (setting: 'on' | 'off' | undefined) =>
    (setting ?? (values.NODE_ENV === 'production' ? 'off' : 'on')) === 'on';
  return {
    port: values.PORT,
    host: values.HOST,
    publicUrl: values.PUBLIC_URL ?? null,
    database: databaseConfig(values.DATABASE_URL),
    fillWithSamples: values.DATABASE_URL === undefined,
    files: {
      directory: values.FILES_URL,
      secret:
        values.FILES_SIGNING_SECRET === undefined
          ? { keptIn: EMBEDDED_SECRET }
          : { value: values.FILES_SIGNING_SECRET },
      linkTtl: values.FILES_URL_TTL,
    },
    organization: values.ORGANIZATION,
    graphiql: isOn(values.GRAPHIQL),
    introspection: isOn(values.INTROSPECTION),
    logLevel: values.LOG_LEVEL,
  };
}

/** The part of the configuration that migrations need. Throws StartupError. */
export function readDatabaseConfig(environment: Environment): DatabaseConfig {
  const { DATABASE_URL } = withoutEmpty(environment);
  const problem = DATABASE_URL === undefined ? null : mysqlUrlProblem(DATABASE_URL);
  if (problem !== null) throw new StartupError([`DATABASE_URL ${problem}.`]);
  return databaseConfig(DATABASE_URL);
}

function databaseConfig(url: string | undefined): DatabaseConfig {
  return url === undefined ? { kind: 'embedded', path: EMBEDDED_DATABASE } : { kind: 'mysql', url };
}

function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
}

/** What each setting alone allows, but not together. */
function contradictions(given: Environment): string[] {
  const problems: string[] = [];
  const isEmbedded = given.DATABASE_URL === undefined;
  if (!isEmbedded && given.FILES_SIGNING_SECRET === undefined) {
    problems.push(
      'FILES_SIGNING_SECRET must be set when DATABASE_URL is: it signs the links to files. ' +
        'Make one with: openssl rand -base64 32.',
    );
  }
  const isOpenByDefault = isEmbedded && isLoopback(given.HOST ?? '127.0.0.1');
  if (given.AUTH === 'required' || (given.AUTH === undefined && !isOpenByDefault)) {
    problems.push(
      'AUTH must be off, said explicitly: authentication is not available yet, so the exports of ORGANIZATION ' +
        'are open to whoever reaches the gateway. Only an embedded gateway on loopback needs no word.',
    );
  }
  return problems;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function mysqlUrlProblem(text: string): string | null {
  const example = 'mysql://user:password@host:3306/database';
  if (!URL.canParse(text)) return `is not a URL: write ${example}`;
  const url = new URL(text);
  if (url.protocol !== 'mysql:') {
    return `has the scheme ${url.protocol.slice(0, -1)}, which is not supported: write ${example}`;
  }
  if (![url.username, url.password, url.pathname].every(isDecodable)) {
    return 'has a % that encodes nothing: write it as %25';
  }
  if (url.hostname === '') return `names no host: write ${example}`;
  if (!/^\/[^/]+$/.test(url.pathname)) return `names no database: write ${example}`;
  if (url.hash !== '') return 'has a # that is not part of a URL: write it as %23';
  if (url.search !== '')
    return `has parameters (${url.search.slice(1).replace(/=[^&]*/g, '')}), which are not supported`;
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

import { createPublicKey, type KeyObject } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { z } from 'zod';

import { isOrganization } from './auth/viewer.js';
import { StartupError } from './errors.js';
import { parseBucketUrl, type Bucket } from './files/bucket.js';

/** Where the embedded gateway keeps what it makes itself, below the working directory. */
const EMBEDDED_DATABASE = 'data/exports.sqlite';
const EMBEDDED_SECRET = 'data/signing-secret';

export type DatabaseConfig =
  | { readonly kind: 'embedded'; readonly path: string }
  | {
      readonly kind: 'mysql';
      readonly url: string;
      /** Of servers that follow it, and that are read instead of it while they are there. */
      readonly replicaUrls?: readonly string[];
    };

/** Files in a folder of this machine, which the gateway serves itself. */
export interface LocalFilesConfig {
  readonly kind: 'local';
  readonly directory: string;
  /** The secret of the links, or the file that keeps one that the gateway made itself. */
  readonly secret: { readonly value: string } | { readonly keptIn: string };
  /** How long a link works, in seconds. */
  readonly linkTtl: number;
}

/** Files in object storage, which serves them itself. Its credentials are not of this configuration. */
export interface S3FilesConfig {
  readonly kind: 's3';
  readonly bucket: Bucket;
  /** How long a link works at most, in seconds. */
  readonly linkTtl: number;
}

export type FilesConfig = LocalFilesConfig | S3FilesConfig;

/** How tokens are verified. */
export interface JwtConfig {
  readonly key:
    | { readonly kind: 'secret'; readonly secret: string }
    | { readonly kind: 'public'; readonly publicKey: KeyObject; readonly algorithm: string }
    | { readonly kind: 'jwks'; readonly url: string };
  /** What the token must say, when it is set. */
  readonly issuer: string | null;
  readonly audience: string | null;
  /** The claim that names the organization. */
  readonly organizationClaim: string;
}

/** Everyone sees the exports of one organization, or each viewer those of his own. */
export type AuthConfig =
  | { readonly kind: 'off'; readonly organization: string }
  | { readonly kind: 'required'; readonly jwt: JwtConfig | null };

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
  readonly auth: AuthConfig;
  /** The origins whose pages may call the gateway from a browser. */
  readonly corsOrigins: readonly string[];
  readonly graphiql: boolean;
  readonly introspection: boolean;
  readonly logLevel: string;
  /** Whether traces are sent. How, OpenTelemetry reads from the environment itself. */
  readonly tracing: boolean;
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

const databaseUrls = z.string().transform((text, context) => {
  const urls = text.split(',').map((each) => each.trim());
  for (const [index, url] of urls.entries()) {
    const problem = mysqlUrlProblem(url);
    if (problem === null) continue;
    const which = urls.length === 1 ? '' : ` (URL ${index + 1} of ${urls.length})`;
    context.addIssue({ code: 'custom', message: `${problem}${which}` });
  }
  return urls;
});

const filesUrl = z.string().transform((text, context): { directory: string } | Bucket => {
  if (text.startsWith('s3:')) {
    const parsed = parseBucketUrl(text);
    if ('bucket' in parsed) return parsed.bucket;
    for (const message of parsed.problems) context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  if (text.startsWith('file:') && text.length > 'file:'.length) {
    try {
      // A relative path is not a URL's, but what one means by it is plain.
      return {
        directory: text.startsWith('file:/') ? fileURLToPath(text) : text.slice('file:'.length),
      };
    } catch {
      context.addIssue({ code: 'custom', message: 'is not a file: URL with a local path' });
      return z.NEVER;
    }
  }
  context.addIssue({
    code: 'custom',
    message: 'must be file:PATH, such as file:data/files, or s3://bucket/prefix?region=…',
  });
  return z.NEVER;
});

const originExample = 'https://exports.example.com';
const origin = z.string().transform((text, context) => {
  const found = originOf(text);
  if (found !== null) return found;
  context.addIssue({ code: 'custom', message: `must be an origin such as ${originExample}` });
  return z.NEVER;
});

const origins = z.string().transform((text, context) => {
  const given = text.split(',');
  const found = given.map((each) => originOf(each.trim())).filter((each) => each !== null);
  if (found.length === given.length) return found;
  // What is wrong is not repeated: it may be a URL with a password.
  const message = `must be origins such as ${originExample}, separated by commas`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const publicKey = z.string().transform((text, context) => {
  try {
    // In a single line, as many deployments keep a PEM, \n stands for its line ends.
    const key = createPublicKey(text.replaceAll('\\n', '\n'));
    const algorithm = algorithmOf(key);
    // Node would take the public half of a private key, which has no business here.
    if (algorithm !== null && !text.includes('PRIVATE KEY')) return { publicKey: key, algorithm };
  } catch {
    // The same words for both: what it is not is all there is to say.
  }
  context.addIssue({
    code: 'custom',
    message:
      'must be a public key in PEM form: RSA of 2048 bits or more, EC (P-256, P-384, P-521) or Ed25519',
  });
  return z.NEVER;
});

const jwksUrl = z.string().refine((text) => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}, 'must be an https URL: whoever can change the key set on its way can be anyone');

const collectorUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be a URL such as http://collector.example.com:4318',
  );

const settings = z.object({
  PORT: wholeNumber('a port', 0, 65535).default(4000),
  HOST: z.string().default('127.0.0.1'),
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_REPLICA_URLS: databaseUrls.optional(),
  FILES_URL: filesUrl.default({ directory: 'data/files' }),
  FILES_SIGNING_SECRET: z.string().min(16, 'must have at least 16 characters').optional(),
  FILES_URL_TTL: wholeNumber('of seconds', 1, 604_800).default(900),
  PUBLIC_URL: origin.optional(),
  AUTH: z.enum(['required', 'off'], 'must be required or off').optional(),
  ORGANIZATION: z
    .string()
    .refine(isOrganization, 'must be 1 to 64 ASCII characters without spaces')
    .default('org_demo'),
  JWT_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  JWT_PUBLIC_KEY: publicKey.optional(),
  JWT_JWKS_URL: jwksUrl.optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_ORGANIZATION_CLAIM: z.string().default('org_id'),
  CORS_ORIGINS: origins.default([]),
  GRAPHIQL: onOff.optional(),
  INTROSPECTION: onOff.optional(),
  LOG_LEVEL: z
    .enum(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      'must be trace, debug, info, warn, error, fatal or silent',
    )
    .default('info'),
  NODE_ENV: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl.optional(),
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
    database: databaseConfig(values.DATABASE_URL, values.DATABASE_REPLICA_URLS),
    fillWithSamples: values.DATABASE_URL === undefined,
    files: filesConfig(values),
    auth: isAuthOff(given)
      ? { kind: 'off', organization: values.ORGANIZATION }
      : { kind: 'required', jwt: jwtConfig(values) },
    corsOrigins: values.CORS_ORIGINS,
    graphiql: isOn(values.GRAPHIQL),
    introspection: isOn(values.INTROSPECTION),
    logLevel: values.LOG_LEVEL,
    tracing: isTracing(given),
  };
}

/** The database that commands write to, without its replicas. Throws StartupError. */
export function readDatabaseConfig(environment: Environment): DatabaseConfig {
  const { DATABASE_URL } = withoutEmpty(environment);
  const problem = DATABASE_URL === undefined ? null : mysqlUrlProblem(DATABASE_URL);
  if (problem !== null) throw new StartupError([`DATABASE_URL ${problem}.`]);
  return databaseConfig(DATABASE_URL);
}

function databaseConfig(url: string | undefined, replicaUrls?: readonly string[]): DatabaseConfig {
  if (url === undefined) return { kind: 'embedded', path: EMBEDDED_DATABASE };
  return { kind: 'mysql', url, ...(replicaUrls && { replicaUrls }) };
}

function filesConfig(values: z.infer<typeof settings>): FilesConfig {
  const { FILES_URL: place, FILES_SIGNING_SECRET: secret, FILES_URL_TTL: linkTtl } = values;
  if (!('directory' in place)) return { kind: 's3', bucket: place, linkTtl };
  return {
    kind: 'local',
    directory: place.directory,
    secret: secret === undefined ? { keptIn: EMBEDDED_SECRET } : { value: secret },
    linkTtl,
  };
}

/** OpenTelemetry's own default would send traces to a collector on this machine, where mostly there is none. */
function isTracing(given: Environment): boolean {
  if (given.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  if (given.OTEL_TRACES_EXPORTER !== undefined) return given.OTEL_TRACES_EXPORTER === 'otlp';
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = given;
  return all !== undefined || own !== undefined;
}

function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
}

/** What each setting alone allows, but not together. */
function contradictions(given: Environment): string[] {
  const problems: string[] = [];
  const isOnServer = given.DATABASE_URL !== undefined;
  // Links into a bucket are signed with the credentials of the bucket.
  const hasLocalLinks = given.FILES_URL?.startsWith('s3:') !== true;
  if (isOnServer && hasLocalLinks && given.FILES_SIGNING_SECRET === undefined) {
    problems.push(
      'FILES_SIGNING_SECRET must be set when DATABASE_URL is: it signs the links to files. ' +
        'Make one with: openssl rand -base64 32.',
    );
  }
  if (!isOnServer && given.DATABASE_REPLICA_URLS !== undefined) {
    problems.push(
      'DATABASE_REPLICA_URLS needs DATABASE_URL, the server that they are replicas of.',
    );
  }
  const keys = JWT_KEYS.filter((name) => given[name] !== undefined);
  if (keys.length > 1) problems.push(`${keys.join(' and ')} exclude each other: set one of them.`);
  const details = [...JWT_KEYS, ...JWT_DETAILS].filter((name) => given[name] !== undefined);
  if (isAuthOff(given) && details.length > 0) {
    problems.push(
      `${details.join(' and ')} would check nothing, because AUTH is off: set AUTH=required.`,
    );
  } else if (keys.length === 0 && details.length > 0) {
    problems.push(
      `${details.join(' and ')} would check nothing: set one of ${JWT_KEYS.join(', ')}.`,
    );
  }
  problems.push(...tracingProblems(given));
  return problems;
}

function tracingProblems(given: Environment): string[] {
  if (given.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return [];
  const { OTEL_TRACES_EXPORTER: exporter = 'otlp' } = given;
  if (!['otlp', 'none'].includes(exporter)) return ['OTEL_TRACES_EXPORTER must be otlp or none.'];
  // The one for traces alone has the last word.
  const name = OTLP_PROTOCOLS.find((each) => given[each] !== undefined);
  if (!isTracing(given) || name === undefined || given[name] === 'http/protobuf') return [];
  return [`${name} must be http/protobuf, the only one in which traces are sent.`];
}

const OTLP_PROTOCOLS = [
  'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
  'OTEL_EXPORTER_OTLP_PROTOCOL',
] as const;
const JWT_KEYS = ['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWT_JWKS_URL'] as const;
const JWT_DETAILS = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_ORGANIZATION_CLAIM'] as const;

/** Only an embedded gateway on loopback is open without a word: what it holds is at first hand to who reaches it. */
function isAuthOff({ AUTH, DATABASE_URL, HOST }: Environment): boolean {
  if (AUTH !== undefined) return AUTH === 'off';
  return DATABASE_URL === undefined && isLoopback(HOST ?? '127.0.0.1');
}

function jwtConfig(values: z.infer<typeof settings>): JwtConfig | null {
  const key = jwtKey(values);
  if (key === null) return null;
  return {
    key,
    issuer: values.JWT_ISSUER ?? null,
    audience: values.JWT_AUDIENCE ?? null,
    organizationClaim: values.JWT_ORGANIZATION_CLAIM,
  };
}

function jwtKey(values: z.infer<typeof settings>): JwtConfig['key'] | null {
  const { JWT_SECRET: secret, JWT_PUBLIC_KEY: pem, JWT_JWKS_URL: url } = values;
  if (secret !== undefined) return { kind: 'secret', secret };
  if (pem !== undefined) return { kind: 'public', ...pem };
  return url === undefined ? null : { kind: 'jwks', url };
}

/** The one algorithm a token must be signed with, by the kind of key; null: no key for tokens. */
function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | null {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'rsa') return modulusLength >= 2048 ? 'RS256' : null;
  if (asymmetricKeyType === 'ed25519') return 'EdDSA';
  const curves: Record<string, string> = {
    prime256v1: 'ES256',
    secp384r1: 'ES384',
    secp521r1: 'ES512',
  };
  return curves[namedCurve] ?? null;
}

function originOf(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, origin, host } = new URL(text);
  // A * would stand for itself, and so for no origin.
  if (host.includes('*')) return null;
  return /^https?:$/.test(protocol) && text.replace(/\/$/, '') === origin ? origin : null;
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

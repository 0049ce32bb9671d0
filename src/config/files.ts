import { fileURLToPath } from 'node:url';

import { z } from 'zod';

import { crossField, reject, wholeNumber } from './settings.js';

const EMBEDDED_SECRET = 'data/signing-secret';
const BUCKET_EXAMPLE = 's3://bucket/prefix?region=eu-central-1';
const BUCKET_PARAMETERS = ['region', 'endpoint', 'forcePathStyle'];

/** A bucket of object storage, or a folder in one. */
export interface Bucket {
  readonly name: string;
  /** The first part of every object key, without a trailing `/`; may be empty. */
  readonly prefix: string;
  readonly region: string;
  /** The base URL of storage other than AWS S3, without a trailing `/`; null for AWS S3. */
  readonly endpoint: string | null;
  /** Whether URLs carry the bucket in the path instead of the host. */
  readonly forcePathStyle: boolean;
}

const filesUrl = z.string().transform((text, context): { directory: string } | Bucket => {
  if (text.startsWith('s3:')) return parseBucketUrl(text, context);
  if (!text.startsWith('file:') || text.length === 'file:'.length) {
    return reject(context, `must be file:PATH, such as file:data/files, or ${BUCKET_EXAMPLE}`);
  }
  // A URL cannot hold a relative path, but `file:data/files` is unambiguous.
  if (!text.startsWith('file:/')) return { directory: text.slice('file:'.length) };
  try {
    return { directory: fileURLToPath(text) };
  } catch {
    return reject(context, 'is not a file: URL with a local path');
  }
});

export const filesSettings = z
  .object({
    FILES_URL: filesUrl.default({ directory: 'data/files' }),
    FILES_SIGNING_SECRET: z.string().min(16, 'must have at least 16 characters').optional(),
    FILES_URL_TTL: wholeNumber('of seconds', 1, 604_800).default(900),
    DATABASE_URL: z.unknown().optional(),
  })
  .refine(
    ({ DATABASE_URL, FILES_SIGNING_SECRET: secret, FILES_URL: url }) =>
      DATABASE_URL === undefined || secret !== undefined || isBucket(url),
    {
      ...crossField,
      error:
        'FILES_SIGNING_SECRET must be set when DATABASE_URL is: it signs the links to files, and all gateways must share it. ' +
        'Generate one with: openssl rand -base64 32',
    },
  )
  .transform(({ FILES_URL: url, FILES_SIGNING_SECRET: secret, FILES_URL_TTL: linkTtl }) =>
    isBucket(url)
      ? { kind: 's3' as const, bucket: url, linkTtl }
      : {
          kind: 'local' as const,
          directory: url.directory,
          secret: secret === undefined ? { file: EMBEDDED_SECRET } : { value: secret },
          linkTtl,
        },
  );

/**
 * Where the files lie: a local folder that the gateway serves, with the secret of its links or the file that keeps a
 * generated one; or a bucket. `linkTtl`: the life of a link in seconds.
 */
export type FilesConfig = z.output<typeof filesSettings>;
export type LocalFilesConfig = Extract<FilesConfig, { kind: 'local' }>;
export type S3FilesConfig = Extract<FilesConfig, { kind: 's3' }>;

/** An invalid FILES_URL is still text when this runs. */
function isBucket(url: { directory: string } | Bucket): url is Bucket {
  return typeof url === 'string' ? /^s3:/.test(url) : 'region' in url;
}

/** Messages repeat names of parameters, never values: the URL may hold credentials by mistake. */
function parseBucketUrl(text: string, context: z.RefinementCtx): Bucket {
  if (!URL.canParse(text)) return reject(context, `is not a URL: write ${BUCKET_EXAMPLE}`);
  const url = new URL(text);
  const names = [...url.searchParams.keys()];
  const unknown = names.filter((name) => !BUCKET_PARAMETERS.includes(name));
  const repeated = BUCKET_PARAMETERS.filter(
    (each) => names.indexOf(each) !== names.lastIndexOf(each),
  );
  const prefix = decode(url.pathname.replace(/^\//, '').replace(/\/$/, ''));
  const region = url.searchParams.get('region') ?? '';
  const endpoint = parseEndpoint(url.searchParams.get('endpoint'));
  const forcePathStyle = url.searchParams.get('forcePathStyle') ?? 'false';

  const checks: readonly (readonly [isWrong: boolean, message: string])[] = [
    [
      url.username !== '' || url.password !== '',
      'has credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead',
    ],
    [url.hash !== '', 'has a fragment: write a literal # as %23'],
    [
      url.port !== '' || !isBucketName(url.hostname),
      `does not name a general purpose bucket: write ${BUCKET_EXAMPLE}`,
    ],
    [prefix === null, 'has an invalid percent-encoding: write a literal % as %25'],
    [
      unknown.length > 0,
      `has parameters (${unknown.join(', ')}) other than ${BUCKET_PARAMETERS.join(', ')}`,
    ],
    ...repeated.map((name) => [true, `has ${name} twice`] as const),
    [
      !/^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(region),
      'has no valid region: add ?region=eu-central-1, or the region of the storage',
    ],
    [
      endpoint === undefined,
      'has an invalid endpoint: write an http or https URL such as http://localhost:9000',
    ],
    [!['true', 'false'].includes(forcePathStyle), 'has a forcePathStyle other than true and false'],
  ];
  for (const [isWrong, message] of checks) {
    if (isWrong) context.addIssue({ code: 'custom', message });
  }
  return {
    name: url.hostname,
    prefix: prefix ?? '',
    region,
    endpoint: endpoint ?? null,
    forcePathStyle: forcePathStyle === 'true',
  };
}

/** Directory buckets, access points and outposts have other hosts and other signatures. */
function isBucketName(name: string): boolean {
  return /^[a-z\d][\w.-]{1,253}[a-z\d]$/i.test(name) && !/--(?:x|xa|op)-s3$/.test(name);
}

/** The endpoint without a trailing `/`; undefined when it is invalid. */
function parseEndpoint(text: string | null): string | null | undefined {
  if (text === null) return null;
  if (!URL.canParse(text)) return undefined;
  const { protocol, host, origin, pathname, username, password, search, hash } = new URL(text);
  const isPlain = `${username}${password}${search}${hash}` === '' && host !== '';
  return /^https?:$/.test(protocol) && isPlain
    ? `${origin}${pathname.replace(/\/$/, '')}`
    : undefined;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

import { fileURLToPath } from 'node:url';

import { z } from 'zod';

import {
  commaSeparated,
  crossField,
  parseHttpUrl,
  reject,
  urlLike,
  wholeNumber,
} from './settings.js';

const GENERATED_SECRET_FILE = 'data/signing-secret';
const BUCKET_EXAMPLE = 's3://bucket/prefix?region=eu-central-1';
const BUCKET_PARAMETERS = ['region', 'endpoint', 'forcePathStyle'];

const bucketUrl = urlLike(BUCKET_EXAMPLE)
  .refine(
    ({ username, password }) => username === '' && password === '',
    'has credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead',
  )
  .refine(
    ({ host }) => isBucketName(host),
    `does not name a general purpose bucket: write ${BUCKET_EXAMPLE}`,
  )
  .refine(
    ({ searchParams: all }) =>
      [...all.keys()].every(
        (name) => BUCKET_PARAMETERS.includes(name) && all.getAll(name).length < 2,
      ),
    `may have only these parameters, each once: ${BUCKET_PARAMETERS.join(', ')}`,
  )
  .refine(
    ({ searchParams }) =>
      /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(searchParams.get('region') ?? ''),
    'has no valid region: add ?region=eu-central-1, or the region of the storage',
  )
  .refine(
    ({ searchParams }) => parseEndpoint(searchParams.get('endpoint')) !== undefined,
    'has an invalid endpoint: write an http or https URL such as http://localhost:9000',
  )
  .refine(
    ({ searchParams }) => ['true', 'false', null].includes(searchParams.get('forcePathStyle')),
    'has a forcePathStyle other than true and false',
  )
  .transform(({ hostname, pathname, searchParams }) => ({
    name: hostname,
    /** The first part of every object key, without a trailing `/`; may be empty. */
    prefix: decodeURIComponent(pathname.replace(/^\/|\/$/g, '')),
    region: searchParams.get('region') ?? '',
    /** The base URL of storage other than AWS S3, without a trailing `/`; null for AWS S3. */
    endpoint: parseEndpoint(searchParams.get('endpoint')) ?? null,
    /** Whether URLs carry the bucket in the path instead of the host. */
    forcePathStyle: searchParams.get('forcePathStyle') === 'true',
  }));

/** A bucket of object storage, or a folder in one. */
export type Bucket = z.output<typeof bucketUrl>;

const filesUrl = z.string().transform((text, context) => {
  if (text.startsWith('s3:')) {
    const { data, error } = bucketUrl.safeParse(text);
    for (const { message } of error?.issues ?? []) context.addIssue({ code: 'custom', message });
    return { kind: 's3' as const, bucket: data ?? z.NEVER };
  }
  if (!text.startsWith('file:') || text === 'file:') {
    return reject(context, `must be file:PATH, such as file:data/files, or ${BUCKET_EXAMPLE}`);
  }
  try {
    // A URL cannot hold a relative path, but `file:data/files` is unambiguous.
    const directory = text.startsWith('file:/') ? fileURLToPath(text) : text.slice('file:'.length);
    return { kind: 'local' as const, directory };
  } catch {
    return reject(context, 'is not a file: URL with a local path');
  }
});

const signingSecrets = commaSeparated(
  z.string().min(16, 'must have at least 16 characters'),
).refine(
  ({ length }) => length <= 2,
  'must be one or two secrets, separated by a comma, of which the first signs',
);

export const filesSettings = z
  .object({
    FILES_URL: filesUrl.default({ kind: 'local', directory: 'data/files' }),
    FILES_SIGNING_SECRET: signingSecrets.optional(),
    FILES_URL_TTL: wholeNumber(1, 604_800, ' seconds').default(900),
    DATABASE_URL: z.unknown().optional(),
  })
  .refine(
    ({ DATABASE_URL, FILES_SIGNING_SECRET: secret, FILES_URL: { kind } }) =>
      DATABASE_URL === undefined || secret !== undefined || kind === 's3',
    {
      ...crossField,
      error:
        'FILES_SIGNING_SECRET must be set when DATABASE_URL is: it signs the links to files, and ' +
        'all gateways must share it. Generate one with: openssl rand -base64 32',
    },
  )
  .transform(({ FILES_URL: location, FILES_SIGNING_SECRET: values, FILES_URL_TTL: linkTtl }) => {
    if (location.kind === 's3') return { ...location, linkTtl };
    /** The secrets that verify links, of which the first signs; or the file of a generated one. */
    const secret = values === undefined ? { file: GENERATED_SECRET_FILE } : { values };
    return { ...location, secret, linkTtl };
  });

/** A local folder that the gateway serves, or a bucket. `linkTtl` is in seconds. */
export type FilesConfig = z.output<typeof filesSettings>;
export type LocalFilesConfig = Extract<FilesConfig, { kind: 'local' }>;
export type S3FilesConfig = Extract<FilesConfig, { kind: 's3' }>;

/** Directory buckets, access points and outposts need other hosts and other signatures. */
function isBucketName(host: string): boolean {
  return /^[a-z\d][\w.-]{1,253}[a-z\d]$/i.test(host) && !/--(?:x|xa|op)-s3$/.test(host);
}

/** An endpoint without a trailing `/`; null when there is none, undefined when it is invalid. */
function parseEndpoint(text: string | null): string | null | undefined {
  if (text === null) return null;
  const url = parseHttpUrl(text);
  const base = `${url?.origin}${url?.pathname}`;
  // The two differ when the URL has credentials, parameters or a fragment.
  return url?.href === base ? base.replace(/\/$/, '') : undefined;
}

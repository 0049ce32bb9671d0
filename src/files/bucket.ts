/** A bucket of object storage, or a folder in one. */
export interface Bucket {
  readonly name: string;
  /** What the key of every object begins with, without the `/` behind it; empty: nothing. */
  readonly prefix: string;
  readonly region: string;
  /** The URL of a storage that is not AWS S3, without a `/` at its end; null: AWS S3. */
  readonly endpoint: string | null;
  /** Whether the bucket stands in the path where it could stand in the host. */
  readonly forcePathStyle: boolean;
}

/** The bucket that a text such as `s3://bucket/prefix?region=…` names, or every mistake in it. */
export type ParsedBucket = { readonly bucket: Bucket } | { readonly problems: readonly string[] };

const EXAMPLE = 's3://bucket/prefix?region=eu-central-1';
const PARAMETERS = ['region', 'endpoint', 'forcePathStyle'];

/** Reads `s3://bucket/prefix?region=…&endpoint=…&forcePathStyle=true`. What is repeated of it are names, never values. */
export function parseBucketUrl(text: string): ParsedBucket {
  if (!URL.canParse(text)) return { problems: [`is not a URL: write ${EXAMPLE}`] };
  const url = new URL(text);
  const parameters = url.searchParams;
  const problems: string[] = [];

  if (url.username !== '' || url.password !== '') {
    problems.push('has credentials, which belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  }
  if (url.hash !== '') problems.push('has a # that is not part of a URL: write it as %23');
  if (url.port !== '' || !isBucketName(url.hostname)) {
    problems.push(`names no general purpose bucket: write ${EXAMPLE}`);
  }
  const prefix = decoded(url.pathname.replace(/^\//, '').replace(/\/$/, ''));
  if (prefix === null) problems.push('has a % that encodes nothing: write it as %25');

  const names = [...parameters.keys()];
  const unknown = names.filter((name) => !PARAMETERS.includes(name));
  if (unknown.length > 0) {
    problems.push(
      `has parameters (${unknown.join(', ')}) other than region, endpoint, forcePathStyle`,
    );
  }
  for (const name of PARAMETERS) {
    if (names.filter((each) => each === name).length > 1) problems.push(`has ${name} twice`);
  }
  const region = parameters.get('region') ?? '';
  if (!/^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(region)) {
    problems.push('names no region: add ?region=eu-central-1, or whichever the storage has');
  }
  const endpoint = endpointOf(parameters.get('endpoint'));
  if (endpoint === undefined) {
    problems.push('has an endpoint that is no http or https URL such as http://localhost:9000');
  }
  const forcePathStyle = parameters.get('forcePathStyle') ?? 'false';
  if (!['true', 'false'].includes(forcePathStyle)) {
    problems.push('has a forcePathStyle that is neither true nor false');
  }

  if (problems.length > 0 || prefix === null || endpoint === undefined) return { problems };
  return {
    bucket: {
      name: url.hostname,
      prefix,
      region,
      endpoint,
      forcePathStyle: forcePathStyle === 'true',
    },
  };
}

/** Where a bucket is, for people. */
export function placeOfBucket({ name, prefix, endpoint }: Bucket): string {
  const path = prefix === '' ? '' : `/${prefix}`;
  return `s3://${name}${path}${endpoint === null ? '' : ` at ${endpoint}`}`;
}

/** What the URLs of a bucket begin with: scheme, host, and a path without a `/` at its end. */
export interface BucketAddress {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
}

/**
 * Where the objects of a bucket are, by the rules of the AWS SDK: the bucket is a part of the host, unless it is told to be
 * in the path or cannot be in the host.
 */
export function addressOf({ name, region, endpoint, forcePathStyle }: Bucket): BucketAddress {
  const url = new URL(endpoint ?? `https://s3.${region}.${domainOf(region)}`);
  const path = url.pathname.replace(/\/$/, '');
  const isAddress = /^\[|^\d+(?:\.\d+){3}$/.test(url.hostname);
  // A certificate for the host covers one label before it; without one there may be several.
  const labels = url.protocol === 'https:' ? [name] : name.split('.');
  const isHostable = labels.every((label) => /^[a-z\d][a-z\d-]{1,61}[a-z\d]$/.test(label));
  return forcePathStyle || isAddress || !isHostable
    ? { scheme: url.protocol, host: url.host, path: `${path}/${name}` }
    : { scheme: url.protocol, host: `${name}.${url.host}`, path };
}

/** The domains of AWS outside of its own world, by the beginning of their regions. */
const domains: readonly (readonly [regions: string, domain: string])[] = [
  ['cn-', 'amazonaws.com.cn'],
  ['eusc-', 'amazonaws.eu'],
  ['us-iso-', 'c2s.ic.gov'],
  ['us-isob-', 'sc2s.sgov.gov'],
  ['us-isof-', 'csp.hci.ic.gov'],
  ['eu-isoe-', 'cloud.adc-e.uk'],
];

function domainOf(region: string): string {
  return domains.find(([regions]) => region.startsWith(regions))?.[1] ?? 'amazonaws.com';
}

/** Buckets of the other kinds (directories, access points, outposts) are addressed and signed for in other ways. */
function isBucketName(name: string): boolean {
  return /^[a-z\d][\w.-]{1,253}[a-z\d]$/i.test(name) && !/--(?:x|xa|op)-s3$/.test(name);
}

/** undefined: not an endpoint. */
function endpointOf(text: string | null): string | null | undefined {
  if (text === null) return null;
  if (!URL.canParse(text)) return undefined;
  const { protocol, host, origin, pathname, username, password, search, hash } = new URL(text);
  const isPlain = `${username}${password}${search}${hash}` === '' && host !== '';
  return /^https?:$/.test(protocol) && isPlain
    ? `${origin}${pathname.replace(/\/$/, '')}`
    : undefined;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

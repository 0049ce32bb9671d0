import type { Bucket } from '../config/files.js';

/** Where a bucket is, for people. */
export function describeBucket({ name, prefix, endpoint }: Bucket): string {
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
export function bucketAddress({ name, region, endpoint, forcePathStyle }: Bucket): BucketAddress {
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

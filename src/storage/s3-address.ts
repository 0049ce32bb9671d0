import type { Bucket } from '../config/files.js';

/** What all URLs of a bucket start with: scheme, host, and a path without a trailing `/`. */
export interface BucketAddress {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
}

/**
 * The address of a bucket by the rules of the AWS SDK: the bucket is part of the host, unless the configuration requires the
 * path or the host cannot hold its name.
 */
export function bucketAddress({ name, region, endpoint, forcePathStyle }: Bucket): BucketAddress {
  const url = new URL(endpoint ?? `https://s3.${region}.${awsDomain(region)}`);
  const path = url.pathname.replace(/\/$/, '');
  const isAddress = /^\[|^\d+(?:\.\d+){3}$/.test(url.hostname);
  // A wildcard certificate covers one label before the host, so a dotted name works over http only.
  const labels = url.protocol === 'https:' ? [name] : name.split('.');
  const fitsHost = labels.every((label) => /^[a-z\d][a-z\d-]{1,61}[a-z\d]$/.test(label));
  return forcePathStyle || isAddress || !fitsHost
    ? { scheme: url.protocol, host: url.host, path: `${path}/${name}` }
    : { scheme: url.protocol, host: `${name}.${url.host}`, path };
}

/** A bucket in log lines and messages. */
export function describeBucket({ name, prefix, endpoint }: Bucket): string {
  const path = prefix === '' ? '' : `/${prefix}`;
  return `s3://${name}${path}${endpoint === null ? '' : ` at ${endpoint}`}`;
}

/** The domains of the AWS partitions other than the public one, by the prefix of their regions. */
const partitions: readonly (readonly [regionPrefix: string, domain: string])[] = [
  ['cn-', 'amazonaws.com.cn'],
  ['eusc-', 'amazonaws.eu'],
  ['us-iso-', 'c2s.ic.gov'],
  ['us-isob-', 'sc2s.sgov.gov'],
  ['us-isof-', 'csp.hci.ic.gov'],
  ['eu-isoe-', 'cloud.adc-e.uk'],
];

function awsDomain(region: string): string {
  return partitions.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'amazonaws.com';
}

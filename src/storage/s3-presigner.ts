import { createHmac, hash } from 'node:crypto';

import type { Bucket } from '../config/files.js';
import type { S3Credentials } from './s3-credentials.js';

export interface PresignedRequest {
  readonly method: 'GET' | 'PUT';
  /** The key below the prefix of the bucket. */
  readonly objectKey: string;
  /** Signed, too. Sorted by name; each name must sort after `X-Amz-…`. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** In whole seconds since 1970. */
  readonly signedAt: number;
  readonly expiresAt: number;
}

/**
 * Presigns URLs for one bucket by AWS Signature Version 4 in its query form:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export class S3Presigner {
  /** Whether the bucket is of AWS itself. */
  readonly isAws: boolean;
  private readonly address: ReturnType<typeof bucketAddress>;
  private readonly keyPath: string;
  /** The signing key of the latest day and secret. */
  private signingKey: { day: string; secret: string; key: Buffer } | null = null;

  constructor(private readonly bucket: Bucket) {
    this.isAws = bucket.endpoint === null;
    this.address = bucketAddress(bucket);
    const folder = bucket.prefix === '' ? '' : `${encodePath(bucket.prefix)}/`;
    this.keyPath = `${this.address.path}/${folder}`;
  }

  presign(request: PresignedRequest, credentials: S3Credentials): string {
    const { method, objectKey, parameters, signedAt, expiresAt } = request;
    const { scheme, host } = this.address;
    // 2026-11-24T10:11:12.000Z → 20261124T101112Z
    const time = new Date(signedAt * 1000).toISOString().replace(/[-:]|\.000/g, '');
    const day = time.slice(0, 8);
    const scope = `${day}/${this.bucket.region}/s3/aws4_request`;

    const path = this.keyPath + encodePath(objectKey);
    const token = credentials.sessionToken;
    // The signature stands between head and tail, where it sorts, and is not signed itself.
    const head =
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD' +
      `&X-Amz-Credential=${encode(`${credentials.accessKeyId}/${scope}`)}` +
      `&X-Amz-Date=${time}&X-Amz-Expires=${expiresAt - signedAt}` +
      (token === undefined ? '' : `&X-Amz-Security-Token=${encode(token)}`);
    const signed = parameters.map(([name, value]) => `&${name}=${encode(value)}`);
    const tail = `X-Amz-SignedHeaders=host${signed.join('')}`;

    const canonical = `${method}\n${path}\n${head}&${tail}\nhost:${host}\n\nhost\nUNSIGNED-PAYLOAD`;
    const signature = createHmac('sha256', this.signingKeyFor(day, credentials.secretAccessKey))
      .update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash('sha256', canonical)}`)
      .digest('hex');
    return `${scheme}//${host}${path}?${head}&X-Amz-Signature=${signature}&${tail}`;
  }

  private signingKeyFor(day: string, secret: string): Buffer {
    if (this.signingKey?.day !== day || this.signingKey.secret !== secret) {
      const parts = [day, this.bucket.region, 's3', 'aws4_request'];
      const key = parts.reduce(hmac, Buffer.from(`AWS4${secret}`));
      this.signingKey = { day, secret, key };
    }
    return this.signingKey.key;
  }
}

/** As in the AWS SDK, the name of the bucket is in the host if possible, else in the path. */
function bucketAddress({ name, region, endpoint, forcePathStyle }: Bucket) {
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

/** The domains of the AWS partitions other than the public one, by the prefix of their regions. */
const partitions = {
  'cn-': 'amazonaws.com.cn',
  'eusc-': 'amazonaws.eu',
  'us-iso-': 'c2s.ic.gov',
  'us-isob-': 'sc2s.sgov.gov',
  'us-isof-': 'csp.hci.ic.gov',
  'eu-isoe-': 'cloud.adc-e.uk',
};

function awsDomain(region: string): string {
  const partition = Object.entries(partitions).find(([prefix]) => region.startsWith(prefix));
  return partition?.[1] ?? 'amazonaws.com';
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Percent-encodes everything except the unreserved characters of RFC 3986. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function encodePath(key: string): string {
  return encode(key).replaceAll('%2F', '/');
}

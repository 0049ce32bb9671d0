import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';

import { readConfig } from '../../src/config/config.js';
import type { Bucket, S3FilesConfig } from '../../src/config/files.js';
import { contentTypeFor, contentDispositionFor } from '../../src/storage/download-headers.js';
import type { StoredFile } from '../../src/storage/url-signer.js';
import type { S3Credentials } from '../../src/storage/s3-credentials.js';
import { S3UrlSigner } from '../../src/storage/s3-url-signer.js';
import { S3Presigner } from '../../src/storage/s3-presigner.js';

// Otherwise the SDK warns about Node versions that it will not support.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

interface Case extends Bucket {
  readonly file: StoredFile;
  readonly credentials: S3Credentials;
  readonly ttl: number;
  readonly now: Date;
  readonly exportExpiresAt?: Date;
}

const usual: Case = {
  file: { objectKey: 'exports/8jQd2v1s7F/data.csv', fileName: 'Contacts.csv' },
  name: 'exports-of-ours',
  prefix: '',
  region: 'eu-central-1',
  endpoint: null,
  forcePathStyle: false,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCY' },
  ttl: 900,
  now: new Date('2026-11-24T10:11:12.999Z'),
};

function bucketFor({ name, prefix, region, endpoint, forcePathStyle }: Case): Bucket {
  const url = new URL(`s3://${name}/${prefix.split('/').map(encodeURIComponent).join('/')}`);
  url.searchParams.set('region', region);
  if (endpoint !== null) url.searchParams.set('endpoint', endpoint);
  if (forcePathStyle) url.searchParams.set('forcePathStyle', 'true');
  return (readConfig({ FILES_URL: url.href }).files as S3FilesConfig).bucket;
}

async function sign(of: Case, presigner = new S3Presigner(bucketFor(of))): Promise<string> {
  const { credentials, ttl, now } = of;
  const signer = new S3UrlSigner({ presigner, credentials: async () => credentials, ttl });
  const clock = jest.spyOn(Date, 'now').mockReturnValue(now.getTime());
  try {
    return (await signer.sign(of.file, of.exportExpiresAt)).url;
  } finally {
    clock.mockRestore();
  }
}

async function signWithSdk(of: Case): Promise<string> {
  const { file, name, prefix, region, endpoint, forcePathStyle, credentials, ttl, now } = of;
  const isRequired = 'WHEN_REQUIRED';
  const client = new S3Client({
    ...{ region, forcePathStyle, credentials },
    ...(endpoint !== null && {
      endpoint,
      // Without these, it adds checksum parameters, which only AWS knows.
      requestChecksumCalculation: isRequired,
      responseChecksumValidation: isRequired,
    }),
  });
  const omitId = ({ query }: { query: { 'x-id'?: string } }) => delete query['x-id'];
  client.middlewareStack.add(
    (next) => (args) => {
      if (endpoint !== null) omitId(args.request as Parameters<typeof omitId>[0]);
      return next(args);
    },
    { step: 'build' },
  );
  const command = new GetObjectCommand({
    Bucket: name,
    Key: prefix === '' ? file.objectKey : `${prefix}/${file.objectKey}`,
    ResponseContentDisposition: contentDispositionFor(file.fileName),
    ResponseContentType: contentTypeFor(file.fileName),
  });
  return getSignedUrl(client, command, { expiresIn: ttl, signingDate: now });
}

describe("a link to object storage equals the URL of the AWS SDK's presigner", () => {
  const objectKeys = [
    ...['with spaces .csv', 'a+b+.csv', '100%/%2e%2F%.csv', "()'!*~-_.", 'größe/表/اب/🎉.csv'],
    ...['e\u0301/\u00e9', '/leading/slash.csv', 'double//slash//.csv', 'trailing/'],
    ...['../dots/./and/../so on/..', 'a?b#c&d=e;f:g@h$i,j', '"quotes" \\ <back> | ^ ` {} []'],
    ...['line\r\nbreaks\tand\0NUL\u007f', 'k'.repeat(512), 'é'.repeat(256)],
  ];
  const endpoints = [
    ...['https://storage.example.com', 'http://localhost:9000', 'https://storage.example.com:443'],
    ...['http://127.0.0.1:9000', 'http://[::1]:9000', 'https://p.example.com/storage/v1/s3'],
  ];
  const regions = [
    ...['us-east-1', 'auto', 'us-gov-west-1', 'cn-north-1', 'eusc-de-east-1', 'us-iso-east-1'],
    ...['us-isob-east-1', 'us-isof-east-1', 'eu-isoe-west-1'],
  ];
  it.each<Partial<Case>>([
    {},
    ...objectKeys.map((key) => ({ file: { objectKey: key, fileName: `${key}.json` } })),
    ...endpoints.map((endpoint) => ({ endpoint })),
    ...regions.map((region) => ({ region })),
    { forcePathStyle: true },
    { prefix: 'our exports/of 100%' },
    { credentials: { ...usual.credentials, sessionToken: 'IQoJb3JpZ2luX2VjE/+==' } },
    { ttl: 604_800 },
    { now: new Date('2027-01-01T00:00:00.000Z') },
  ])('with %j', async (changes) => {
    const of = { ...usual, ...changes };
    expect(await sign(of)).toBe(await signWithSdk(of));
  });

  it('except that its lifetime ends with its export', async () => {
    const exportExpiresAt = new Date('2026-11-24T10:13:00.999Z');
    expect(await sign({ ...usual, exportExpiresAt })).toBe(
      await signWithSdk({ ...usual, ttl: 108 }),
    );
    const later = { ...usual, exportExpiresAt: new Date('2026-11-24T11:00:00.000Z') };
    expect(await sign(later)).toBe(await signWithSdk(usual));
    // In the last second, the link has expired, but is well-formed.
    const last = { ...usual, exportExpiresAt: usual.now };
    const before = new Date('2026-11-24T10:11:11.000Z');
    expect(await sign(last)).toBe(await signWithSdk({ ...usual, now: before, ttl: 1 }));
  });

  it('when the day or the secret changes', async () => {
    const presigner = new S3Presigner(bucketFor(usual));
    for (const secretAccessKey of ['first', 'second']) {
      for (const time of ['2026-12-31T23:59:59.999Z', '2027-01-01T00:00Z', '2027-01-02T00:00Z']) {
        const credentials = { ...usual.credentials, secretAccessKey };
        const of = { ...usual, now: new Date(time), credentials };
        expect(await sign(of, presigner)).toBe(await signWithSdk(of));
      }
    }
  });

  it('except that an endpoint with a trailing slash adds no empty path segment', async () => {
    const of = { ...usual, endpoint: 'https://p.example.com/s3/' };
    expect(await sign(of)).toBe(await sign({ ...of, endpoint: 'https://p.example.com/s3' }));
  });

  it('for 500 random cases', async () => {
    const signs = Array.from("abzAZ09 +%()'!*~/.-_=&?#;:@$,é表🎉\u0301\0");
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...signs), minLength: 1, maxLength: 60 }),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
      fc.string({ unit: fc.constantFrom('a', '/', '%'), minLength: 512, maxLength: 512 }),
    );
    const word = fc.stringMatching(/^[\w+/=:-]{1,60}$/);
    const [min, max] = [new Date('2001-01-01'), new Date('2099-01-01')];
    const cases: fc.Arbitrary<Case> = fc
      .record({
        file: fc.record({ objectKey: text, fileName: text }),
        name: fc.constantFrom('exports', 'my.exports', 'exports.example.com', 'Our_Exports'),
        prefix: fc.stringMatching(/^([a-z %+é~()]{1,10}(\/[a-z]{1,5})?)?$/),
        region: fc.constantFrom(...regions),
        endpoint: fc.option(fc.constantFrom(...endpoints)),
        forcePathStyle: fc.boolean(),
        credentials: fc.record(
          { accessKeyId: word, secretAccessKey: word, sessionToken: word },
          { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
        ),
        ttl: fc.integer({ min: 1, max: 604_800 }),
        now: fc.date({ min, max, noInvalidDate: true }),
      })
      // The SDK throws for these: it puts the bucket before an address, which is not a URL.
      .filter(({ name, endpoint }) => !(name.includes('.') && /127|::1/.test(endpoint ?? '')));
    await fc.assert(
      fc.asyncProperty(cases, async (of) => {
        expect(await sign(of)).toBe(await signWithSdk(of));
      }),
      { numRuns: 500 },
    );
  });
});

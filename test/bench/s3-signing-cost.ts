import { fileURLToPath } from 'node:url';

import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

import { contentTypeFor, contentDispositionFor } from '../../src/storage/download-headers.js';
import { S3UrlSigner } from '../../src/storage/s3-url-signer.js';
import { S3Presigner } from '../../src/storage/s3-presigner.js';

// Or the SDK would tell every test run of the Node versions that it will leave behind.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

/** What a link costs, in microseconds. */
export interface LinkCost {
  readonly gateway: number;
  readonly sdk: number;
}

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfi' };
const region = 'eu-central-1';
const links = new S3UrlSigner({
  presigner: new S3Presigner({
    name: 'exports',
    prefix: '',
    region,
    endpoint: null,
    forcePathStyle: false,
  }),
  credentials: async () => credentials,
  ttl: 900,
});
const client = new S3Client({ region, credentials });
const fileOf = (index: number) => ({
  objectKey: `exports/8jQd2v1s7FqLkX3nYt5bRw/data-${index}.csv`,
  fileName: `Größe ${index}.csv`,
});

/** Signs the same kind of links with the gateway's signer and the SDK's, by turns, and gives the quickest round of each. */
export async function measureLinkCost(rounds = 5): Promise<LinkCost> {
  const best = { gateway: Infinity, sdk: Infinity };
  for (let round = 0; round < rounds; round++) {
    best.gateway = Math.min(
      best.gateway,
      await timePerCall(4_000, (index) => links.sign(fileOf(index))),
    );
    best.sdk = Math.min(best.sdk, await timePerCall(400, signWithSdk));
  }
  return best;
}

async function signWithSdk(index: number): Promise<string> {
  const { objectKey, fileName } = fileOf(index);
  const command = new GetObjectCommand({
    Bucket: 'exports',
    Key: objectKey,
    ResponseContentDisposition: contentDispositionFor(fileName),
    ResponseContentType: contentTypeFor(fileName),
  });
  return getSignedUrl(client, command, { expiresIn: 900 });
}

async function timePerCall(
  calls: number,
  call: (index: number) => Promise<unknown>,
): Promise<number> {
  const start = performance.now();
  for (let index = 0; index < calls; index++) await call(index);
  return ((performance.now() - start) * 1000) / calls;
}

// As a program: node --import @swc-node/register/esm-register test/bench/s3-signing-cost.ts
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { gateway, sdk } = await measureLinkCost(10);
  process.stdout.write(
    `A link costs ${gateway.toFixed(1)} µs; the AWS SDK takes ${sdk.toFixed(1)} µs, ${(sdk / gateway).toFixed(1)} times as much.\n`,
  );
}

import { fileURLToPath } from 'node:url';

import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

import { contentDispositionFor, contentTypeFor } from '../../src/storage/download-headers.js';
import { S3Presigner } from '../../src/storage/s3-presigner.js';
import { S3UrlSigner } from '../../src/storage/s3-url-signer.js';

// Otherwise the SDK warns in every test run about Node versions that it will not support.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfi' };
const region = 'eu-central-1';
const bucket = { name: 'exports', prefix: '', region, endpoint: null, forcePathStyle: false };
const presigner = new S3Presigner(bucket);
const signer = new S3UrlSigner({ presigner, credentials: async () => credentials, ttl: 900 });
const client = new S3Client({ region, credentials });
const storedFile = (index: number) => ({
  objectKey: `exports/8jQd2v1s7FqLkX3nYt5bRw/data-${index}.csv`,
  fileName: `Größe ${index}.csv`,
});

function signWithSdk(index: number): Promise<string> {
  const { objectKey, fileName } = storedFile(index);
  const command = new GetObjectCommand({
    Bucket: bucket.name,
    Key: objectKey,
    ResponseContentDisposition: contentDispositionFor(fileName),
    ResponseContentType: contentTypeFor(fileName),
  });
  return getSignedUrl(client, command, { expiresIn: 900 });
}

/** The microseconds per link of the gateway and of the AWS SDK, each in its fastest round. */
export async function measureLinkCost(rounds = 5): Promise<{ gateway: number; sdk: number }> {
  const best = { gateway: Infinity, sdk: Infinity };
  for (let round = 0; round < rounds; round++) {
    const gateway = await timePerCall(4_000, (index) => signer.sign(storedFile(index)));
    best.gateway = Math.min(best.gateway, gateway);
    best.sdk = Math.min(best.sdk, await timePerCall(400, signWithSdk));
  }
  return best;
}

async function timePerCall(calls: number, call: (index: number) => Promise<unknown>) {
  const start = performance.now();
  for (let index = 0; index < calls; index++) await call(index);
  return ((performance.now() - start) * 1000) / calls;
}

// As a program: node --import @swc-node/register/esm-register test/bench/s3-signing-cost.ts
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { gateway, sdk } = await measureLinkCost(10);
  console.log(`µs per link: gateway ${gateway.toFixed(1)}, AWS SDK ${sdk.toFixed(1)}`);
}

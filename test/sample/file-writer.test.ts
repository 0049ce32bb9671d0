import { fileURLToPath } from 'node:url';

import { afterEach, expect, it, jest } from '@jest/globals';

import { readConfig } from '../../src/config/config.js';
import { openStorage } from '../../src/storage/open-storage.js';
import { createLogger } from '../../src/logger.js';
import { writeToStorage } from '../../src/sample/file-writer.js';

Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' });
afterEach(() => {
  jest.restoreAllMocks();
});

// Nothing listens on port 2.
const BUCKET = 's3://exports/p?region=us-east-1&forcePathStyle=true&endpoint=http://127.0.0.1:2';
const file = { objectKey: '1/data.csv', content: Buffer.from('id,name\r\n1,Zoë\r\n') };

/** The reason in the error of writing the file; null: it is written. */
async function failureOf(FILES_URL: string): Promise<string | null> {
  const storage = await openStorage(readConfig({ FILES_URL }).files, {
    logger: createLogger('silent'),
  });
  const error = await writeToStorage(storage, file).then(() => null, String);
  const problem = `StartupError: FILES_URL names ${storage.place}, where files cannot be written (`;
  return error && error.replace(problem, '(');
}

const ok = new Response();
const busy = new Response('<Error><Code>SlowDown</Code></Error>', { status: 503 });
const denied = new Response('<Error><Code>AccessDenied</Code></Error>', { status: 403 });
const reset = new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });

it.each<[behaviour: string, outcomes: (Response | Error)[], failure: string | null]>([
  ['repeats a request that fails', [busy, reset, ok], null],
  ['gives up after three attempts', [busy, busy, reset], '(read ECONNRESET).'],
  ['names the status and the code of a response', [reset, reset, busy], '(503 SlowDown).'],
  ['does not repeat a rejected request', [denied], '(403 AccessDenied).'],
])('writeToStorage %s', async (_, outcomes, failure) => {
  const fetch = jest.spyOn(globalThis, 'fetch');
  for (const outcome of outcomes) {
    if (outcome instanceof Error) fetch.mockRejectedValueOnce(outcome);
    else fetch.mockResolvedValueOnce(outcome.clone());
  }
  expect(await failureOf(BUCKET)).toBe(failure);
  expect(fetch).toHaveBeenCalledTimes(outcomes.length);
  for (const [url, init] of fetch.mock.calls) {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:2\/exports\/p\/1\/data\.csv\?.*&X-Amz-Expires=60&/);
    const headers = { 'Content-Type': 'text/csv; charset=utf-8' };
    expect(init).toMatchObject({ method: 'PUT', headers, body: file.content });
    expect(init?.signal).toBeInstanceOf(AbortSignal);
  }
});

it.each([
  ['an endpoint that is down', BUCKET, '(connect ECONNREFUSED 127.0.0.1:2).'],
  ['a folder that is a file', `file:${fileURLToPath(import.meta.url)}`, '(ENOTDIR: '],
])('writeToStorage names %s, and the reason', async (_, url, reason) => {
  expect((await failureOf(url))?.startsWith(reason)).toBe(true);
});

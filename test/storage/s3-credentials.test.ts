import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';

import { readConfig } from '../../src/config/config.js';
import type { S3FilesConfig } from '../../src/config/files.js';
import { openStorage, type Storage } from '../../src/storage/open-storage.js';
import { S3Presigner } from '../../src/storage/s3-presigner.js';
import { S3UrlSigner } from '../../src/storage/s3-url-signer.js';
import type { SignedUrl, UrlSigner } from '../../src/storage/url-signer.js';

const MINUTE = 60_000;
const RETRY_INTERVAL_MS = 5_000;
const unavailable =
  'The credentials of the bucket cannot be loaded right now: links cannot be signed.';
const file = { objectKey: 'exports/1/data.csv', fileName: 'Contacts.csv' };
const { files } = readConfig({ FILES_URL: 's3://exports?region=eu-central-1' });

let folder: string;
let profiles: string;
let log: string[];
const kept = { ...process.env };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 's3-credentials-test-'));
  profiles = join(folder, 'credentials');
  log = [];
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
  }
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = profiles;
  process.env['AWS_CONFIG_FILE'] = join(folder, 'config');
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
});
afterEach(async () => {
  jest.restoreAllMocks();
  process.env = { ...kept };
  await rm(folder, { recursive: true });
});

/** Long enough for a response on a busy machine, and short enough to wait for. */
const SHORT_TIMEOUT_MS = 500;

async function openSigner(timeoutMs = 10_000): Promise<UrlSigner> {
  const write = (line: string) => void log.push((JSON.parse(line) as { msg: string }).msg);
  const storage = await openStorage(files, { logger: pino({}, { write }), timeoutMs });
  return (storage as Storage & { kind: 's3' }).links;
}

function advanceClock(ms: number): void {
  const now = Date.now() + ms;
  jest.spyOn(Date, 'now').mockReturnValue(now);
}

const queryOf = ({ url }: SignedUrl) => Object.fromEntries(new URL(url).searchParams);
const accessKeyIn = (link: SignedUrl) => queryOf(link)['X-Amz-Credential']?.split('/')[0];
/** Signs a link and returns the access key in it. */
const accessKeyOf = async (links: UrlSigner) => accessKeyIn(await links.sign(file));

const writeProfile = (accessKeyId: string) =>
  writeFile(
    profiles,
    `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = secret\n`,
  );

describe('the credentials of a bucket', () => {
  it('are read from the environment', async () => {
    const AWS_SESSION_TOKEN = 'token';
    const keys = { AWS_ACCESS_KEY_ID: 'FROMENV', AWS_SECRET_ACCESS_KEY: 's' };
    Object.assign(process.env, { ...keys, AWS_SESSION_TOKEN });
    const link = await (await openSigner()).sign(file);
    expect([accessKeyIn(link), queryOf(link)['X-Amz-Security-Token']]).toEqual([
      'FROMENV',
      'token',
    ]);
    expect(link.expiresAt.getTime() - Date.now()).toBeGreaterThan(890_000);
  });

  it('fail the start when there are none, and the error names what to set', async () => {
    const message =
      /^FILES_URL names a bucket, but there are no credentials for it \(.+\)\. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, /;
    await expect(openSigner()).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringMatching(message),
    });
  });

  it('fail the start when they have expired', async () => {
    const keys = { AWS_ACCESS_KEY_ID: 'OLD', AWS_SECRET_ACCESS_KEY: 's' };
    Object.assign(process.env, { ...keys, AWS_CREDENTIAL_EXPIRATION: '2026-01-01T00:00:00Z' });
    const reason = '(the credentials found expired at 2026-01-01T00:00:00.000Z)';
    await expect(openSigner()).rejects.toThrow(reason);
  });

  it('are read again from a replaced profile file without a restart', async () => {
    await writeProfile('FIRST');
    const links = await openSigner();
    expect(await accessKeyOf(links)).toBe('FIRST');
    await writeProfile('SECOND');
    advanceClock(MINUTE + 1);
    expect(await accessKeyOf(links)).toBe('SECOND');
    expect(log).toEqual([]);
  });

  it('stay in use, with a warning, while the profile file cannot be read', async () => {
    await writeProfile('FIRST');
    const links = await openSigner();
    await rm(profiles);
    advanceClock(MINUTE + 1);
    expect(await accessKeyOf(links)).toBe('FIRST');
    expect(log).toEqual(['The credentials of the bucket cannot be loaded']);
  });
});

describe('temporary credentials of a role', () => {
  /** The next credentials of the role; null makes it fail. */
  let next: { accessKeyId: string; expiration: Date } | null;
  const sendNext = (response: ServerResponse) => {
    response.statusCode = next === null ? 500 : 200;
    const { accessKeyId: AccessKeyId, expiration: Expiration } = next ?? {};
    response.end(JSON.stringify({ AccessKeyId, Expiration, SecretAccessKey: 's', Token: 'token' }));
  };
  function drip(response: ServerResponse): void {
    const timer = setInterval(() => response.write(' '), 5);
    response.once('close', () => {
      clearInterval(timer);
    });
  }
  let respond: (response: ServerResponse) => void;
  const role = createServer((_, response) => {
    respond(response);
  });
  const provide = (accessKeyId: string, lifetimeMs = 60 * MINUTE) => {
    next = { accessKeyId, expiration: new Date(Date.now() + lifetimeMs) };
  };

  beforeEach(async () => {
    await once(role.listen(0, '127.0.0.1'), 'listening');
    const { port } = role.address() as AddressInfo;
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `http://127.0.0.1:${port}/role`;
    respond = sendNext;
    provide('FIRST');
  });
  afterEach(async () => {
    role.close().closeAllConnections();
    await once(role, 'close');
  });

  it('outlive every link signed with them', async () => {
    provide('FIRST', 10 * MINUTE + 500);
    const lastSecond = Math.floor(Number(next?.expiration) / 1000);
    const link = await (await openSigner()).sign(file);
    expect(link.expiresAt).toEqual(new Date(lastSecond * 1000));
    const query = queryOf(link);
    expect(query['X-Amz-Security-Token']).toBe('token');
    const signedAt = new Date((lastSecond - Number(query['X-Amz-Expires'])) * 1000);
    expect(query['X-Amz-Date']).toBe(signedAt.toISOString().replace(/[-:]|\.000/g, ''));
  });

  it('are replaced by new ones when they expire, without a restart', async () => {
    const links = await openSigner();
    provide('SECOND', 120 * MINUTE);
    const { expiresAt, ...link } = await links.sign(file);
    expect(accessKeyIn({ expiresAt, ...link })).toBe('FIRST');
    // They do not shorten a link that expires before them.
    expect(expiresAt.getTime() - Date.now()).toBeGreaterThan(890_000);
    advanceClock(60 * MINUTE);
    expect(await accessKeyOf(links)).toBe('SECOND');
  });

  it('are renewed in the background before they expire', async () => {
    const links = await openSigner();
    provide('SECOND', 120 * MINUTE);
    advanceClock(56 * MINUTE);
    const renewed = once(role, 'request');
    const link = await links.sign(file);
    expect(accessKeyIn(link)).toBe('FIRST');
    expect(link.expiresAt.getTime() - Date.now()).toBeLessThanOrEqual(4 * MINUTE);
    await renewed;
  });

  it('make links fail with SERVICE_UNAVAILABLE while they are expired and not renewed', async () => {
    const links = await openSigner();
    next = null;
    advanceClock(60 * MINUTE);
    const http = { status: 503, headers: new Map([['retry-after', '1']]) };
    await expect(links.sign(file)).rejects.toMatchObject({
      message: `${unavailable} Try again in a moment.`,
      extensions: { code: 'SERVICE_UNAVAILABLE', http },
    });
    provide('SECOND');
    advanceClock(RETRY_INTERVAL_MS);
    expect(await accessKeyOf(links)).toBe('SECOND');
  });

  it.each([
    ['does not respond', () => undefined],
    ['sends a byte at a time', drip],
  ])(
    'make links fail at the deadline, and then at once, while they are expired and their service %s',
    async (_fault, fault) => {
      const links = await openSigner(SHORT_TIMEOUT_MS);
      respond = fault;
      advanceClock(60 * MINUTE);
      let requests = 0;
      role.on('request', () => requests++);
      const concurrent = await Promise.allSettled([links.sign(file), links.sign(file)]);
      expect(concurrent.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      await expect(links.sign(file)).rejects.toThrow(unavailable);
      expect([requests, log]).toEqual([1, ['The credentials of the bucket cannot be loaded']]);
      respond = sendNext;
      provide('SECOND');
      advanceClock(RETRY_INTERVAL_MS);
      expect(await accessKeyOf(links)).toBe('SECOND');
    },
  );

  it('are used while their renewal hangs, which delays no link', async () => {
    const links = await openSigner(MINUTE);
    respond = () => undefined;
    advanceClock(56 * MINUTE);
    const renewal = once(role, 'request');
    expect(await accessKeyOf(links)).toBe('FIRST');
    await renewal;
    expect(await accessKeyOf(links)).toBe('FIRST');
  });

  it('of STS are bounded by the same deadline', async () => {
    const token = join(folder, 'token');
    await writeFile(token, 'the token of a pod');
    const { port } = role.address() as AddressInfo;
    Object.assign(process.env, {
      AWS_WEB_IDENTITY_TOKEN_FILE: token,
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/exports',
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}`,
      AWS_REGION: 'eu-central-1',
    });
    const expiration = new Date(Date.now() + 60 * MINUTE).toISOString();
    respond = (response) =>
      response.end(
        '<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>' +
          '<AccessKeyId>STS</AccessKeyId><SecretAccessKey>s</SecretAccessKey>' +
          `<SessionToken>t</SessionToken><Expiration>${expiration}</Expiration>` +
          '</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>',
      );
    const links = await openSigner(SHORT_TIMEOUT_MS);
    expect(await accessKeyOf(links)).toBe('STS');
    respond = () => undefined;
    advanceClock(60 * MINUTE);
    await expect(links.sign(file)).rejects.toThrow(unavailable);
  });

  it('sign no link after their expiry, even if their provider returns them', async () => {
    const credentials = async () => ({
      accessKeyId: 'a',
      secretAccessKey: 's',
      expiration: new Date(),
    });
    const presigner = new S3Presigner((files as S3FilesConfig).bucket);
    const signer = new S3UrlSigner({ presigner, credentials, ttl: 900 });
    await expect(signer.sign(file)).rejects.toThrow(unavailable);
  });
});

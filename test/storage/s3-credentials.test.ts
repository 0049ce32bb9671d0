import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';

import { readConfig } from '../../src/config/config.js';
import { StartupError } from '../../src/errors.js';
import type { SignedUrl, UrlSigner } from '../../src/storage/url-signer.js';
import { openStorage } from '../../src/storage/open-storage.js';

const MINUTE = 60_000;
const file = { objectKey: 'exports/1/data.csv', fileName: 'Contacts.csv' };
const { files } = readConfig({ FILES_URL: 's3://exports?region=eu-central-1' });

let folder: string;
let profiles: string;
let log: { msg: string }[];
const kept = { ...process.env };
const environment = (changes: Record<string, string>) => Object.assign(process.env, changes);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 's3-credentials-test-'));
  profiles = join(folder, 'credentials');
  log = [];
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
  }
  environment({
    AWS_SHARED_CREDENTIALS_FILE: profiles,
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_EC2_METADATA_DISABLED: 'true',
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  process.env = { ...kept };
  await rm(folder, { recursive: true });
});

async function openSigner(): Promise<UrlSigner> {
  const write = (line: string) => {
    log.push(JSON.parse(line) as { msg: string });
  };
  const storage = await openStorage(files, pino({}, { write }));
  if (storage.kind !== 's3') throw new Error('FILES_URL is not a bucket');
  return storage.links;
}

/** Advances the clock by so many milliseconds. */
function advance(milliseconds: number): void {
  const now = Date.now.bind(Date);
  const start = now();
  jest.spyOn(Date, 'now').mockImplementation(() => start + milliseconds);
}

function accessKeyIn({ url }: SignedUrl): string | undefined {
  return new URL(url).searchParams.get('X-Amz-Credential')?.split('/')[0];
}

const profile = (accessKeyId: string) =>
  `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = secret\n`;

describe('the credentials of a bucket', () => {
  it('are read from the environment', async () => {
    environment({
      AWS_ACCESS_KEY_ID: 'FROMENV',
      AWS_SECRET_ACCESS_KEY: 's',
      AWS_SESSION_TOKEN: 'token',
    });
    const link = await (await openSigner()).sign(file);
    expect(accessKeyIn(link)).toBe('FROMENV');
    expect(new URL(link.url).searchParams.get('X-Amz-Security-Token')).toBe('token');
    expect(link.expiresAt.getTime() - Date.now()).toBeGreaterThan(890_000);
  });

  it('fail the start when there are none, with what to set', async () => {
    await expect(openSigner()).rejects.toThrow(StartupError);
    await expect(openSigner()).rejects.toThrow(
      /^FILES_URL names a bucket, but there are no credentials for it \(.+\)\. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, /,
    );
  });

  it('fail the start when they have expired', async () => {
    environment({
      AWS_ACCESS_KEY_ID: 'OLD',
      AWS_SECRET_ACCESS_KEY: 's',
      AWS_CREDENTIAL_EXPIRATION: '2026-01-01T00:00:00Z',
    });
    await expect(openSigner()).rejects.toThrow(
      /\(the credentials found expired at 2026-01-01T00:00:00\.000Z\)/,
    );
  });

  it('are read again from a replaced profile file without a restart', async () => {
    await writeFile(profiles, profile('FIRST'));
    const links = await openSigner();
    expect(accessKeyIn(await links.sign(file))).toBe('FIRST');
    await writeFile(profiles, profile('SECOND'));
    advance(MINUTE + 1);
    expect(accessKeyIn(await links.sign(file))).toBe('SECOND');
    expect(log).toEqual([]);
  });

  it('stay in use, with a warning, while the profile file cannot be read', async () => {
    await writeFile(profiles, profile('FIRST'));
    const links = await openSigner();
    await rm(profiles);
    advance(MINUTE + 1);
    expect(accessKeyIn(await links.sign(file))).toBe('FIRST');
    expect(log.map(({ msg }) => msg)).toEqual([
      'The credentials of the storage cannot be read again',
    ]);
  });
});

describe('temporary credentials of a role', () => {
  let role: Server;
  /** The next credentials of the role; null makes it fail. */
  let given: { accessKeyId: string; expiration: Date } | null;

  beforeEach(async () => {
    role = createServer((_, response) => {
      response.statusCode = given === null ? 500 : 200;
      response.end(
        JSON.stringify({
          AccessKeyId: given?.accessKeyId,
          SecretAccessKey: 'secret',
          Token: `token of ${given?.accessKeyId ?? ''}`,
          Expiration: given?.expiration.toISOString(),
        }),
      );
    }).listen(0, '127.0.0.1');
    await once(role, 'listening');
    const { port } = role.address() as AddressInfo;
    environment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/role` });
  });
  afterEach(async () => {
    role.close();
    role.closeAllConnections();
    await once(role, 'close');
  });

  it('outlive every link signed with them', async () => {
    const expiration = new Date(Date.now() + 10 * MINUTE + 500);
    given = { accessKeyId: 'FIRST', expiration };
    const { url, expiresAt } = await (await openSigner()).sign(file);
    const query = new URL(url).searchParams;
    expect(query.get('X-Amz-Security-Token')).toBe('token of FIRST');
    expect(expiresAt.getTime()).toBe(Math.floor(expiration.getTime() / 1000) * 1000);
    const time = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '');
    const [year = 0, month = 0, ...rest] = (time ?? []).slice(1).map(Number);
    const signedAt = Date.UTC(year, month - 1, ...rest);
    expect(signedAt + Number(query.get('X-Amz-Expires')) * 1000).toBe(expiresAt.getTime());
  });

  it('do not shorten a link that expires before them', async () => {
    given = { accessKeyId: 'FIRST', expiration: new Date(Date.now() + 60 * MINUTE) };
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { expiresAt } = await (await openSigner()).sign(file);
    expect(expiresAt.getTime()).toBeGreaterThanOrEqual(before + 900_000);
    expect(expiresAt.getTime()).toBeLessThanOrEqual(Date.now() + 900_000);
  });

  it('are replaced by new ones when they expire, without a restart', async () => {
    given = { accessKeyId: 'FIRST', expiration: new Date(Date.now() + 60 * MINUTE) };
    const links = await openSigner();
    expect(accessKeyIn(await links.sign(file))).toBe('FIRST');
    given = { accessKeyId: 'SECOND', expiration: new Date(Date.now() + 120 * MINUTE) };
    expect(accessKeyIn(await links.sign(file))).toBe('FIRST');
    advance(60 * MINUTE);
    expect(accessKeyIn(await links.sign(file))).toBe('SECOND');
  });

  it('are renewed in the background before they expire', async () => {
    given = { accessKeyId: 'FIRST', expiration: new Date(Date.now() + 60 * MINUTE) };
    const links = await openSigner();
    given = { accessKeyId: 'SECOND', expiration: new Date(Date.now() + 120 * MINUTE) };
    advance(56 * MINUTE);
    const renewed = once(role, 'request');
    const { url, expiresAt } = await links.sign(file);
    expect(url).toContain('FIRST');
    expect(expiresAt.getTime() - Date.now()).toBeLessThanOrEqual(4 * MINUTE);
    await renewed;
  });

  it('make links fail with SERVICE_UNAVAILABLE while they are expired and not renewed', async () => {
    given = { accessKeyId: 'FIRST', expiration: new Date(Date.now() + 60 * MINUTE) };
    const links = await openSigner();
    given = null;
    advance(60 * MINUTE);
    await expect(links.sign(file)).rejects.toMatchObject({
      message: 'Links cannot be signed right now. Try again in a moment.',
      extensions: {
        code: 'SERVICE_UNAVAILABLE',
        http: { status: 503, headers: new Map([['retry-after', '1']]) },
      },
    });
    given = { accessKeyId: 'SECOND', expiration: new Date(Date.now() + 60 * MINUTE) };
    expect(accessKeyIn(await links.sign(file))).toBe('SECOND');
  });
});

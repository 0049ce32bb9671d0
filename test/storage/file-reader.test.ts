import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { LocalFileReader } from '../../src/storage/local-file-reader.js';
import { S3FileReader } from '../../src/storage/s3-file-reader.js';

const MAX_BYTES = 10;
const { signal } = new AbortController();

describe('the beginning of a local file', () => {
  let folder: string;
  let reader: LocalFileReader;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'file-reader-'));
    await mkdir(join(folder, 'files/a'), { recursive: true });
    await writeFile(join(folder, 'secret'), 'secret');
    for (const length of [0, 9, 10, 11]) {
      await writeFile(join(folder, `files/a/${length}`), 'x'.repeat(length));
    }
    await symlink(join(folder, 'secret'), join(folder, 'files/link'));
    reader = new LocalFileReader(join(folder, 'files'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function read(objectKey: string) {
    const start = await reader.readStart({ objectKey, fileName: 'a.csv' }, MAX_BYTES);
    return start && [start.bytes.toString(), start.isWhole];
  }

  it.each([
    ['a/0', '', true],
    ['a/9', 'x'.repeat(9), true],
    ['/a//10', 'x'.repeat(10), true],
    ['a/11', 'x'.repeat(10), false],
    ['a/../a/9', 'x'.repeat(9), true],
    // Downloads follow links, too: the folder is what its owner makes of it.
    ['link', 'secret', true],
  ])('is read by the key %s', async (key, text, isWhole) => {
    expect(await read(key)).toEqual([text, isWhole]);
  });

  it.each([
    '',
    'a',
    'a/missing',
    'a/9/b',
    '../secret',
    'a/../../secret',
    '..',
    'a/9\0',
    'k'.repeat(512),
  ])('is missing for the key %j', async (key) => {
    expect(await read(key)).toBeNull();
  });
});

describe('the beginning of an object', () => {
  let respond: (response: ServerResponse, request: IncomingMessage) => void;
  const server = createServer((request, response) => {
    respond(response, request);
  });
  let reader: S3FileReader;
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    reader = new S3FileReader({ sign: () => ({ url, expiresAt: new Date() }) });
  });
  afterAll(() => {
    server.close();
  });

  async function read(status: number, body: string | Buffer, headers = {}, until = signal) {
    respond = (response) => response.writeHead(status, headers).end(body);
    const file = { objectKey: 'a', fileName: 'a.csv' };
    const start = await reader.readStart(file, MAX_BYTES, until);
    return start && [start.bytes.toString(), start.isWhole];
  }
  const error = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;
  const range = (total: string) => ({ 'content-range': `bytes 0-9/${total}` });

  it.each<[string, Parameters<typeof read>, [string, boolean] | null]>([
    ['a range of it', [206, 'x'.repeat(10), range('11')], ['x'.repeat(10), false]],
    ['all of it', [206, 'x'.repeat(10), range('10')], ['x'.repeat(10), true]],
    ['a range of unknown size', [206, 'x'.repeat(10), range('*')], ['x'.repeat(10), false]],
    ['a short one by storage without ranges', [200, 'x'.repeat(9)], ['x'.repeat(9), true]],
    ['a long one by storage without ranges', [200, 'x'.repeat(99)], ['x'.repeat(10), false]],
    ['a compressed one', [200, gzipSync('x'), { 'content-encoding': 'gzip' }], ['x', true]],
    ['a compressed one that is cut', [206, gzipSync('x'.repeat(99)).subarray(0, 14), { 'content-encoding': 'gzip', ...range('22') }], ['', false]], // prettier-ignore
    ['one without bytes', [416, error('InvalidRange')], ['', true]],
    ['a missing one', [404, error('NoSuchKey')], null],
    ['a missing one without a code', [404, ''], null],
  ])('is read where the storage responds with %s', async (_name, response, expected) => {
    const start = await read(...response);
    if (expected?.[0] === '') expect(start?.[1]).toBe(expected[1]);
    else expect(start).toEqual(expected);
  });

  it.each([
    [404, 'NoSuchBucket'],
    [403, 'AccessDenied'],
    [500, 'InternalError'],
    [503, 'SlowDown'],
    [400, 'ExpiredToken'],
  ])('fails where the storage responds %d %s', async (status, code) => {
    const message = `the storage responded ${status} ${code}`;
    await expect(read(status, error(code))).rejects.toThrow(message);
  });

  it('asks for a range, and cancels a response without end', async () => {
    const closed = new Promise((resolve) => {
      respond = (response, { headers }) => {
        response.on('close', () => {
          resolve(headers.range);
        });
        const write = () => {
          while (response.write('x'.repeat(65_536)));
        };
        response.writeHead(200).on('drain', write);
        write();
      };
    });
    const start = await reader.readStart({ objectKey: 'a', fileName: 'a' }, MAX_BYTES, signal);
    expect(start).toEqual({ bytes: Buffer.from('x'.repeat(10)), isWhole: false });
    expect(await closed).toBe('bytes=0-9');
  });

  it('is not waited for once the read is aborted', async () => {
    const aborter = new AbortController();
    respond = () => {
      aborter.abort(new Error('enough'));
    };
    const file = { objectKey: 'a', fileName: 'a.csv' };
    await expect(reader.readStart(file, MAX_BYTES, aborter.signal)).rejects.toThrow('enough');
    server.closeAllConnections();
  });
});

import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import * as zlib from 'node:zlib';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { embedded } from '../support/engines.js';
import { signLink, useGateway } from '../support/gateway.js';
import { exportRows } from '../support/rows.js';

const gateway = useGateway(embedded, { exports: exportRows(30) });
const pathOf = (query: string) => `/graphql?query=${encodeURIComponent(query)}`;
const list = pathOf('{ exports(limit: 30) { data { id name createdAt } } }');

async function get(path: string, headers: Record<string, string> = {}) {
  const sent = request(gateway.origin + path, {
    headers: { 'apollo-require-preflight': 'true', ...headers },
  }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

/** Node 20 has no zstd. */
const zstd = Reflect.get(zlib, 'zstdDecompressSync') as ((bytes: Buffer) => Buffer) | undefined;
const decoders = {
  br: zlib.brotliDecompressSync,
  gzip: zlib.gunzipSync,
  ...(zstd && { zstd }),
};

describe('a response of more than 1 KiB', () => {
  it.each(Object.entries(decoders))('is compressed by %s', async (encoding, decode) => {
    const plain = await get(list);
    const { headers, body } = await get(list, { 'accept-encoding': encoding });
    expect(plain.headers).not.toHaveProperty('content-encoding');
    expect(headers).toMatchObject({
      'content-encoding': encoding,
      'content-length': String(body.length),
      'content-type': plain.headers['content-type'],
      vary: 'accept, accept-encoding',
      etag: plain.headers.etag,
    });
    expect(headers.etag).toMatch(/^W\/"/);
    expect(plain.headers.vary).toBe(headers.vary);
    expect(body.length).toBeLessThan(plain.body.length / 3);
    expect(decode(body).equals(plain.body)).toBe(true);
  });

  it.each([
    ['gzip, deflate, br', 'br'],
    ['br;q=0.5, gzip', 'gzip'],
    ['gzip, deflate, br, zstd', zstd ? 'zstd' : 'br'],
    ['br;q=0, gzip;q=0', undefined],
    ['identity', undefined],
    ['deflate', undefined],
  ])('with Accept-Encoding: %s has the encoding %s', async (accepted, encoding) => {
    const { headers } = await get(list, { 'accept-encoding': accepted });
    expect(headers['content-encoding']).toBe(encoding);
  });

  it('is 304 without a body for a client that has it in another encoding', async () => {
    const { etag = '' } = (await get(list, { 'accept-encoding': 'gzip' })).headers;
    for (const accepted of ['br', 'identity']) {
      const headers = { 'accept-encoding': accepted, 'if-none-match': etag };
      const again = await get(list, headers);
      expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
      expect(again.headers).not.toHaveProperty('content-encoding');
    }
  });
});

describe('the encoding', () => {
  beforeAll(() => gateway.store('large.json', JSON.stringify(Array(1_000).fill('row'))));

  it.each<
    [what: string, path: string, headers: Record<string, string>, encoding: string | undefined]
  >([
    ['the SDL', pathOf('{ _sdl }'), {}, 'br'],
    ['metrics', '/metrics', {}, 'br'],
    ['a response of up to 1 KiB', pathOf('{ exports(limit: 1) { data { id } } }'), {}, undefined],
    ['a health check', '/health/live', {}, undefined],
    ['a file', signLink('large.json', { fileName: 'large.json' }), {}, undefined],
    ['a part of a file', signLink('large.json'), { range: 'bytes=0-2000' }, undefined],
    ['GraphiQL, which is compressed at the start', '/graphql', { accept: 'text/html' }, 'gzip'],
  ])('of %s', async (_, path, headers, encoding) => {
    const response = await get(path, { 'accept-encoding': 'br, gzip', ...headers });
    expect(response.status).toBeLessThan(300);
    expect(response.headers['content-encoding']).toBe(encoding);
  });
});

it('a compressed request is rejected', async () => {
  const body = zlib.gzipSync(JSON.stringify({ query: '{ __typename }' }));
  const headers = ['content-encoding', 'gzip'];
  expect((await gateway.send({ body, headers })).status).toBe(400);
});

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import type { StoredFile } from '../../src/storage/url-signer.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { until } from '../support/until.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { clearRows, exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

/** That of startGateway: what is signed here is what the gateway would sign. */
const secret = 'the secret of the tests';

let database: EngineDatabase;
let gateway: Gateway;
/** A file outside of the folder of files, and the way to it from there. */
let bait: { content: string; path: string; folder: string; wayFromFiles: string };

beforeAll(async () => {
  const embedded = engines.find(({ engine }) => engine === 'embedded');
  if (embedded === undefined) throw new Error('There is no embedded database');
  database = await embedded.provide();
  gateway = await startGateway(database);
  const folder = await mkdtemp(join(tmpdir(), 'bait-'));
  bait = {
    content: `bait ${randomBytes(16).toString('hex')}`,
    path: join(folder, 'bait.csv'),
    folder,
    wayFromFiles: `../${basename(folder)}/bait.csv`,
  };
  await writeFile(bait.path, bait.content);
});

afterAll(async () => {
  await gateway.close();
  await database.dispose();
  await rm(bait.folder, { recursive: true });
});

/** Lays a file down as an export worker would. */
async function store(objectKey: string, content: Buffer | string): Promise<void> {
  const path = join(gateway.filesDirectory, objectKey);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** A link signed with the gateway's own secret that works for `ttl` seconds, or has not for as many. */
async function linkTo(file: StoredFile, ttl = 900): Promise<string> {
  const links = new LocalUrlSigner({ secret, ttl, origin: () => gateway.origin });
  return links.sign(file).url;
}

/** The link that a client of the gateway is given for a file of this key and name. */
async function linkFromGraphql(file: StoredFile): Promise<string> {
  await clearRows(gateway.source);
  await insertRows(gateway.source, {
    exports: [exportRow(0)],
    files: [fileRow(0, ExportFileKind.CSV, file)],
  });
  const { data, errors } = await gateway.query<{ export: { csvUrl: string } }>(
    `{ export(id: "${exportId(0)}", includeCsv: true) { csvUrl } }`,
  );
  expect(errors).toBeUndefined();
  return data.export.csvUrl;
}

interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Sends a request as it is written here: fetch would tidy the path up. */
async function sendRaw(
  target: string | Buffer,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<RawResponse> {
  const { hostname, port, host } = new URL(gateway.origin);
  const socket = connect(Number(port), hostname);
  const lines = Object.entries({ Host: host, Connection: 'close', ...headers });
  socket.write(`${method} `);
  socket.write(target);
  socket.write(
    ` HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  const answer = Buffer.concat(chunks);
  const end = answer.indexOf('\r\n\r\n');
  const [statusLine = '', ...headerLines] = answer
    .subarray(0, end)
    .toString('latin1')
    .split('\r\n');
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Headers(
      headerLines.map((line) => [
        line.slice(0, line.indexOf(':')),
        line.slice(line.indexOf(':') + 1),
      ]),
    ),
    body: answer.subarray(end + 4),
  };
}

async function getRaw(url: string, options?: Parameters<typeof sendRaw>[1]): Promise<RawResponse> {
  return sendRaw(url.slice(gateway.origin.length), options);
}

/** Neither headers nor body tell anything of a file: nothing but an error that says so little. */
function expectNothingOfAFile(answer: RawResponse, tellTales: readonly string[]): void {
  for (const header of [
    'content-disposition',
    'etag',
    'last-modified',
    'content-range',
    'accept-ranges',
    'location',
  ]) {
    expect([header, answer.headers.get(header)]).toEqual([header, null]);
  }
  expect(answer.headers.get('content-type')).toMatch(/^application\/json\b/);
  const all = `${[...answer.headers].flat().join('\n')}\n${answer.body.toString()}`;
  for (const telltale of [
    ...tellTales,
    gateway.filesDirectory,
    basename(gateway.filesDirectory),
    'ENO',
  ]) {
    expect(all).not.toContain(telltale);
  }
}

function expectRefusal(
  answer: RawResponse,
  expected: { status: number | number[]; code?: string },
  tellTales: readonly string[] = [bait.content, bait.folder],
): void {
  expect([expected.status].flat()).toContain(answer.status);
  const body = JSON.parse(answer.body.toString()) as { errors: { extensions: { code: string } }[] };
  expect(body).toEqual({
    errors: [
      { message: expect.any(String), extensions: { code: expected.code ?? expect.any(String) } },
    ],
  });
  expectNothingOfAFile(answer, tellTales);
}

/** The name a browser saves under, read as RFC 6266 says: the extended form wins. */
function savedName(disposition: string | null): string {
  expect(disposition).toMatch(/^attachment; filename/);
  const extended = /; filename\*=UTF-8''([\w!#$&+\-.^`|~%]+)$/.exec(disposition ?? '')?.[1];
  if (extended !== undefined) return decodeURIComponent(extended);
  const [, quoted, token] =
    /; filename=(?:"((?:[^"\\]|\\.)*)"|([\w!#$%&'*+\-.^`|~]+))$/.exec(disposition ?? '') ?? [];
  return quoted === undefined ? String(token) : quoted.replace(/\\(.)/g, '$1');
}

/** The lines that the gateway logs, once there is one that fits. */
async function untilLogged(
  fits: (line: Record<string, unknown>) => boolean,
): Promise<readonly Record<string, unknown>[]> {
  await until(() => gateway.log.find(fits));
  return gateway.log;
}

describe('a download', () => {
  it('by each link of an export gives exactly the bytes of its file', async () => {
    const kinds = Object.values(ExportFileKind);
    const contents = new Map(kinds.map((kind) => [kind, randomBytes(100_000)]));
    await clearRows(gateway.source);
    await insertRows(gateway.source, {
      exports: [exportRow(0)],
      files: kinds.map((kind) => fileRow(0, kind)),
    });
    for (const [kind, content] of contents) await store(fileRow(0, kind).objectKey, content);

    const { data } = await gateway.query<{
      export: Record<'jsonUrl' | 'csvUrl' | 'csvErrorUrl' | 'csvSanitizedUrl', string> & {
        files: { kind: string; url: string; urlExpiresAt: string }[];
      };
    }>(
      `{ export(id: "${exportId(0)}", includeCsv: true, includeJson: true) {
           jsonUrl csvUrl csvErrorUrl csvSanitizedUrl files { kind url urlExpiresAt } } }`,
    );
    const { files, ...urls } = data.export;
    expect(files.map(({ kind }) => kind)).toEqual(['JSON', 'CSV', 'CSV_ERROR', 'CSV_SANITIZED']);
    const bytes = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer());
    for (const [index, url] of [
      urls.jsonUrl,
      urls.csvUrl,
      urls.csvErrorUrl,
      urls.csvSanitizedUrl,
    ].entries()) {
      const content = contents.get(kinds[index] ?? ExportFileKind.JSON);
      expect((await bytes(url)).equals(content ?? Buffer.alloc(0))).toBe(true);
      expect((await bytes(files[index]?.url ?? '')).equals(content ?? Buffer.alloc(0))).toBe(true);
    }
    const life = (Date.parse(files[0]?.urlExpiresAt ?? '') - Date.now()) / 1000;
    expect(life).toBeGreaterThan(840);
    expect(life).toBeLessThanOrEqual(900);
  });

  it('of a large file gives all of it', async () => {
    const content = randomBytes(20_000_000);
    await store('large.csv', content);
    const response = await fetch(await linkTo({ objectKey: 'large.csv', fileName: 'large.csv' }));
    const hash = createHash('sha256')
      .update(Buffer.from(await response.arrayBuffer()))
      .digest('hex');
    expect(hash).toBe(createHash('sha256').update(content).digest('hex'));
    expect(response.headers.get('content-length')).toBe('20000000');
  });

  it('of an empty file is empty', async () => {
    await store('empty.csv', '');
    const answer = await getRaw(await linkTo({ objectKey: 'empty.csv', fileName: 'empty.csv' }));
    expect([answer.status, answer.headers.get('content-length'), answer.body.length]).toEqual([
      200,
      '0',
      0,
    ]);
  });

  it('that the client breaks off does the gateway no harm', async () => {
    await store('large.csv', randomBytes(20_000_000));
    const url = new URL(await linkTo({ objectKey: 'large.csv', fileName: 'large.csv' }));
    const socket = connect(Number(url.port), url.hostname);
    socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    await once(socket, 'close');
    expect((await getRaw(url.href)).body).toHaveLength(20_000_000);
    expect(gateway.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it.each([
    'contacts.csv',
    'Contacts of May.csv',
    'Größe 表 اب 🎉.csv',
    'Zoë’s “contacts”.csv',
    `a "quoted" \\ name.csv`,
    "it's; a, name=.csv",
    '100% %41 %2e.csv',
    'a+b&c#d?e.csv',
    'with/slash.csv',
    'line\r\nSet-Cookie: a=b\r\n\r\nbreak.csv',
    '表'.repeat(255),
  ])('is saved as %j', async (fileName) => {
    await store('named.csv', 'id\n1\n');
    const answer = await getRaw(await linkFromGraphql({ objectKey: 'named.csv', fileName }));
    expect(answer.status).toBe(200);
    expect(savedName(answer.headers.get('content-disposition'))).toBe(fileName);
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(answer.body.toString()).toBe('id\n1\n');
  });

  it.each([
    { fileName: 'a.json', type: 'application/json; charset=utf-8' },
    { fileName: 'a.JSON', type: 'application/json; charset=utf-8' },
    { fileName: 'a.csv', type: 'text/csv; charset=utf-8' },
    { fileName: 'a.csv.gz', type: 'application/octet-stream' },
    { fileName: 'a.html', type: 'application/octet-stream' },
    { fileName: 'csv', type: 'application/octet-stream' },
  ])('of $fileName has the type $type, whatever its key ends with', async ({ fileName, type }) => {
    await store('typed.svg', '<svg/>');
    const answer = await getRaw(await linkTo({ objectKey: 'typed.svg', fileName }));
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
  });

  it('can neither be run by a browser nor be kept by a cache', async () => {
    await store('a.csv', 'a');
    const { headers } = await getRaw(await linkTo({ objectKey: 'a.csv', fileName: 'a.csv' }));
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'private, no-store',
      'content-security-policy': "default-src 'none'; sandbox",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });

  it.each([
    'with space/and+plus/100%/a#b?c=d&e.csv',
    'größe/表/اب/🎉.csv',
    `quote"'\\back.csv`,
    '%2e%2e/%2F.csv',
    '...csv',
    '.hidden/.csv',
    'no-ending',
  ])('finds the key %j', async (objectKey) => {
    const content = randomBytes(10).toString('hex');
    await store(objectKey, content);
    const url = await linkFromGraphql({ objectKey, fileName: 'a.csv' });
    expect(await (await fetch(url)).text()).toBe(content);
    expect((await getRaw(url)).body.toString()).toBe(content);
  });

  it.each([
    { what: '512 letters', objectKey: `${'k'.repeat(200)}/${'l'.repeat(200)}/${'m'.repeat(110)}` },
    {
      what: '512 characters of four bytes',
      objectKey: `${`${'🎉'.repeat(60)}/`.repeat(8)}${'🎈'.repeat(24)}`,
    },
  ])('finds a key of $what', async ({ objectKey }) => {
    expect(Array.from(objectKey)).toHaveLength(512);
    await store(objectKey, 'far away');
    const url = await linkFromGraphql({ objectKey, fileName: '表'.repeat(251) + '.csv' });
    const answer = await getRaw(url);
    expect([answer.status, answer.body.toString()]).toEqual([200, 'far away']);
  });

  it('follows a symbolic link, which only who may write the files can put there', async () => {
    await symlink(bait.path, join(gateway.filesDirectory, 'symlink.csv'));
    const answer = await getRaw(await linkTo({ objectKey: 'symlink.csv', fileName: 'a.csv' }));
    expect([answer.status, answer.body.toString()]).toEqual([200, bait.content]);
  });
});

describe('a request by a link', () => {
  const content = '0123456789abcdef';
  let url: string;
  beforeAll(async () => {
    await store('ranges.csv', content);
    url = await linkTo({ objectKey: 'ranges.csv', fileName: 'ranges.csv' });
  });

  it('with HEAD is answered as with GET, without the bytes', async () => {
    const [head, get] = [await getRaw(url, { method: 'HEAD' }), await getRaw(url)];
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    const ofFile = (headers: Headers) =>
      [
        'content-type',
        'content-length',
        'content-disposition',
        'etag',
        'last-modified',
        'accept-ranges',
      ].map((name) => [name, headers.get(name)]);
    expect(ofFile(head.headers)).toEqual(ofFile(get.headers));
    expect(head.headers.get('content-length')).toBe('16');
  });

  it.each([
    { range: 'bytes=0-0', bytes: '0', contentRange: 'bytes 0-0/16' },
    { range: 'bytes=4-7', bytes: '4567', contentRange: 'bytes 4-7/16' },
    { range: 'bytes=10-', bytes: 'abcdef', contentRange: 'bytes 10-15/16' },
    { range: 'bytes=10-99', bytes: 'abcdef', contentRange: 'bytes 10-15/16' },
    { range: 'bytes=-3', bytes: 'def', contentRange: 'bytes 13-15/16' },
    { range: 'bytes=-16', bytes: content, contentRange: 'bytes 0-15/16' },
  ])('with Range: $range gets these bytes', async ({ range, bytes, contentRange }) => {
    const answer = await getRaw(url, { headers: { Range: range } });
    expect([answer.status, answer.body.toString()]).toEqual([206, bytes]);
    expect(answer.headers.get('content-range')).toBe(contentRange);
    expect(answer.headers.get('content-length')).toBe(String(bytes.length));
    expect(savedName(answer.headers.get('content-disposition'))).toBe('ranges.csv');
  });

  it.each(['bytes=0-1,4-5', 'lines=0-1', 'nonsense'])(
    'with Range: %s, which is not one range of bytes, gets all of them',
    async (range) => {
      const answer = await getRaw(url, { headers: { Range: range } });
      expect([answer.status, answer.body.toString()]).toEqual([200, content]);
      expect(answer.headers.get('content-range')).toBeNull();
    },
  );

  it.each(['bytes=5-4', 'bytes=a-b', 'bytes='])(
    'with Range: %s, which cannot be understood, gets all of them or none',
    async (range) => {
      const answer = await getRaw(url, { headers: { Range: range } });
      if (answer.status === 200) expect(answer.body.toString()).toBe(content);
      else
        expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([
          416,
          { errors: [expect.anything()] },
        ]);
    },
  );

  it.each(['bytes=16-', 'bytes=99-100'])(
    'with Range: %s, beyond the end, is told the length',
    async (range) => {
      const answer = await getRaw(url, { headers: { Range: range } });
      expect(answer.status).toBe(416);
      expect(answer.headers.get('content-range')).toBe('bytes */16');
      expect(answer.headers.get('content-disposition')).toBeNull();
      expect(JSON.parse(answer.body.toString())).toEqual({ errors: [expect.anything()] });
      expect(answer.body.toString()).not.toContain('ranges.csv');
    },
  );

  it('continues a download with If-Range when the file is the same, and starts anew when it is not', async () => {
    const etag = (await getRaw(url)).headers.get('etag') ?? '';
    expect(etag).toMatch(/^(W\/)?".+"$/);
    const same = await getRaw(url, { headers: { Range: 'bytes=4-', 'If-Range': etag } });
    expect([same.status, same.body.toString()]).toEqual([206, content.slice(4)]);
    const other = await getRaw(url, { headers: { Range: 'bytes=4-', 'If-Range': '"another"' } });
    expect([other.status, other.body.toString()]).toEqual([200, content]);
  });

  it('with If-None-Match gets no bytes that it has', async () => {
    const etag = (await getRaw(url)).headers.get('etag') ?? '';
    const same = await getRaw(url, { headers: { 'If-None-Match': etag } });
    expect([same.status, same.body.length]).toEqual([304, 0]);
    const other = await getRaw(url, { headers: { 'If-None-Match': '"another"' } });
    expect([other.status, other.body.toString()]).toEqual([200, content]);
  });

  it('with If-Match of another file gets nothing of this one', async () => {
    const answer = await getRaw(url, { headers: { 'If-Match': '"another"' } });
    expectRefusal(answer, { status: 412 }, ['ranges.csv', content]);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'with %s is refused and changes nothing',
    async (method) => {
      const answer = await getRaw(url, { method, headers: { 'Content-Length': '0' } });
      expectRefusal(answer, { status: [404, 405] }, ['ranges.csv', content]);
      expect(await readFile(join(gateway.filesDirectory, 'ranges.csv'), 'utf8')).toBe(content);
    },
  );

  it('on a path beside /files/ is no link', async () => {
    const { pathname, search } = new URL(url);
    for (const target of [
      '/files',
      '/file',
      '/filesx/ranges.csv',
      '/FILES/ranges.csv',
      '//files/ranges.csv',
      '/ranges.csv',
    ]) {
      expectRefusal(await sendRaw(target + search), { status: 404, code: 'NOT_FOUND' }, [content]);
    }
    expect((await sendRaw(pathname + search)).body.toString()).toBe(content);
  });
});

describe('a link that cannot be used tells nothing of its file:', () => {
  const content = 'a secret content of 39 bytes in a file.';
  const file: StoredFile = {
    objectKey: 'private-folder/hidden-key.csv',
    fileName: 'telltale-name.csv',
  };
  const tellTales = [content, 'telltale', 'hidden-key', 'private-folder', 'text/csv'];
  beforeAll(() => store(file.objectKey, content));

  it.each<[string, (url: string) => string]>([
    ['another key', (url) => url.replace('hidden-key', 'hidden-kez')],
    ['another name', (url) => url.replace('telltale', 'telltalf')],
    ['another expiry', (url) => url.replace(/expires=\d+/, 'expires=9999999999')],
    [
      'another signature',
      (url) =>
        url.replace(/signature=./, (start) =>
          start.endsWith('A') ? 'signature=B' : 'signature=A',
        ),
    ],
    ['a shorter signature', (url) => url.slice(0, -1)],
    ['an empty signature', (url) => url.replace(/signature=.*/, 'signature=')],
    ['no signature', (url) => url.replace(/&signature=.*/, '')],
    ['no expiry', (url) => url.replace(/&expires=\d+/, '')],
    ['no query', (url) => url.replace(/\?.*/, '')],
  ])('403 with %s', async (_, alter) => {
    const altered = alter(await linkTo(file));
    expectRefusal(await getRaw(altered), { status: 403, code: 'FORBIDDEN' }, tellTales);
    const head = await getRaw(altered, { method: 'HEAD' });
    expect([head.status, head.body.length]).toEqual([403, 0]);
    expectNothingOfAFile(head, tellTales);
  });

  it('403 with the signature of another gateway', async () => {
    const links = new LocalUrlSigner({
      secret: `${secret}!`,
      ttl: 900,
      origin: () => gateway.origin,
    });
    const { url } = links.sign(file);
    expectRefusal(await getRaw(url), { status: 403, code: 'FORBIDDEN' }, tellTales);
  });

  it('403 with nothing to tell whether there is such a file', async () => {
    const [there, missing] = await Promise.all(
      [file, { ...file, objectKey: 'private-folder/missing.csv' }].map(async (each) =>
        getRaw((await linkTo(each)).replace(/expires=\d+/, 'expires=9999999999')),
      ),
    );
    const comparable = (answer: RawResponse | undefined) => [
      answer?.status,
      answer?.body.toString(),
      [...(answer?.headers ?? [])].filter(([name]) => name !== 'date' && name !== 'x-request-id'),
    ];
    expect(comparable(there)).toEqual(comparable(missing));
  });

  it('410 when it has expired, be the file there or not', async () => {
    for (const expired of [file, { ...file, objectKey: 'private-folder/missing.csv' }]) {
      const url = await linkTo(expired, -1);
      expectRefusal(await getRaw(url), { status: 410, code: 'LINK_EXPIRED' }, tellTales);
      const range = await getRaw(url, { headers: { Range: 'bytes=0-', 'If-None-Match': '*' } });
      expectRefusal(range, { status: 410, code: 'LINK_EXPIRED' }, tellTales);
    }
  });

  it.each([
    { what: 'is not there', objectKey: 'private-folder/hidden-key-2.csv' },
    { what: 'is not there, as JSON', objectKey: 'private-folder/hidden-key.json' },
    { what: 'names a folder', objectKey: 'private-folder' },
    { what: 'names a folder with a slash', objectKey: 'private-folder/' },
    { what: 'names the folder of all', objectKey: '' },
    { what: 'names the folder of all with a dot', objectKey: '.' },
    { what: 'goes on behind a file', objectKey: 'private-folder/hidden-key.csv/more.csv' },
    { what: 'goes on behind a file with a slash', objectKey: 'private-folder/hidden-key.csv/' },
    {
      what: 'has a part too long for a file system',
      objectKey: `private-folder/${'hidden-key'.repeat(40)}`,
    },
  ])('404 when its key $what', async ({ objectKey }) => {
    for (const fileName of [file.fileName, 'telltale-name.json', 'telltale']) {
      const url = await linkTo({ objectKey, fileName });
      const status = objectKey.endsWith('/') ? [403, 404] : 404;
      expectRefusal(await getRaw(url), { status }, tellTales);
      const head = await getRaw(url, { method: 'HEAD' });
      expect([status].flat()).toContain(head.status);
      expectNothingOfAFile(head, tellTales);
    }
  });

  it('404 from GraphQL to the download when the file has gone', async () => {
    const url = await linkFromGraphql({ ...file, objectKey: 'private-folder/gone.csv' });
    expectRefusal(await getRaw(url), { status: 404, code: 'NOT_FOUND' }, tellTales);
  });

  it('400 when its key holds a NUL', async () => {
    const url = await linkTo({ ...file, objectKey: `${file.objectKey}\0.json` });
    expectRefusal(await getRaw(url), { status: [400, 404] }, tellTales);
  });
});

describe('a way out of the folder of files', () => {
  const up = [
    '..',
    '%2e%2e',
    '%2E%2E',
    '.%2e',
    '%2e.',
    '%252e%252e',
    '%c0%ae%c0%ae',
    '%e0%80%ae%e0%80%ae',
    '%u002e%u002e',
    '..%00',
    '.%00.',
    '..;',
    '...',
    '．．',
  ];
  const slash = ['/', '%2f', '%2F', '%252f', '\\', '%5c', '%5C', '%255c', '%c0%af', '//', '/./'];

  it('is refused in every spelling, with or without the query of a genuine link', async () => {
    await store('own/file.csv', 'own');
    const query = new URL(await linkTo({ objectKey: 'own/file.csv', fileName: 'bait.csv' })).search;
    const bases = ['/files/', '/files/own/', '/files/own%2f', '/files//', '/'];
    for (const base of bases) {
      for (const dots of up) {
        for (const separator of slash) {
          const path = `${base}${[dots, dots, dots, basename(bait.folder), 'bait.csv'].join(separator)}`;
          const short = `${base}${[dots, basename(bait.folder), 'bait.csv'].join(separator)}`;
          for (const target of [path + query, short, short + query]) {
            const answer = await sendRaw(Buffer.from(target));
            expect([target, [400, 403, 404].includes(answer.status)]).toEqual([target, true]);
            expectNothingOfAFile(answer, [bait.content]);
          }
        }
      }
    }
  });

  it.each([
    '/etc/passwd',
    '//etc/passwd',
    '/%2fetc/passwd',
    '/file:///etc/passwd',
    '/C:\\windows\\win.ini',
    '/~/.ssh/id_rsa',
    '/\0/etc/passwd',
    '/own/file.csv\0',
  ])('is refused as %j', async (path) => {
    const query = new URL(await linkTo({ objectKey: 'own/file.csv', fileName: 'a.csv' })).search;
    for (const target of [`/files${path}`, `/files${path}${query}`, path + query]) {
      const answer = await sendRaw(Buffer.from(target, 'latin1'));
      expect([400, 403, 404]).toContain(answer.status);
      expect(answer.body.toString()).not.toMatch(/root:|own$/);
    }
  });

  const signedWays: [string, (way: string) => string][] = [
    ['..', (way) => way],
    ['.. far up', (way) => `../../../../../../../..${bait.folder}/${basename(way)}`],
    ['.. behind a folder', (way) => `own/../${way}`],
    ['.. behind a folder that is not there', (way) => `x/y/../../${way}`],
    ['.. after a slash', (way) => `/${way}`],
    ['.. after a dot', (way) => `./${way}`],
    ['.. with doubled slashes', (way) => way.replaceAll('/', '//')],
    ['.. percent-encoded', (way) => way.replaceAll('.', '%2e')],
    ['.. and slashes percent-encoded', (way) => encodeURIComponent(way).replaceAll('.', '%2e')],
    ['.. percent-encoded twice', (way) => way.replaceAll('.', '%252e').replaceAll('/', '%252f')],
    ['.. with backslashes', (way) => way.replaceAll('/', '\\')],
    ['.. mixed', (way) => `own\\..\\${way}`],
    ['.. with a NUL', (way) => `${way}\0.csv`],
    ['.. in wide characters', (way) => way.replace('..', '．．')],
    ['an absolute path', () => bait.path],
    ['an absolute path with doubled slashes', () => `/${bait.path}`],
    ['a file: URL', () => `file://${bait.path}`],
  ];

  it.each(signedWays)('is refused with a proper signature: %s', async (_, spell) => {
    const objectKey = spell(bait.wayFromFiles);
    const url = await linkTo({ objectKey, fileName: 'innocent.csv' });
    expectRefusal(await getRaw(url), { status: [400, 403, 404] }, [
      bait.content,
      bait.folder,
      'innocent',
    ]);
    const ranged = await getRaw(url, { headers: { Range: 'bytes=0-3' } });
    expectRefusal(ranged, { status: [400, 403, 404] }, [
      bait.content,
      bait.folder,
      'innocent',
      'bait',
    ]);
    const { pathname } = new URL(gateway.origin + bait.path);
    await access(pathname);
  });

  it.each(signedWays.filter(([name]) => !name.includes('NUL')))(
    'is refused when a row of the database says so: %s',
    async (_, spell) => {
      const url = await linkFromGraphql({
        objectKey: spell(bait.wayFromFiles),
        fileName: 'innocent.csv',
      });
      const answer = await getRaw(url);
      expectRefusal(answer, { status: [400, 403, 404] }, [bait.content, bait.folder, 'innocent']);
      const tidied = await fetch(url);
      expect(tidied.status).toBeGreaterThanOrEqual(400);
      expect(await tidied.text()).not.toContain(bait.content);
    },
  );

  it('is not a key that only looks like one', async () => {
    await store('own/..file..csv', 'two dots in a name');
    const url = await linkFromGraphql({ objectKey: 'own/..file..csv', fileName: 'a.csv' });
    expect(await (await fetch(url)).text()).toBe('two dots in a name');
  });
});

describe('a request that is no link', () => {
  it.each([
    '/files/%',
    '/files/%z',
    '/files/%zz',
    '/files/%c3',
    '/files/%E0%A4%A',
    '/files/a%ff',
    '/files/%c0%af',
    '/%',
    '/%zz',
  ])('is refused in the form of every error: %s', async (path) => {
    const { search } = new URL(await linkTo({ objectKey: 'a', fileName: 'telltale.csv' }));
    const signature = new URLSearchParams(search).get('signature') ?? '?';
    for (const target of [path, path + search]) {
      expectRefusal(await sendRaw(target), { status: [400, 403, 404] }, ['telltale', signature]);
    }
  });

  it('is refused when it is longer than any link', async () => {
    for (const length of [9_000, 12_000, 20_000]) {
      const answer = await sendRaw(
        `/files/${'a'.repeat(length)}?name=a&expires=9999999999&signature=a`,
      );
      expect([403, 404, 414, 431]).toContain(answer.status);
    }
    const answer = await sendRaw('/health/live');
    expect(answer.status).toBe(200);
  });

  it('is refused when it names the whole URL of another server', async () => {
    await store('own/file.csv', 'own');
    const { search } = new URL(await linkTo({ objectKey: 'x', fileName: 'a.csv' }));
    const answer = await sendRaw(`http://elsewhere.example.com/files/own/file.csv${search}`);
    expectRefusal(answer, { status: [400, 403, 404] });
  });
});

describe('the log of downloads', () => {
  it('has one line a request, with the path, and nowhere the name, the expiry or the signature', async () => {
    const file: StoredFile = { objectKey: 'logged.csv', fileName: 'name-not-for-logs.csv' };
    await store(file.objectKey, 'a');
    const valid = await linkTo(file);
    const expired = await linkTo(file, -77);
    const missing = await linkTo({ ...file, objectKey: 'logged-missing.csv' });
    const malformed = `${gateway.origin}/files/logged-%zz${new URL(valid).search}`;
    const start = gateway.log.length;
    const requests: [string, string, Record<string, string>, number][] = [
      ['GET', valid, {}, 200],
      ['GET', valid, { Range: 'bytes=9-' }, 416],
      ['HEAD', valid, {}, 200],
      ['POST', valid, { 'Content-Length': '0' }, 404],
      ['GET', `${valid}x`, {}, 403],
      ['GET', expired, {}, 410],
      ['GET', missing, {}, 404],
      ['GET', malformed, {}, 400],
      ['GET', `${gateway.origin}/unknown${new URL(valid).search}`, {}, 404],
    ];
    for (const [method, url, headers, status] of requests) {
      expect((await getRaw(url, { method, headers })).status).toBe(status);
    }
    await getRaw(`${gateway.origin}/health/live?last`);
    const log = (await untilLogged(({ path }) => path === '/health/live')).slice(start);
    const text = JSON.stringify(log);
    for (const url of [valid, expired, missing]) {
      const query = new URL(url).searchParams;
      for (const [name, value] of query)
        expect([name, text.includes(value)]).toEqual([name, false]);
    }
    expect(text).not.toContain('signature');
    const lines = log.filter(({ msg }) => msg === 'request');
    expect(lines.map(({ method, path, status }) => [method, path, status])).toEqual([
      ...requests.map(([method, url, , status]) => [
        method,
        // The path of what matches nothing may be anything, and is left out.
        method === 'POST' || url === malformed || url.includes('/unknown')
          ? undefined
          : url.slice(gateway.origin.length).split('?')[0],
        status,
      ]),
      ['GET', '/health/live', 200],
    ]);
  });
});

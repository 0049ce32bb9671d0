import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { embedded } from '../support/engines.js';
import { signLink as link, useGateway, type RawResponse } from '../support/gateway.js';

/** A folder outside the folder of files, and the relative path of a file in it. */
const outside = await mkdtemp(join(tmpdir(), 'outside-'));
const outsideFile = `../${basename(outside)}/outside.csv`;
const outsideContent = `outside ${randomBytes(16).toString('hex')}`;
beforeAll(() => writeFile(join(outside, 'outside.csv'), outsideContent));
afterAll(() => rm(outside, { recursive: true }));

const gateway = useGateway(embedded);
const queryOf = (target: string) => target.replace(/^[^?]*/, '');

/** Sends a request target unchanged. */
function send(
  target: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<RawResponse> {
  return gateway.send({ target, method, headers: Object.entries(headers).flat() });
}

async function download(...args: Parameters<typeof send>): Promise<[number, string]> {
  const { status, text } = await send(...args);
  return [status, text];
}

/** Expects neither headers nor text to reveal anything of a file. */
function expectNoFile({ headers, text }: RawResponse, secrets: readonly string[]): void {
  const names = ['content-disposition', 'etag', 'last-modified', 'content-range', 'location'];
  expect(names.filter((name) => headers[name] !== undefined)).toEqual([]);
  expect(headers['content-type']).toMatch(/^application\/json\b/);
  const received = JSON.stringify([headers, text]);
  for (const secret of [...secrets, basename(gateway.filesDirectory), 'ENO']) {
    expect(received).not.toContain(secret);
  }
}

function expectError(
  response: RawResponse,
  statuses: readonly number[],
  { code, secrets = [outsideContent, outside] }: { code?: string; secrets?: string[] } = {},
): void {
  expect(statuses).toContain(response.status);
  const error = { message: expect.any(String), extensions: { code: code ?? expect.any(String) } };
  expect(JSON.parse(response.text)).toEqual({ errors: [error] });
  expectNoFile(response, secrets);
}

/** The name under which a browser saves a file by RFC 6266: the extended form takes precedence. */
function savedName(disposition: unknown): string {
  const extended = /; filename\*=UTF-8''([\w!#$&+\-.^`|~%]+)$/.exec(String(disposition))?.[1];
  if (extended !== undefined) return decodeURIComponent(extended);
  const simple = /^attachment; filename=(?:"((?:[^"\\]|\\.)*)"|([\w!#$%&'*+\-.^`|~]+))$/;
  const [, quoted, token] = simple.exec(String(disposition)) ?? [];
  return quoted === undefined ? String(token) : quoted.replace(/\\(.)/g, '$1');
}

describe('a download', () => {
  it('returns a large file completely, also after another client disconnected', async () => {
    const content = randomBytes(10_000_000).toString('hex');
    await gateway.store('large.csv', content);
    const [aborted] = (await once(get(gateway.origin + link('large.csv')), 'response')) as [
      IncomingMessage,
    ];
    aborted.destroy();
    const { headers, text } = await send(link('large.csv'));
    expect([headers['content-length'], text === content]).toEqual(['20000000', true]);
    expect(gateway.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('returns an empty file', async () => {
    await gateway.store('empty.csv', '');
    const headers = { 'content-length': '0' };
    expect(await send(link('empty.csv'))).toMatchObject({ status: 200, headers, text: '' });
  });

  it.each([
    'Größe 表 اب 🎉 of Zoë’s “contacts”.csv',
    `a "quoted" \\ name; it's, 100% %41 a=b+c&d#e?f/g.csv`,
    'line\r\nSet-Cookie: a=b\r\n\r\nbreak.csv',
    '表'.repeat(255),
  ])('is saved by a browser as %j', async (fileName) => {
    await gateway.store('named.csv', 'id\n1\n');
    const { headers, text } = await send(link('named.csv', { fileName }));
    expect(savedName(headers['content-disposition'])).toBe(fileName.replace(/[/\\]/g, '_'));
    expect(headers).not.toHaveProperty('set-cookie');
    expect(text).toBe('id\n1\n');
  });

  it.each([
    ['🎉'.repeat(255), '🎉'.repeat(191)],
    [`${'🎉'.repeat(251)}.csv`, `${'🎉'.repeat(190)}.csv`],
    [`${'x'.repeat(251)}.csv`, `${'x'.repeat(251)}.csv`],
  ])('of a long name has at most 765 bytes of it, and its ending', async (fileName, saved) => {
    await gateway.store('named.csv', 'id');
    const { headers } = await send(link('named.csv', { fileName }));
    const disposition = String(headers['content-disposition']);
    expect([savedName(disposition), disposition.length < 2_400]).toEqual([saved, true]);
  });

  it.each([
    ['a.JSON', 'application/json; charset=utf-8'],
    ['a.csv', 'text/csv; charset=utf-8'],
    ['csv.html', 'application/octet-stream'],
  ])(
    'of the name %s has the type %s, and neither runs in a browser nor stays in a cache',
    async (fileName, type) => {
      // The type follows the name, whatever the key ends with.
      await gateway.store('typed.svg', '<svg/>');
      const { status, headers } = await send(link('typed.svg', { fileName }));
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'content-type': type,
        'cache-control': 'private, no-store',
        'content-security-policy': "default-src 'none'; sandbox",
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      });
    },
  );

  it.each([
    `with space/and+plus/100%/größe/a#b?c=d&e "'\\.csv`,
    '.hidden/%2e%2e/..file..no-ending',
    // The longest key.
    `${`${'🎉'.repeat(60)}/`.repeat(8)}${'🎈'.repeat(24)}`,
  ])('finds the key %j', async (objectKey) => {
    await gateway.store(objectKey, 'found');
    const target = link(objectKey, { fileName: '表'.repeat(251) });
    expect(await (await fetch(gateway.origin + target)).text()).toBe('found');
    expect(await download(target)).toEqual([200, 'found']);
  });

  it('follows a symbolic link, which only the owner of the folder can create', async () => {
    await symlink(join(outside, 'outside.csv'), join(gateway.filesDirectory, 'symlink.csv'));
    expect(await download(link('symlink.csv'))).toEqual([200, outsideContent]);
  });
});

describe('a request with a valid link', () => {
  const content = '0123456789abcdef';
  const secrets = ['ranges.csv', content];
  const target = link('ranges.csv', { fileName: 'ranges.csv' });
  beforeAll(() => gateway.store('ranges.csv', content));

  it('has the same headers with HEAD as with GET, and no body', async () => {
    const head = await send(target, {}, 'HEAD');
    expect([head.headers, head.text]).toEqual([(await send(target)).headers, '']);
    expect(head.headers).toMatchObject({ 'content-length': '16', 'accept-ranges': 'bytes' });
  });

  it.each([
    ['bytes=4-7', '4567', 'bytes 4-7/16'],
    ['bytes=10-99', 'abcdef', 'bytes 10-15/16'],
    ['bytes=-3', 'def', 'bytes 13-15/16'],
  ])('with Range: %s returns the bytes %s', async (Range, bytes, contentRange) => {
    const { status, headers, text } = await send(target, { Range });
    expect([status, text, headers['content-range']]).toEqual([206, bytes, contentRange]);
    expect(headers['content-length']).toBe(String(bytes.length));
    expect(savedName(headers['content-disposition'])).toBe('ranges.csv');
  });

  it.each(['bytes=0-1,4-5', 'lines=0-1', 'nonsense', 'bytes=5-4', 'bytes=a-b', 'bytes='])(
    'with Range: %s, which is not one range of bytes, returns all bytes or 416',
    async (Range) => {
      const [status, text] = await download(target, { Range });
      if (status === 200) expect(text).toBe(content);
      else expect([status, JSON.parse(text)]).toEqual([416, { errors: [expect.anything()] }]);
    },
  );

  it('with a Range beyond the end returns 416 and the length', async () => {
    const response = await send(target, { Range: 'bytes=16-' });
    const { 'content-range': contentRange, ...headers } = response.headers;
    expect(contentRange).toBe('bytes */16');
    expectError({ ...response, headers }, [416], { code: 'BAD_REQUEST', secrets });
  });

  it('honors If-Range, If-None-Match and If-Match', async () => {
    const etag = String((await send(target)).headers['etag']);
    const Range = 'bytes=4-';
    expect(await download(target, { Range, 'If-Range': etag })).toEqual([206, content.slice(4)]);
    expect(await download(target, { Range, 'If-Range': '"other"' })).toEqual([200, content]);
    expect(await download(target, { 'If-None-Match': etag })).toEqual([304, '']);
    expect(await download(target, { 'If-None-Match': '"other"' })).toEqual([200, content]);
    expectError(await send(target, { 'If-Match': '"other"' }), [412], { secrets });
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'is rejected with %s and changes nothing',
    async (method) => {
      expectError(await send(target, {}, method), [404], { code: 'NOT_FOUND', secrets });
      expect(await readFile(join(gateway.filesDirectory, 'ranges.csv'), 'utf8')).toBe(content);
    },
  );

  it('returns 404 on a path outside /files/', async () => {
    for (const path of ['/files', '/file', '/filesx/', '/FILES/', '//files/', '/']) {
      const response = await send(`${path}ranges.csv${queryOf(target)}`);
      expectError(response, [404], { code: 'NOT_FOUND', secrets: [content] });
    }
  });
});

describe('a link that is not usable reveals nothing of its file, and', () => {
  const content = 'a secret content of 39 bytes in a file.';
  const [key, fileName] = ['private-folder/hidden-key.csv', 'telltale-name.csv'];
  const missing = 'private-folder/missing.csv';
  const secrets = [content, 'telltale', 'hidden-key', 'private-folder', 'text/csv'];
  beforeAll(() => gateway.store(key, content));

  it('has status 403 with the signature of another gateway, whether the file exists or not', async () => {
    const forged = (objectKey: string) => link(objectKey, { fileName, secret: 'another secret' });
    const response = await send(forged(key));
    expectError(response, [403], { code: 'FORBIDDEN', secrets });
    expect(response).toEqual({ ...(await send(forged(missing))), logged: expect.anything() });
    const head = await send(forged(key), {}, 'HEAD');
    expect([head.status, head.text]).toEqual([403, '']);
    expectNoFile(head, secrets);
  });

  it.each([key, missing])('has status 410 when expired, for %s', async (objectKey) => {
    const target = link(objectKey, { fileName, ttl: -1 });
    for (const headers of [{}, { Range: 'bytes=0-', 'If-None-Match': '*' }]) {
      expectError(await send(target, headers), [410], { code: 'LINK_EXPIRED', secrets });
    }
  });

  it.each([
    ['is missing', missing],
    ['is a folder', 'private-folder'],
    ['is a folder with a slash', 'private-folder/'],
    ['is the root', ''],
    ['is the root as a dot', '.'],
    ['continues after a file', 'private-folder/hidden-key.csv/more.csv'],
    ['continues after a file with a slash', 'private-folder/hidden-key.csv/'],
    ['has a part too long for a file system', `private-folder/${'hidden-key'.repeat(40)}`],
    ['contains a NUL', `${key}\0.json`],
  ])('has status 400, 403 or 404 when its key %s', async (_, objectKey) => {
    for (const name of [fileName, 'telltale-name.json', 'telltale']) {
      const target = link(objectKey, { fileName: name });
      expectError(await send(target), [400, 403, 404], { secrets });
      expectNoFile(await send(target, {}, 'HEAD'), secrets);
    }
  });
});

describe('a link that is not usable, opened in a browser,', () => {
  const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

  it.each([
    ['of an altered link', 403, `${link('a.csv')}x`, /incomplete or was altered/],
    ['of an expired link', 410, link('a.csv', { ttl: -1 }), /has expired/],
    ['of a missing file', 404, link('missing.csv'), /Not found/],
    ['of a malformed path', 400, '/files/%zz', /not a valid URL path/],
  ])('shows a page that loads nothing: %s', async (_, status, target, words) => {
    const page = await send(target, { accept });
    expect([page.status, page.text]).toEqual([status, expect.stringMatching(words)]);
    expect(page.text).not.toMatch(/src|href|url\(|<script|@import/i);
    const style = /<style>(.*)<\/style>/s.exec(page.text)?.[1] ?? '';
    const styleHash = createHash('sha256').update(style).digest('base64');
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox`,
    });
    expect(page.headers).not.toHaveProperty('content-disposition');
    const head = await send(target, { accept }, 'HEAD');
    expect([head.status, head.headers]).toEqual([status, page.headers]);
    for (const other of ['*/*', 'application/json, text/html;q=0.9', 'image/avif,*/*']) {
      const { headers } = await send(target, { accept: other });
      expect(headers['content-type']).toBe('application/json; charset=utf-8');
    }
  });

  it('downloads a file that exists', async () => {
    await gateway.store('exists.csv', 'id\n1\n');
    expect(await download(link('exists.csv'), { accept })).toEqual([200, 'id\n1\n']);
  });
});

describe('a path outside the folder of files', () => {
  const statuses = [400, 403, 404];
  const query = queryOf(link('own/file.csv'));
  beforeAll(() => gateway.store('own/file.csv', 'own'));

  it('is rejected in every spelling, unsigned, with the signature of another link, and signed', async () => {
    const ups = [
      ...['..', '%2e%2e', '%2E%2E', '.%2e', '%2e.', '%252e%252e', '%c0%ae%c0%ae', '..;', '...'],
      ...['%e0%80%ae%e0%80%ae', '%u002e%u002e', '..%00', '.%00.', '．．', 'own/..', 'x/y/../..'],
    ];
    const slashes = '/ %2f %2F %252f \\ %5c %5C %255c %c0%af // /./'.split(' ');
    for (const up of ups) {
      for (const slash of slashes) {
        const near = [up, basename(outside), 'outside.csv'].join(slash);
        const far = `${up}${slash}${up}${slash}${near}`;
        const unsigned = ['/files/', '/files/own/', '/files/own%2f', '/files//', '/'].flatMap(
          (base) => [base + near, base + near + query, base + far + query],
        );
        const targets = [...unsigned, link(near), link(far), link(`/${near}`)];
        await Promise.all(
          targets.map(async (target) => {
            const response = await send(target);
            expect([target, statuses.includes(response.status)]).toEqual([target, true]);
            expectNoFile(response, [outsideContent]);
          }),
        );
      }
    }
  });

  it.each([
    ...['etc/passwd', '/etc/passwd', '%2fetc/passwd', 'file:///etc/passwd', '~/.ssh/id_rsa'],
    'C:\\windows\\win.ini',
    `../../../../../../../..${outside}/outside.csv`,
    ...[`${outside}/outside.csv`, `/${outside}/outside.csv`, `file://${outside}/outside.csv`],
    encodeURIComponent(outsideFile).replaceAll('.', '%2e'),
  ])('is rejected unsigned, signed, in part and normalized: %j', async (path) => {
    const signed = link(path);
    for (const target of [`/files/${path}`, `/files/${path}${query}`, `/${path}${query}`, signed]) {
      expectError(await send(target), statuses, { secrets: [outsideContent, 'root:'] });
    }
    const normalized = await fetch(gateway.origin + signed);
    expect(normalized.status).toBeGreaterThanOrEqual(400);
    expect(await normalized.text()).not.toContain(outsideContent);
  });
});

describe('a malformed request for a file', () => {
  it.each(['/files/%', '/files/%zz', '/files/%E0%A4%A', '/files/a%ff', '/files/a%00b', '/%zz'])(
    'is rejected in the form of GraphQL errors: %s',
    async (path) => {
      const query = queryOf(link('a', { fileName: 'telltale.csv' }));
      const secrets = ['telltale', String(new URLSearchParams(query).get('signature'))];
      for (const target of [path, path + query]) {
        expectError(await send(target), [400, 403, 404], { secrets });
      }
    },
  );

  it('is rejected when it is longer than any link, and the server keeps serving', async () => {
    for (const length of [9_000, 12_000, 20_000]) {
      const { status } = await send(`/files/${'a'.repeat(length)}${queryOf(link('a'))}`);
      expect([403, 404, 414, 431]).toContain(status);
    }
    expect((await send('/health/live')).status).toBe(200);
  });
});

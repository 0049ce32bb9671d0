import { hash } from 'node:crypto';
import { join } from 'node:path';

import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { readConfig } from '../../src/config/config.js';
import { createLogger } from '../../src/logger.js';
import { writeToStorage } from '../../src/sample/file-writer.js';
import { contentDispositionFor, contentTypeFor } from '../../src/storage/download-headers.js';
import { createFileReader, openStorage, type Storage } from '../../src/storage/open-storage.js';
import type { StoredFile } from '../../src/storage/url-signer.js';
import { describeWith } from '../support/describe-with.js';
import { startGateway } from '../support/gateway.js';
import { startSwift, type SwiftServer } from '../support/swift-server.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';

type Bucket = Storage & { readonly kind: 's3' };
const content = Buffer.from('id,name\r\n1,Zoë\r\n');
const usual: StoredFile = { objectKey: 'exports/8jQd2v1s7F/data.csv', fileName: 'Contacts.csv' };

function openBucket(FILES_URL: string): Promise<Bucket> {
  const { files } = readConfig({ FILES_URL });
  return openStorage(files, { logger: createLogger('silent') }) as Promise<Bucket>;
}

describeWith('objectStorage', 'object storage that verifies signatures', () => {
  const built = useBuiltGateway();
  let server: SwiftServer;
  let endpoint: string;
  let filesUrl: string;
  let storage: Bucket;

  beforeAll(async () => {
    server = await startSwift();
    endpoint = `http://localhost:${server.port}`;
    filesUrl = `s3://exports/of%20ours?region=us-east-1&endpoint=${endpoint}&forcePathStyle=true`;
    Object.assign(process.env, server.environment);
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    for (const Bucket of ['exports', 'others']) {
      await client.send(new CreateBucketCommand({ Bucket }));
    }
    storage = await openBucket(filesUrl);
  });
  afterAll(() => server.stop());

  /** A link to an existing file, signed some seconds ago. */
  async function goodLink(file = usual, secondsAgo = 0): Promise<string> {
    await writeToStorage(storage, { ...file, content });
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - secondsAgo * 1000);
    const { url } = await storage.links.sign(file);
    clock.mockRestore();
    return url;
  }

  async function statusOf(url: string, init?: RequestInit): Promise<number> {
    const response = await fetch(url, init);
    await response.arrayBuffer();
    return response.status;
  }

  it.each(['Contacts.csv', 'a "b" %41;+.json', 'Größe 表 اب 🎉.csv', 'no ending'])(
    'serves a file under its name: %s',
    async (fileName) => {
      const response = await fetch(await goodLink({ ...usual, fileName }));
      expect(await response.text()).toBe(content.toString());
      expect(response.headers.get('content-type')).toBe(contentTypeFor(fileName));
      expect(response.headers.get('content-disposition')).toBe(contentDispositionFor(fileName));
    },
  );

  it.each([
    'größe/表/اب/🎉/e\u0301/\u00e9.csv',
    `100%/%2F // a+b ()'!*~ ?#&=;:@$, "\\" <> | ^ \` {} [].csv`,
    'k'.repeat(512),
  ])('finds the key %j', async (objectKey) => {
    const response = await fetch(await goodLink({ objectKey, fileName: 'a.csv' }));
    expect([response.status, await response.text()]).toEqual([200, content.toString()]);
  });

  it.each([
    ['signature', /(?<=Signature=)./, '_'],
    ['key', 'data.csv', 'errors.csv'],
    ['bucket', '/exports/', '/others/'],
    ['file name', 'Contacts.csv', 'Contacts.exe'],
    ['lifetime', 'X-Amz-Expires=900', 'X-Amz-Expires=9000'],
    ['host', 'localhost', '127.0.0.1'],
    ['query, with one more parameter', /$/, '&response-expires=0'],
  ])('rejects a link with another %s', async (_, from, to) => {
    await goodLink({ ...usual, objectKey: usual.objectKey.replace('data', 'errors') });
    const link = await goodLink();
    expect(await statusOf(link)).toBe(200);
    expect(await statusOf(link.replace(from, to))).toBe(403);
  });

  it('rejects PUT and DELETE with a link for reading', async () => {
    const link = await goodLink();
    for (const method of ['PUT', 'DELETE']) expect(await statusOf(link, { method })).toBe(403);
    expect(await statusOf(link)).toBe(200);
  });

  it('accepts a link until its expiry only', async () => {
    expect(await statusOf(await goodLink(usual, 840))).toBe(200);
    expect(await statusOf(await goodLink(usual, 901))).toBe(403);
  });

  it('rejects a link and a write signed with other credentials', async () => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'guessed';
    const untrusted = await openBucket(filesUrl);
    process.env['AWS_SECRET_ACCESS_KEY'] = server.secretAccessKey;
    await goodLink();
    expect(await statusOf((await untrusted.links.sign(usual)).url)).toBe(403);
    await expect(writeToStorage(untrusted, { objectKey: 'a.csv', content })).rejects.toThrow(
      `FILES_URL names s3://exports/of ours at ${endpoint}, where files cannot be written (403 SignatureDoesNotMatch).`,
    );
  });

  it('rejects a write to a missing bucket', async () => {
    const missing = await openBucket(filesUrl.replace('//exports', '//missing'));
    const written = writeToStorage(missing, { objectKey: 'a.csv', content });
    await expect(written).rejects.toThrow('(404 NoSuchBucket)');
  });

  it.each([
    ['a short file', 'id,name\r\n1,Zoë\r\n', true],
    ['a file without bytes', '', true],
    ['a file as long as what is read', 'x'.repeat(100), true],
    ['a longer file', 'x'.repeat(101), false],
  ])('returns the beginning of %s', async (_name, text, isWhole) => {
    const file = { objectKey: 'größe/%2F a+b.csv', fileName: 'a.csv' };
    await writeToStorage(storage, { ...file, content: Buffer.from(text) });
    const read = createFileReader(storage).readStart(file, 100, new AbortController().signal);
    expect(await read).toEqual({ bytes: Buffer.from(text.slice(0, 100)), isWhole });
  });

  it('returns no beginning of a missing object, and an error without the right to it', async () => {
    const missing = { objectKey: 'missing.csv', fileName: 'a.csv' };
    const { signal } = new AbortController();
    expect(await createFileReader(storage).readStart(missing, 100, signal)).toBeNull();
    for (const [from, to, problem] of [
      ['//exports', '//absent', '404 NoSuchBucket'],
      ['region=us-east-1', 'region=eu-west-1', '400 AuthorizationQueryParametersError'],
    ] as const) {
      const reader = createFileReader(await openBucket(filesUrl.replace(from, to)));
      await expect(reader.readStart(missing, 100, signal)).rejects.toThrow(problem);
    }
  });

  it('receives the files of npm run sample, which the links of a gateway download', async () => {
    const env = { FILES_URL: filesUrl, ...server.environment };
    const program = built.command('sample', built.folder, { args: ['--exports', '60'], env });
    // A slow machine sees lines of progress.
    const progress = expect.stringMatching(/^(\d+ of 60 exports, .+\n)*$/);
    expect([await program.ended, program.stderr()]).toEqual([0, progress]);
    expect(program.log.map(({ msg }) => msg).join()).toMatch(
      /^Added 60 sample exports to data\/exports\.sqlite and \d+ files \([\d.]+ MB\) to s3:\/\/exports\/of ours at http:\/\/localhost:\d+ in /,
    );

    const { files } = readConfig({ FILES_URL: filesUrl });
    const database = { kind: 'embedded', path: join(built.folder, 'data/exports.sqlite') } as const;
    const gateway = await startGateway({ config: database }, { config: { files } });
    try {
      const { data, linksSigned } = await gateway.queryCountingLinks<{
        exports: { data: { files: { state: string; url: string | null; sha256: string }[] }[] };
      }>(`{ exports(limit: 100, includeCsv: true, includeJson: true) {
              data { files { state url sha256 } } } }`);
      // The samples differ each time: their seed is the time.
      const stored = data.exports.data
        .flatMap(({ files }) => files)
        .filter(({ state }) => state === 'READY');
      expect(stored.length).toBeGreaterThan(0);
      expect(linksSigned).toBe(stored.length);
      for (const { url, sha256 } of stored) {
        const bytes = Buffer.from(await (await fetch(url ?? '')).arrayBuffer());
        expect(hash('sha256', bytes)).toBe(sha256);
      }
      expect(await statusOf(`${gateway.origin}/files/exports/1/csv`)).toBe(404);
      const previews = await gateway.query<{
        exports: { data: { files: { state: string; preview: object | null }[] }[] };
      }>('{ exports(limit: 20) { data { files { state preview(rows: 3) { columns rows } } } } }');
      for (const { files } of previews.data.exports.data) {
        for (const { state, preview } of files) {
          const table = { columns: expect.any(Array), rows: expect.any(Array) };
          expect(preview).toEqual(state === 'READY' ? table : null);
        }
      }
      expect(JSON.stringify(gateway.log)).not.toMatch(/X-Amz-|Signature/);
    } finally {
      await gateway.close();
    }
  });
});

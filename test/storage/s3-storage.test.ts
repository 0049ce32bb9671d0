import { createHash } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { readConfig } from '../../src/config/config.js';
import type { S3FilesConfig } from '../../src/config/files.js';
import { createTestDataSource } from '../support/data-source.js';
import { ExportFileKind, ExportFileRow } from '../../src/exports/export-file.js';
import type { StoredFile } from '../../src/storage/url-signer.js';
import { openStorage, type Storage } from '../../src/storage/open-storage.js';
import { createLogger } from '../../src/logger.js';
import { writeToStorage } from '../../src/sample/file-writer.js';
import { startProgram } from '../support/built-gateway.js';
import { describeWith } from '../support/describe-with.js';
import { engines } from '../support/engines.js';
import { startGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { startSwift, type SwiftServer } from '../support/swift-server.js';

const logger = createLogger('silent');
const content = Buffer.from('id,name\r\n1,Zoë\r\n');
const usual: StoredFile = { objectKey: 'exports/8jQd2v1s7F/data.csv', fileName: 'Contacts.csv' };

/** What makes a process hold these credentials and no others. */
function credentialsOf(accessKeyId: string, secretAccessKey: string): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
}

function filesConfig(FILES_URL: string): S3FilesConfig {
  const { files } = readConfig({ FILES_URL });
  if (files.kind !== 's3') throw new Error(`${FILES_URL} is no bucket`);
  return files;
}

async function openBucket(FILES_URL: string): Promise<Storage & { kind: 's3' }> {
  const storage = await openStorage(filesConfig(FILES_URL), logger);
  if (storage.kind !== 's3') throw new Error(`${FILES_URL} is no bucket`);
  return storage;
}

describeWith('objectStorage', 'object storage that verifies signatures', () => {
  let server: SwiftServer;
  let endpoint: string;
  let filesUrl: string;
  let credentials: Record<string, string>;
  let storage: Storage & { kind: 's3' };

  beforeAll(async () => {
    server = await startSwift();
    endpoint = `http://localhost:${server.port}`;
    filesUrl = `s3://exports/of%20ours?region=us-east-1&endpoint=${endpoint}&forcePathStyle=true`;
    credentials = credentialsOf(server.accessKeyId, server.secretAccessKey);
    Object.assign(process.env, credentials);
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    for (const Bucket of ['exports', 'others'])
      await client.send(new CreateBucketCommand({ Bucket }));
    storage = await openBucket(filesUrl);
  });
  afterAll(() => server.stop());

  const put = ({ objectKey }: StoredFile) => writeToStorage(storage, { objectKey, content });
  const linkTo = async (file: StoredFile) => (await storage.links.sign(file)).url;

  /** A link to a file that is there. */
  async function goodLink(file = usual): Promise<string> {
    await put(file);
    return linkTo(file);
  }

  /** The same link, made some seconds ago. */
  async function olderLink(seconds: number): Promise<string> {
    await put(usual);
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - seconds * 1000);
    const link = await linkTo(usual);
    clock.mockRestore();
    return link;
  }

  async function statusOf(url: string, init?: RequestInit): Promise<number> {
    const response = await fetch(url, init);
    await response.arrayBuffer();
    return response.status;
  }

  it.each([
    ['Contacts.csv', 'attachment; filename=Contacts.csv', 'text/csv; charset=utf-8'],
    ['a "b" %41;+.json', undefined, 'application/json; charset=utf-8'],
    ['Größe 表 اب 🎉.csv', undefined, 'text/csv; charset=utf-8'],
    ['no ending', 'attachment; filename="no ending"', 'application/octet-stream'],
  ])('serves a file under its name: %s', async (fileName, disposition, contentType) => {
    const response = await fetch(await goodLink({ ...usual, fileName }));
    expect(Buffer.from(await response.arrayBuffer())).toEqual(content);
    const given = response.headers.get('content-disposition') ?? '';
    if (disposition !== undefined) expect(given).toBe(disposition);
    const encoded = /filename\*=UTF-8''([^;]+)/.exec(given)?.[1];
    if (encoded !== undefined) expect(decodeURIComponent(encoded)).toBe(fileName);
    else expect(given.replaceAll('\\"', '"')).toContain(fileName);
    expect(response.headers.get('content-type')).toBe(contentType);
  });

  it.each([
    'with spaces .csv',
    'a+b+.csv',
    '100%/%2F%.csv',
    "()'!*~-_.csv",
    'größe/表/اب/🎉.csv',
    'e\u0301/\u00e9.csv',
    'double//slash//.csv',
    'a?b#c&d=e;f:g@h$i,j.csv',
    '"quotes" \\ <back> | ^ ` {} [].csv',
    'k'.repeat(512),
  ])('finds the key %j', async (objectKey) => {
    const response = await fetch(await goodLink({ objectKey, fileName: 'a.csv' }));
    expect([response.status, await response.text()]).toEqual([200, content.toString()]);
  });

  it('serves a range of a file', async () => {
    const response = await fetch(await goodLink(), { headers: { Range: 'bytes=3-6' } });
    expect([response.status, await response.text()]).toEqual([206, 'name']);
    expect(response.headers.get('content-disposition')).toBe('attachment; filename=Contacts.csv');
  });

  it('accepts the bucket in the host', async () => {
    await put(usual);
    const { links } = await openBucket(filesUrl.replace('&forcePathStyle=true', ''));
    const { host, pathname, search } = new URL((await links.sign(usual)).url);
    expect(host).toBe(`exports.localhost:${server.port}`);
    // Not every resolver knows that all names below localhost are this machine.
    const [status, body] = await new Promise<[number | undefined, string]>((resolve, reject) => {
      request({
        host: '127.0.0.1',
        port: server.port,
        path: pathname + search,
        headers: { Host: host },
      })
        .once('response', (response) => {
          text(response).then((all) => {
            resolve([response.statusCode, all]);
          }, reject);
        })
        .once('error', reject)
        .end();
    });
    expect([status, body]).toEqual([200, content.toString()]);
  });

  it.each<[what: string, change: (link: string) => string]>([
    ['signature', (link) => link.replace(/(?<=Signature=)./, (sign) => (sign === '0' ? '1' : '0'))],
    ['signature, left out', (link) => link.replace(/&X-Amz-Signature=\w+/, '')],
    ['key', (link) => link.replace('data.csv', 'errors.csv')],
    ['bucket', (link) => link.replace('/exports/', '/others/')],
    ['file name', (link) => link.replace('Contacts.csv', 'Contacts.exe')],
    ['content type', (link) => link.replace('text%2Fcsv', 'text%2Fhtml')],
    ['life', (link) => link.replace('X-Amz-Expires=900', 'X-Amz-Expires=9000')],
    [
      'date',
      (link) =>
        link.replace(/(?<=X-Amz-Date=\d{8}T\d{5})\d/, (digit) => String((Number(digit) + 1) % 10)),
    ],
    ['region', (link) => link.replace('us-east-1', 'us-east-2')],
    ['user', (link) => link.replace('test%3Atester', 'test%3Aanother')],
    ['host', (link) => link.replace('localhost', '127.0.0.1')],
    ['query, with more in it', (link) => `${link}&response-expires=0`],
    ['query, with less in it', (link) => link.replace(/&response-content-type=[^&]+/, '')],
  ])('rejects a link with another %s', async (_, change) => {
    await put({ ...usual, objectKey: usual.objectKey.replace('data', 'errors') });
    const link = await goodLink();
    const changed = change(link);
    expect(changed).not.toBe(link);
    expect(await statusOf(link)).toBe(200);
    // A region that it does not have is no longer a question of who may.
    expect(await statusOf(changed)).toBe(changed.includes('us-east-2') ? 400 : 403);
  });

  it('rejects PUT and DELETE with a link that reads', async () => {
    const link = await goodLink();
    for (const method of ['PUT', 'DELETE']) expect(await statusOf(link, { method })).toBe(403);
    expect(await statusOf(link)).toBe(200);
  });

  it('accepts a link until its expiry only', async () => {
    expect(await statusOf(await olderLink(840))).toBe(200);
    expect(await statusOf(await olderLink(901))).toBe(403);
  });

  it('rejects a link and a write signed with other credentials', async () => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'guessed';
    const untrusted = await openBucket(filesUrl);
    process.env['AWS_SECRET_ACCESS_KEY'] = server.secretAccessKey;
    await put(usual);
    expect(await statusOf((await untrusted.links.sign(usual)).url)).toBe(403);
    await expect(writeToStorage(untrusted, { objectKey: 'a.csv', content })).rejects.toThrow(
      `FILES_URL names s3://exports/of ours at ${endpoint}, where files cannot be written (403 SignatureDoesNotMatch).`,
    );
  });

  it('rejects a write to a missing bucket', async () => {
    const nowhere = await openBucket(filesUrl.replace('//exports', '//nowhere'));
    const written = writeToStorage(nowhere, { objectKey: 'a.csv', content });
    await expect(written).rejects.toThrow('(404 NoSuchBucket)');
  });

  it('serves the links of a gateway', async () => {
    await put({ ...usual, objectKey: 'exports/1/csv' });
    const embedded = engines.find(({ engine }) => engine === 'embedded');
    const database = await embedded?.provide();
    if (database === undefined) throw new Error('There is no embedded database');
    const gateway = await startGateway(database, { config: { files: filesConfig(filesUrl) } });
    try {
      await insertRows(gateway.source, {
        exports: [exportRow(0)],
        files: [
          fileRow(0, ExportFileKind.CSV, { objectKey: 'exports/1/csv', fileName: 'Größe.csv' }),
        ],
      });
      const { data, linksSigned } = await gateway.query<{
        export: {
          csvUrl: string;
          csvErrorUrl: null;
          files: { url: string | null; urlExpiresAt: string | null }[];
        };
      }>(
        `{ export(id: "${exportId(0)}", includeCsv: true) { csvUrl csvErrorUrl files { url urlExpiresAt } } }`,
      );
      const { csvUrl, csvErrorUrl, files } = data.export;
      expect([csvErrorUrl, linksSigned]).toEqual([null, 2]);
      const response = await fetch(csvUrl);
      expect(await response.text()).toBe(content.toString());
      expect(response.headers.get('content-disposition')).toMatch(/UTF-8''Gr%C3%B6%C3%9Fe\.csv$/);
      for (const { url, urlExpiresAt } of files.filter((file) => file.url !== null)) {
        const query = new URL(url ?? '').searchParams;
        const time = (query.get('X-Amz-Date') ?? '').replace(/^(....)(..)(...)(..)/, '$1-$2-$3$4:');
        const signedAt = Date.parse(time.replace(/(\d\d)Z$/, ':$1Z'));
        expect(Date.parse(urlExpiresAt ?? '')).toBe(signedAt + 900_000);
      }
      expect(await statusOf(`${gateway.origin}/files/exports/1/csv`)).toBe(404);
      expect(JSON.stringify(gateway.log)).not.toMatch(/X-Amz-|Signature/);
    } finally {
      await gateway.close();
      await database.dispose();
    }
  });

  it('receives the files of npm run sample', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const folder = await mkdtemp(join(tmpdir(), 'sample-bucket-'));
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const command = [
      '--import',
      '@swc-node/register/esm-register',
      join(root, 'src/commands/sample.ts'),
    ];
    const env = {
      SWC_NODE_PROJECT: join(root, 'tsconfig.json'),
      FILES_URL: filesUrl,
      ...credentials,
    };
    const program = startProgram([...command, '--exports', '60'], folder, env);
    expect([await program.ended, program.stderr()]).toEqual([0, '']);
    expect(program.log.map(({ msg }) => msg).join()).toMatch(
      /^Added 60 sample exports to data\/exports\.sqlite and \d+ files \([\d.]+ MB\) to s3:\/\/exports\/of ours at http:\/\/localhost:\d+ in /,
    );

    const source = await createTestDataSource({
      kind: 'embedded',
      path: join(folder, 'data/exports.sqlite'),
    });
    await source.initialize();
    const files = await source.getRepository(ExportFileRow).find();
    await source.destroy();
    await rm(folder, { recursive: true });
    expect(files.length).toBeGreaterThan(60);
    for (const row of files) {
      const response = await fetch(await linkTo(row));
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(row.sha256);
    }
  });
});

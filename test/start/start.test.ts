import 'reflect-metadata';

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { startProgram, type StartedProgram } from '../support/built-gateway.js';
import { createTables, createTestDataSource } from '../support/data-source.js';
import { createDatabaseProxy } from '../support/database-proxy.js';
import { describeWith } from '../support/describe-with.js';
import { postQuery } from '../support/exports-server.js';
import { moduleHook } from '../support/module-hook.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { exportRow, exportRows } from '../support/rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { expectFailedStart, useBuiltGateway } from '../support/use-built-gateway.js';

const { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } = fs;
const built = useBuiltGateway();

async function query<Data>(origin: string, document: string): Promise<Data> {
  const { status, data, code } = await postQuery<Data>(origin, document);
  expect([status, code]).toEqual([200, undefined]);
  return data;
}

/** Every file below a folder with its size and modification time. */
async function listFiles(folder: string) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Promise.all(
    paths.map(async (path) => {
      const { size, mtimeMs } = await stat(path);
      return { path, size, mtimeMs };
    }),
  );
}

async function embeddedRows(folder: string) {
  const path = join(folder, 'data/exports.sqlite');
  const source = await createTestDataSource({ kind: 'embedded', path });
  await source.initialize();
  const read = <Row>(table: string) => source.query<Row[]>(`SELECT * FROM ${table} ORDER BY 1, 2`);
  const rows = {
    exports: await read('exports'),
    files: await read<{ object_key: string }>('export_files'),
    migrations: await read('exports_gateway_migrations'),
  };
  await source.destroy();
  return rows;
}

const serverEnv = (url: string) => ({
  DATABASE_URL: url,
  FILES_SIGNING_SECRET: 'the secret of the tests',
  AUTH: 'off',
});

async function occupyPort(host = '127.0.0.1'): Promise<[Server, number]> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  return [server, (server.address() as AddressInfo).port];
}

describe('the first start in an empty folder', () => {
  let program: StartedProgram;
  let origin: string;
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'first-start-test-'));
    program = built.start(home);
    origin = await program.origin();
  });
  afterAll(async () => {
    await built.endAll(home);
    await rm(home, { recursive: true });
  });

  const names = async () =>
    (await readdir(join(home, 'data'))).filter((name) => !/-(shm|wal)$/.test(name)).sort();

  async function links(): Promise<string[]> {
    const { exports } = await query<{
      exports: { data: { csvUrl: string | null; jsonUrl: string | null }[] };
    }>(
      origin,
      `{ exports(limit: 100, direction: DESC, filter: { statuses: [COMPLETED] }, includeCsv: true, includeJson: true) {
           data { csvUrl jsonUrl } } }`,
    );
    const urls = exports.data.flatMap(({ csvUrl, jsonUrl }) => [csvUrl, jsonUrl]);
    const found = urls.filter((url) => url !== null);
    expect(found.length).toBeGreaterThan(20);
    return found;
  }

  it('logs the URL of GraphiQL, the database and the files, and no warning', async () => {
    await program.untilLine(/^Files/);
    const lines = program.log.filter(({ level }) => level === 30).map(({ msg }) => msg);
    expect(lines.slice(-4)).toEqual([
      `Listening ${origin}`,
      `GraphiQL  ${origin}/graphql`,
      'Database  data/exports.sqlite',
      `Files     ${join(home, 'data/files')}`,
    ]);
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(program.stderr()).toBe('');
    expect(program.log.filter(({ level }) => level > 30)).toEqual([]);
  });

  it('creates a database of about 250 exports and exactly the files that its rows name', async () => {
    const rows = await embeddedRows(home);
    expect(Math.abs(rows.exports.length - 250)).toBeLessThanOrEqual(10);
    expect(rows.migrations.length).toBeGreaterThan(0);
    expect(rows.files.length).toBeGreaterThan(100);
    const stored = (await listFiles(join(home, 'data/files'))).map(({ path }) => path);
    const named = rows.files.map(({ object_key }) => join(home, 'data/files', object_key));
    expect(new Set(named)).toEqual(new Set(stored));
  });

  it('creates files that its links download', async () => {
    for (const link of await links()) {
      expect(link.startsWith(`${origin}/files/`)).toBe(true);
      const response = await fetch(link);
      const { byteLength } = await response.arrayBuffer();
      expect([link, response.status, byteLength > 0]).toEqual([link, 200, true]);
    }
  });

  it('writes only below data, and the signing secret for its owner only', async () => {
    expect(await readdir(home)).toEqual(['data']);
    expect(await names()).toEqual(['exports.sqlite', 'files', 'signing-secret']);
    expect((await stat(join(home, 'data/signing-secret'))).mode & 0o777).toBe(0o600);
  });

  it('is followed by a second start that changes nothing and accepts the links', async () => {
    const [link = ''] = await links();
    program.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    const state = async () => ({
      rows: await embeddedRows(home),
      files: await listFiles(join(home, 'data/files')),
      secret: await readFile(join(home, 'data/signing-secret'), 'utf8'),
      names: await names(),
    });
    const before = await state();

    const second = built.start(home);
    const response = await fetch(link.replace(origin, await second.origin()));
    expect(response.status).toBe(200);
    second.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(await state()).toEqual(before);
  });
});

describe('a running gateway', () => {
  it('moves its samples, and exits with status 0 meanwhile', async () => {
    const program = built.start(built.folder, { SAMPLE_WORKER: '' });
    const origin = await program.origin();
    await program.untilLine(/^Samples {3}are moving; SAMPLE_WORKER=off stops them$/);
    const shares = new Set<number>();
    await until(async () => {
      const { exports } = await query<{
        exports: { data: { progress: number; estimatedCompletionAt: string | null }[] };
      }>(
        origin,
        `{ exports(filter: { statuses: [PROCESSING] }, orderBy: UPDATED_AT, direction: DESC, limit: 3) {
             data { progress estimatedCompletionAt } } }`,
      );
      // The samples that no worker advances have no estimate.
      for (const { progress, estimatedCompletionAt } of exports.data) {
        if (estimatedCompletionAt !== null) shares.add(progress);
      }
      return shares.size >= 3 ? true : undefined;
    }, 30_000);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(program.stderr()).toBe('');
    expect(program.log.filter(({ level }) => level > 30)).toEqual([]);
  });

  it('listens on PORT and HOST, IPv6 included, and exits with status 0 on SIGINT', async () => {
    const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const hasIpv6 = addresses.some(({ address }) => address === '::1');
    const [host, urlHost] = hasIpv6 ? ['::1', '[::1]'] : ['127.0.0.2', '127.0.0.2'];
    const [server, port] = await occupyPort(host);
    server.close();
    await once(server, 'close');
    const program = built.start(built.folder, { PORT: String(port), HOST: host });
    expect(await program.origin()).toBe(`http://${urlHost}:${port}`);
    const { msg } = await program.untilLine(/^GraphiQL/);
    expect(msg).toBe(`GraphiQL  http://${urlHost}:${port}/graphql`);
    // Leaves an idle connection open, which must not delay the exit.
    const live = await fetch(`http://${urlHost}:${port}/health/live`);
    expect([live.status, (await live.arrayBuffer()).byteLength > 0]).toEqual([200, true]);
    program.kill('SIGINT');
    expect(await program.ended).toBe(0);
    expect(program.log.slice(-2).map(({ msg }) => msg)).toEqual(['SIGINT: closing', 'Closed']);
    expect(program.stderr()).toBe('');
  });

  it('reads .env, over which the environment takes precedence, and shows no GraphiQL in production', async () => {
    const { folder } = built;
    await writeFile(join(folder, '.env'), 'FILES_URL=file:elsewhere\nFILES_URL_TTL=0\n');
    const program = built.start(folder, { FILES_URL_TTL: '60', NODE_ENV: 'production' });
    const origin = await program.origin();
    expect((await program.untilLine(/^Files/)).msg).toBe(`Files     ${join(folder, 'elsewhere')}`);
    expect(program.log.some(({ msg }) => msg.startsWith('GraphiQL'))).toBe(false);
    const page = await fetch(`${origin}/graphql`, { headers: { accept: 'text/html' } });
    expect(await page.text()).not.toMatch(/<html/i);
  });
});

/** A Node option that makes packages unresolvable, as on a platform for which they were not installed. */
function without(packages: RegExp): string {
  return moduleHook(`import { isBuiltin } from 'node:module';
  export async function resolve(specifier, context, next) {
    const isPackage = /^[@a-z]/.test(specifier) && !specifier.includes(':') && !isBuiltin(specifier);
    if (isPackage && ${String(packages)}.test(specifier)) throw new Error(specifier + ' is not here');
    return next(specifier, context);
  }`);
}

it('starts without loading a package from node_modules but libsql and jsonc-parser', async () => {
  const env = { NODE_OPTIONS: without(/^(?!libsql$|jsonc-parser$)/), FILES_URL: 'file:files' };
  await built.start(built.folder, env).origin();
});

describe('a failed start exits with status 1 and names', () => {
  it('a PORT that is in use', async () => {
    const [server, port] = await occupyPort();
    const program = built.start(built.folder, { PORT: String(port) });
    expect(await expectFailedStart(program)).toMatch(
      new RegExp(`^PORT ${port} is .+ on 127\\.0\\.0\\.1\\. .+ set another PORT\\.\n$`),
    );
    server.close();
  });

  it('every invalid setting at once, before it creates or connects to anything', async () => {
    const [server, port] = await occupyPort();
    let connections = 0;
    server.on('connection', () => connections++);
    const program = built.start(built.folder, {
      PORT: 'abc',
      DATABASE_URL: `mysql://reader:pa55-horse@127.0.0.1:${port}/exports`,
    });
    const words = await expectFailedStart(program);
    expect(words.match(/^\S+/gm)?.toSorted()).toEqual(['FILES_SIGNING_SECRET', 'PORT']);
    expect(words).not.toContain('pa55-horse');
    expect(connections).toBe(0);
    expect(await readdir(built.folder)).toEqual([]);
    expect(program.log).toEqual([]);
    server.close();
  });

  it.each(['192.0.2.1', 'no-such-host.invalid'])('a HOST that it cannot use: %s', async (HOST) => {
    const program = built.start(built.folder, { HOST, AUTH: 'off' });
    expect(await expectFailedStart(program)).toMatch(new RegExp(`^HOST ${HOST} .+\\.\n$`));
  });

  it('the missing driver of the embedded database', async () => {
    const program = built.start(built.folder, { NODE_OPTIONS: without(/^libsql$/) });
    const message = /^The database driver libsql cannot be loaded on this machine\. .*npm ci/;
    expect(await expectFailedStart(program)).toMatch(message);
  });

  it.each([
    ['a database that is not SQLite', 'data/exports.sqlite', /^The database .+ cannot be used \(/],
    ['a file where its folder belongs', 'data', /data\b.*\n$/],
    ['a file in place of FILES_URL', 'no-folder', /FILES_URL|no-folder/],
  ])('%s', async (_, path, message) => {
    await mkdir(join(built.folder, path, '..'), { recursive: true });
    await writeFile(join(built.folder, path), randomBytes(10_000));
    const program = built.start(built.folder, { FILES_URL: 'file:no-folder' });
    expect(await expectFailedStart(program)).toMatch(message);
  });
});

describeWith('mysql', 'a gateway on a MySQL server', () => {
  let database: TestDatabase;
  const name = () => new URL(database.url).pathname.slice(1);

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await built.endAll(built.folder);
    await database.drop();
  });

  it('logs that the server is unreachable and still obeys SIGTERM', async () => {
    const closed = await createDatabaseProxy(database.url);
    const program = built.start(built.folder, serverEnv(closed.url));
    await program.untilLine(/does not respond .*Retrying until/);
    program.kill('SIGTERM');
    await program.ended;
    expect(JSON.stringify(program.log)).not.toContain('Listening');
  });

  it('reads and returns times in UTC in any time zone of the process', async () => {
    const createdAt = '2026-03-29T01:59:59.001Z';
    const expiresAt = '2026-03-08T07:00:00.500Z';
    const row = exportRow(0, { createdAt: new Date(createdAt), expiresAt: new Date(expiresAt) });
    await createTables(mysqlConfig(database.url), { exports: [row] });
    const stored = 'SELECT CAST(created_at AS CHAR) AS time FROM exports';
    expect(await database.query(stored)).toEqual([{ time: '2026-03-29 01:59:59.001' }]);
    const env = { ...serverEnv(database.url), TZ: 'America/New_York' };
    const origin = await built.start(built.folder, env).origin();
    const { exports } = await query<{
      exports: { data: object[]; pagination: { endCursor: string } };
    }>(origin, `{ exports { data { createdAt expiresAt } pagination { endCursor } } }`);
    expect(exports.data).toEqual([{ createdAt, expiresAt }]);
    const after = JSON.stringify(exports.pagination.endCursor);
    const next = await query(origin, `{ exports(after: ${after}) { data { id } } }`);
    expect(next).toEqual({ exports: { data: [] } });
  });

  it('serves as a user with SELECT only', async () => {
    await createTables(mysqlConfig(database.url), { exports: exportRows(2) });
    const user = await database.createUser();
    await database.query(`GRANT SELECT ON ${name()}.* TO ?@?`, [user.name, '%']);

    const program = built.start(built.folder, serverEnv(user.url));
    const origin = await program.origin();
    expect((await program.untilLine(/^Database/)).msg).toBe(
      `Database  mysql://${new URL(database.url).host}/${name()}`,
    );
    const fields = 'data { csvUrl } pagination { totalCount }';
    const data = [{ csvUrl: null }, { csvUrl: null }];
    expect(await query(origin, `{ exports(includeCsv: true) { ${fields} } }`)).toEqual({
      exports: { data, pagination: { totalCount: 2 } },
    });
    expect(JSON.stringify(program.log)).not.toContain(user.password.slice(-8));
    // Without samples.
    expect(await database.query('SELECT id FROM exports')).toHaveLength(2);
  });

  const typeorm = (command: string) =>
    built.typeorm(built.folder, command, { DATABASE_URL: database.url });
  const tables = async () =>
    (await database.query<Record<string, string>>('SHOW TABLES'))
      .flatMap((row) => Object.values(row))
      .sort();

  it('gets its tables once from migration:run, and migration:revert reverts the last one', async () => {
    await typeorm('migration:run');
    const log = 'exports_gateway_migrations';
    expect(await tables()).toEqual(['api_keys', 'export_files', 'exports', log]);
    const applied = await database.query(`SELECT * FROM ${log}`);
    expect(applied.length).toBeGreaterThan(0);
    await typeorm('migration:run');
    expect(await database.query(`SELECT * FROM ${log}`)).toEqual(applied);

    await typeorm('migration:revert');
    expect(await database.query(`SELECT * FROM ${log}`)).toEqual(applied.slice(0, -1));
  });

  it('has an ormconfig that reports an invalid DATABASE_URL without its password', async () => {
    const failed = built.typeorm(built.folder, 'migration:run', {
      DATABASE_URL: 'postgres://a:pa55-horse@db/exports',
    });
    await expect(failed).rejects.toThrow(/DATABASE_URL has the scheme postgres/);
    await expect(failed).rejects.not.toThrow(/pa55-horse/);
  });

  it('has an ormconfig that reads .env', async () => {
    await writeFile(join(built.folder, '.env'), `DATABASE_URL=${database.url}\n`);
    await built.typeorm(built.folder, 'migration:run');
    expect(await tables()).toContain('exports');
    expect(await readdir(built.folder)).toEqual(['.env']);
  });
});

it('npm run dev starts the source and restarts it after a change', async () => {
  for (const part of ['src', 'tsconfig.json', 'package.json']) {
    await fs.cp(resolve(part), join(built.folder, part), { recursive: true });
  }
  await fs.symlink(resolve('node_modules'), join(built.folder, 'node_modules'));
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
    scripts: { dev: string };
  };
  const [node, ...args] = scripts.dev.split(' ');
  expect(node).toBe('node');

  const program = startProgram(args, built.folder, { PATH: process.env['PATH'] ?? '', PORT: '0' });
  const starts = () => program.log.filter(({ msg }) => msg.startsWith('GraphiQL')).length;
  const untilStarts = (count: number) => until(() => starts() >= count || undefined, 50_000);
  try {
    await untilStarts(1);
    await fs.appendFile(join(built.folder, 'src/errors.ts'), '\n');
    await untilStarts(2);
  } finally {
    program.kill('SIGTERM');
    await program.ended;
  }
  expect(program.stderr()).toBe('');
}, 120_000);

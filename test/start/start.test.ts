import 'reflect-metadata';

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../../src/config/database.js';
import { connectDatabase } from '../../src/database/connect.js';
import { createTestDataSource } from '../support/data-source.js';
import { StartupError } from '../../src/errors.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { exportRow, insertRows } from '../support/rows.js';
import { buildGateway, type BuiltGateway, type StartedProgram } from '../support/built-gateway.js';
import { createDatabaseProxy } from '../support/database-proxy.js';
import { entities } from '../../src/entities.js';

let built: BuiltGateway;
/** The working directory of a test: empty, and its own. */
let folder: string;

beforeAll(async () => {
  built = await buildGateway();
});
afterAll(() => built.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'start-test-'));
});
afterEach(async () => {
  await built.endAll(folder);
  await rm(folder, { recursive: true });
});

/** A container may have no IPv6. */
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
const ifIpv6 = hasIpv6 ? it : it.skip;

/** Waits until the gateway listens, and gives its origin. */
async function originOf(program: StartedProgram): Promise<string> {
  const { msg } = await program.untilLine(/^Listening /);
  return msg.slice('Listening '.length).trim();
}

async function ask<Data>(origin: string, query: string): Promise<Data> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
  expect([response.status, errors]).toEqual([200, undefined]);
  return data;
}

/** Everything below a folder: each file with its size and the time it was last written. */
async function listing(of: string): Promise<[path: string, size: number, writtenAt: number][]> {
  const entries = await readdir(of, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.sort().map(async (path) => {
      const { size, mtimeMs } = await stat(path);
      return [path, size, mtimeMs] as [string, number, number];
    }),
  );
}

async function openSource(config: DatabaseConfig): Promise<DataSource> {
  const source = await createTestDataSource(config);
  return source.initialize();
}

/** All rows of the embedded database, as they are written. */
async function embeddedRows(
  home: string,
): Promise<{ exports: unknown[]; files: { object_key: string }[]; migrations: unknown[] }> {
  const source = await openSource({ kind: 'embedded', path: join(home, 'data/exports.sqlite') });
  try {
    return {
      exports: await source.query('SELECT * FROM exports ORDER BY id'),
      files: await source.query('SELECT * FROM export_files ORDER BY export_id, kind'),
      migrations: await source.query('SELECT * FROM migrations'),
    };
  } finally {
    await source.destroy();
  }
}

/** Ends by itself, with status 1, words for a person and no stack; gives the words. */
async function expectRefusalToStart(program: StartedProgram): Promise<string> {
  expect(await program.ended).toBe(1);
  const words = program.complaints();
  expect(words).toMatch(/\S.*\n$/);
  expect(words).not.toMatch(/^\s+at |node:internal|Error:/m);
  expect(program.log.filter(({ msg }) => msg.startsWith('Listening'))).toEqual([]);
  return words;
}

const onServer = (url: string) => ({
  DATABASE_URL: url,
  FILES_SIGNING_SECRET: 'the secret of the tests',
  AUTH: 'off',
});

describe('a first start in an empty folder', () => {
  let program: StartedProgram;
  let origin: string;
  /** That of the program: one start is enough for all that looks at what it did. */
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'first-start-test-'));
    program = built.start(home);
    origin = await originOf(program);
  });
  afterAll(async () => {
    await built.endAll(home);
    await rm(home, { recursive: true });
  });

  it('says where GraphiQL is, which database it uses and which files', async () => {
    await program.untilLine(/^Files/);
    const said = program.log.filter(({ level }) => level === 30).map(({ msg }) => msg);
    expect(said.slice(-4)).toEqual([
      `Listening ${origin}`,
      `GraphiQL  ${origin}/graphql`,
      'Database  data/exports.sqlite',
      `Files     ${join(home, 'data/files')}`,
    ]);
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(program.complaints()).toBe('');
    const page = await fetch(`${origin}/graphql`, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/html'),
    ]);
  });

  it('warns of nothing', () => {
    expect(program.log.filter(({ level }) => level > 30)).toEqual([]);
  });

  it('makes a database of about 250 exports, and their files', async () => {
    const { exports } = await ask<{
      exports: { data: { id: string }[]; pagination: { totalCount: number } };
    }>(origin, '{ exports { data { id } pagination { totalCount } } }');
    // The rest belongs to another organization.
    expect(exports.pagination.totalCount).toBeGreaterThan(100);
    expect(exports.data).toHaveLength(10);
    const rows = await embeddedRows(home);
    expect(rows.exports.length).toBeGreaterThanOrEqual(240);
    expect(rows.exports.length).toBeLessThanOrEqual(260);
    expect(rows.migrations.length).toBeGreaterThan(0);
    expect(rows.files.length).toBeGreaterThan(100);
    const stored = new Set((await listing(join(home, 'data/files'))).map(([path]) => path));
    const keys = rows.files.map(({ object_key }) => join(home, 'data/files', object_key));
    expect(new Set(keys)).toEqual(stored);
  });

  it('makes files that its links download', async () => {
    const { exports } = await ask<{
      exports: { data: { csvUrl: string | null; jsonUrl: string | null }[] };
    }>(
      origin,
      `{ exports(limit: 100, direction: DESC, filter: { statuses: [COMPLETED] }, includeCsv: true, includeJson: true) {
           data { csvUrl jsonUrl } } }`,
    );
    const links = exports.data.flatMap(({ csvUrl, jsonUrl }) =>
      [csvUrl, jsonUrl].filter((url) => url !== null),
    );
    expect(links.length).toBeGreaterThan(20);
    for (const link of links) {
      expect(link.startsWith(`${origin}/files/`)).toBe(true);
      const response = await fetch(link);
      const { byteLength } = await response.arrayBuffer();
      expect([link, response.status, byteLength > 0]).toEqual([link, 200, true]);
    }
  });

  it('writes below data and nowhere else, and its secret for nobody else to read', async () => {
    expect(await readdir(home)).toEqual(['data']);
    expect(
      (await readdir(join(home, 'data')))
        .filter((name) => !name.startsWith('exports.sqlite'))
        .sort(),
    ).toEqual(['files', 'signing-secret']);
    expect((await stat(join(home, 'data/signing-secret'))).mode & 0o777).toBe(0o600);
  });
});

describe('a second start', () => {
  it('changes nothing, is quick, and honours the links of the first', async () => {
    const first = built.start(folder);
    const firstOrigin = await originOf(first);
    const { exports } = await ask<{ exports: { data: { csvUrl: string | null }[] } }>(
      firstOrigin,
      '{ exports(limit: 100, direction: DESC, filter: { statuses: [COMPLETED] }, includeCsv: true) { data { csvUrl } } }',
    );
    first.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    const state = async () => ({
      rows: await embeddedRows(folder),
      files: await listing(join(folder, 'data/files')),
      secret: await readFile(join(folder, 'data/signing-secret'), 'utf8'),
      names: (await readdir(join(folder, 'data'))).filter((name) => !/-(shm|wal)$/.test(name)),
    });
    const before = await state();

    const startedAt = Date.now();
    const second = built.start(folder);
    const origin = await originOf(second);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    const link = exports.data.find(({ csvUrl }) => csvUrl !== null)?.csvUrl ?? '';
    const response = await fetch(link.replace(firstOrigin, origin));
    expect(response.status).toBe(200);
    second.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(await state()).toEqual(before);
  });

  it('does not fill up a database that has exports of its own', async () => {
    await mkdir(join(folder, 'data'));
    const source = await openSource({
      kind: 'embedded',
      path: join(folder, 'data/exports.sqlite'),
    });
    await source.runMigrations();
    await insertRows(source, { exports: [exportRow(0)] });
    await source.destroy();
    await originOf(built.start(folder));
    expect((await embeddedRows(folder)).exports).toHaveLength(1);
  });
});

describe('a running gateway', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends with status 0 on %s', async (signal) => {
    const program = built.start(folder);
    const origin = await originOf(program);
    // An idle connection must not keep it.
    await (await fetch(`${origin}/health/ready`)).arrayBuffer();
    const signalled = Date.now();
    program.kill(signal);
    expect(await program.ended).toBe(0);
    expect(Date.now() - signalled).toBeLessThan(3_000);
    expect(program.log.slice(-2).map(({ msg }) => msg)).toEqual([`${signal}: closing`, 'Closed']);
    expect(program.complaints()).toBe('');
  });

  it('in production has no GraphiQL, and does not speak of it', async () => {
    const program = built.start(folder, { NODE_ENV: 'production' });
    const origin = await originOf(program);
    await program.untilLine(/^Files/);
    expect(program.log.some(({ msg }) => msg.startsWith('GraphiQL'))).toBe(false);
    const page = await fetch(`${origin}/graphql`, { headers: { accept: 'text/html' } });
    expect(await page.text()).not.toMatch(/<html/i);
  });

  ifIpv6('listens where PORT and HOST say', async () => {
    const port = await freePort();
    const program = built.start(folder, { PORT: String(port), HOST: '::1' });
    expect(await originOf(program)).toBe(`http://[::1]:${port}`);
    const { msg } = await program.untilLine(/^GraphiQL/);
    expect(msg).toBe(`GraphiQL  http://[::1]:${port}/graphql`);
    expect((await fetch(`http://[::1]:${port}/health/live`)).status).toBe(200);
  });

  it('reads .env in its working directory, over which the environment wins', async () => {
    await writeFile(
      join(folder, '.env'),
      'FILES_URL=file:elsewhere\nORGANIZATION=org_of_the_file\nFILES_URL_TTL=0\n',
    );
    const refused = built.start(folder);
    expect(await expectRefusalToStart(refused)).toMatch(/^FILES_URL_TTL .*\n$/);

    const program = built.start(folder, { FILES_URL_TTL: '60' });
    const origin = await originOf(program);
    expect((await program.untilLine(/^Files/)).msg).toBe(`Files     ${join(folder, 'elsewhere')}`);
    const { exports } = await ask<{ exports: { data: object[] } }>(
      origin,
      '{ exports { data { id } } }',
    );
    expect(exports.data).toEqual([]);
  });
});

async function freePort(): Promise<number> {
  const [server, port] = await occupyPort();
  server.close();
  await once(server, 'close');
  return port;
}

async function occupyPort(): Promise<[Server, number]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No TCP port is free.');
  return [server, address.port];
}

describe('a gateway that cannot start says why, and ends with status 1:', () => {
  it('its PORT is taken', async () => {
    const [server, port] = await occupyPort();
    try {
      const words = await expectRefusalToStart(built.start(folder, { PORT: String(port) }));
      expect(words).toBe(
        `PORT ${port} is taken on 127.0.0.1. Stop what listens there, or set another PORT.\n`,
      );
    } finally {
      server.close();
    }
  });

  it.each([
    { what: 'no address of this machine', HOST: '192.0.2.1' },
    { what: 'the name of no machine', HOST: 'no-such-host.invalid' },
  ])('its HOST is $what', async ({ HOST }) => {
    const words = await expectRefusalToStart(built.start(folder, { HOST, AUTH: 'off' }));
    expect(words).toMatch(new RegExp(`^HOST ${HOST.replaceAll('.', '\\.')} .+\\.\n$`));
  });

  it('every mistake of its configuration at once, before it makes or opens anything', async () => {
    const [server, port] = await occupyPort();
    let connections = 0;
    server.on('connection', () => connections++);
    try {
      const program = built.start(folder, {
        PORT: 'abc',
        DATABASE_URL: `mysql://reader:pa55-horse@127.0.0.1:${port}/exports`,
        FILES_URL: 'ftp://files.example.com',
        GRAPHIQL: 'yes',
        LOG_LEVEL: 'loud',
      });
      const words = await expectRefusalToStart(program);
      expect(
        words
          .trimEnd()
          .split('\n')
          .map((line) => line.split(' ', 1)[0]),
      ).toEqual(['PORT', 'FILES_URL', 'GRAPHIQL', 'LOG_LEVEL', 'FILES_SIGNING_SECRET']);
      expect(words).not.toContain('pa55-horse');
      expect(connections).toBe(0);
      expect(await readdir(folder)).toEqual([]);
      expect(program.log).toEqual([]);
    } finally {
      server.close();
    }
  });

  it.each(['postgres', 'mongodb', 'mariadb', 'http'])(
    'its DATABASE_URL has the scheme %s',
    async (scheme) => {
      const words = await expectRefusalToStart(
        built.start(folder, onServer(`${scheme}://reader:pa55-horse@db/exports`)),
      );
      expect(words).toBe(
        `DATABASE_URL has the scheme ${scheme}, which is not supported: write mysql://user:password@host:3306/database.\n`,
      );
    },
  );

  it('its password in DATABASE_URL has a percent sign that encodes nothing', async () => {
    const words = await expectRefusalToStart(
      built.start(folder, onServer('mysql://reader:100%horse@127.0.0.1:1/exports')),
    );
    expect(words).toMatch(/^DATABASE_URL /);
    expect(words).not.toContain('horse');
  });

  it('its database file is none', async () => {
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'data/exports.sqlite'), randomBytes(10_000));
    const words = await expectRefusalToStart(built.start(folder));
    expect(words).toMatch(/^The database data\/exports\.sqlite cannot be used \(.+\)\.\n$/);
  });

  it('it cannot make its folder, for there is a file of that name', async () => {
    await writeFile(join(folder, 'data'), '');
    const words = await expectRefusalToStart(built.start(folder));
    expect(words).toMatch(/data\b.*\n$/);
  });

  it('its FILES_URL names a file instead of a folder', async () => {
    await writeFile(join(folder, 'not-a-folder'), '');
    const words = await expectRefusalToStart(
      built.start(folder, { FILES_URL: 'file:not-a-folder' }),
    );
    expect(words).toMatch(/FILES_URL|not-a-folder/);
  });
});

/** Connects as the gateway does, with what it logs meanwhile; a line can be waited for. */
function connectWithLog(url: string, patienceMs: number) {
  const lines: { level: number; msg: string }[] = [];
  let heard: () => void = () => undefined;
  const firstRetry = new Promise<void>((resolve) => (heard = resolve));
  const write = (line: string) => {
    const entry = JSON.parse(line) as { level: number; msg: string };
    lines.push(entry);
    if (/Trying again/.test(entry.msg)) heard();
  };
  const logger = pino({ level: 'info' }, { write });
  const source = connectDatabase({ kind: 'mysql', url }, { entities, logger, patienceMs });
  // Each test awaits it, though not before other things.
  source.catch(() => undefined);
  return { source, lines, firstRetry };
}

async function refusalToConnect(
  url: string,
  patienceMs = 20_000,
): Promise<{ words: string; lines: { level: number; msg: string }[]; ms: number }> {
  const startedAt = Date.now();
  const { source, lines } = connectWithLog(url, patienceMs);
  const error = await source.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StartupError))
    throw new Error('It connected, or failed otherwise', { cause: error });
  expect(error.problems).toHaveLength(1);
  expect(String(error.problems[0])).toMatch(/\.$/);
  return { words: String(error.problems[0]), lines, ms: Date.now() - startedAt };
}

describe('a MySQL database', () => {
  let database: TestDatabase;
  /** A user of the test server's that may do nothing yet. */
  let user: { name: string; password: string };

  beforeEach(async () => {
    database = await createTestDatabase();
    const name = `u_${randomBytes(6).toString('hex')}`;
    user = { name, password: `p@ss:w/o?r#d%${randomBytes(4).toString('hex')}` };
    await database.query('CREATE USER ?@? IDENTIFIED BY ?', [name, '%', user.password]);
  });
  afterEach(async () => {
    await built.endAll(folder);
    await database.query('DROP USER ?@?', [user.name, '%']);
    await database.drop();
  });

  async function migrate(): Promise<void> {
    const source = await openSource({ kind: 'mysql', url: database.url });
    await source.runMigrations();
    await source.destroy();
  }

  function urlOf(password = user.password): string {
    const url = new URL(database.url);
    url.username = user.name;
    url.password = encodeURIComponent(password);
    return url.href;
  }

  const name = () => new URL(database.url).pathname.slice(1);

  it('that does not answer is tried again until patience ends', async () => {
    const closed = await createDatabaseProxy(urlOf());
    const { words, lines, ms } = await refusalToConnect(closed.url, 2_500);
    const { host } = new URL(closed.url);
    expect(words).toMatch(
      new RegExp(
        `^The database mysql://${host}/${name()} does not answer \\(.*ECONNREFUSED.*\\)\\. Start it, or correct DATABASE_URL\\.$`,
      ),
    );
    const retries = lines.filter(({ msg }) => msg.includes('Trying again until'));
    expect(retries.map(({ level }) => level)).toEqual([40, 40]);
    expect(ms).toBeLessThan(2_500);
    expect(JSON.stringify([words, lines])).not.toContain(user.password.slice(-8));
  });

  it('that comes up late is waited for', async () => {
    await migrate();
    await database.query(`GRANT SELECT ON ${name()}.* TO ?@?`, [user.name, '%']);
    const late = await createDatabaseProxy(urlOf());
    const { source, firstRetry } = connectWithLog(late.url, 30_000);
    await firstRetry;
    await late.open();
    const connected = await source;
    expect(await connected.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await connected.destroy();
    await late.close();
  });

  ifIpv6('that is named by an IPv6 address is found there', async () => {
    await migrate();
    const proxy = await createDatabaseProxy(database.url, '::1');
    await proxy.open();
    try {
      expect(proxy.url).toContain('@[::1]:');
      const source = await connectWithLog(proxy.url, 0).source;
      expect(await source.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await source.destroy();
    } finally {
      await proxy.close();
    }
  });

  it('that does not answer lets the process say so, and be ended meanwhile', async () => {
    const closed = await createDatabaseProxy(urlOf());
    const program = built.start(folder, onServer(closed.url));
    const { level, msg } = await program.untilLine(/Trying again until/);
    expect(level).toBe(40);
    expect(msg).toContain(`mysql://${new URL(closed.url).host}/${name()} does not answer`);
    program.kill('SIGTERM');
    await program.ended;
    expect(JSON.stringify(program.log) + program.complaints()).not.toContain(
      user.password.slice(-8),
    );
    expect(program.log.some(({ msg: line }) => line.startsWith('Listening'))).toBe(false);
  });

  it('that refuses the password is not asked again', async () => {
    const { words, lines } = await refusalToConnect(urlOf('pa55-wrong'));
    expect(words).toMatch(
      / cannot be used \(.*ER_ACCESS_DENIED_ERROR.*\)\. Check the user and the password in DATABASE_URL\.$/,
    );
    expect(lines).toEqual([]);
    expect(words).not.toContain('pa55-wrong');
  });

  it('that is not there', async () => {
    const url = database.url.replace(name(), 'there_is_none');
    const { words, lines } = await refusalToConnect(url);
    expect(words).toMatch(
      /there_is_none cannot be used \(.*\)\. Create the database that DATABASE_URL names, or name another\.$/,
    );
    expect(lines).toEqual([]);
  });

  it('that the user may not use', async () => {
    const { words } = await refusalToConnect(urlOf());
    expect(words).toMatch(
      / cannot be used \(.*\)\. Allow the user of DATABASE_URL to read this database\.$/,
    );
  });

  it('whose tables the user may not all read', async () => {
    await migrate();
    for (const table of ['exports', 'api_keys']) {
      await database.query(`GRANT SELECT ON ${name()}.${table} TO ?@?`, [user.name, '%']);
    }
    const { words } = await refusalToConnect(urlOf());
    expect(words).toMatch(
      / cannot be used \(.*export_files.*\)\. Grant SELECT on its tables to the user of DATABASE_URL\.$/,
    );
  });

  it('without tables', async () => {
    const { words, lines } = await refusalToConnect(database.url);
    expect(words).toMatch(/ cannot be used \(.*\)\. Run npm run migrate with this DATABASE_URL\.$/);
    expect(lines).toEqual([]);
    expect(await database.query('SHOW TABLES')).toEqual([]);
  });

  it.each([
    'ALTER TABLE exports DROP COLUMN failure_reason',
    'DROP TABLE export_files',
    'DROP INDEX exports_by_count_total ON exports',
  ])('with tables of before a migration: %s', async (change) => {
    await migrate();
    await database.query(change);
    const { words } = await refusalToConnect(database.url);
    expect(words).toMatch(/ cannot be used \(.*\)\. Run npm run migrate with this DATABASE_URL\.$/);
  });

  it('without tables ends the process with status 1 and these words', async () => {
    const words = await expectRefusalToStart(built.start(folder, onServer(database.url)));
    expect(words).toContain('Run npm run migrate with this DATABASE_URL.\n');
    expect(await readdir(folder)).toEqual([]);
  });

  it('holds times in UTC, wherever the gateway runs', async () => {
    await migrate();
    await database.query(
      `INSERT INTO exports (id, organization_id, name, resource, status, created_at, updated_at, expires_at)
       VALUES ('exp_1', 'org_demo', 'One', 'contact', 'queued',
               '2026-03-29 01:59:59.001', '2026-07-01 12:00:00.000', '2026-03-08 07:00:00.500')`,
    );
    const program = built.start(folder, {
      ...onServer(database.url),
      TZ: 'America/New_York',
    });
    const origin = await originOf(program);
    const query = `{ exports { data { createdAt updatedAt expiresAt } pagination { endCursor } } }`;
    const { exports } = await ask<{
      exports: { data: object[]; pagination: { endCursor: string } };
    }>(origin, query);
    expect(exports.data).toEqual([
      {
        createdAt: '2026-03-29T01:59:59.001Z',
        updatedAt: '2026-07-01T12:00:00.000Z',
        expiresAt: '2026-03-08T07:00:00.500Z',
      },
    ]);
    const after = JSON.stringify(exports.pagination.endCursor);
    const behind = await ask<{ exports: { data: object[] } }>(
      origin,
      `{ exports(after: ${after}) { data { id } } }`,
    );
    expect(behind.exports.data).toEqual([]);
  });

  it('serves with a user who may do no more than SELECT', async () => {
    await migrate();
    const source = await openSource({ kind: 'mysql', url: database.url });
    await insertRows(source, { exports: [exportRow(0), exportRow(1)] });
    await source.destroy();
    await database.query(`GRANT SELECT ON ${name()}.* TO ?@?`, [user.name, '%']);

    const program = built.start(folder, onServer(urlOf()));
    const origin = await originOf(program);
    expect((await program.untilLine(/^Database/)).msg).toBe(
      `Database  mysql://${new URL(database.url).host}/${name()}`,
    );
    const { exports } = await ask<{ exports: { data: object[]; pagination: object } }>(
      origin,
      `{ exports(filter: { search: "export" }, includeCsv: true) {
           data { id name csvUrl files { state } } pagination { totalCount hasMore } } }`,
    );
    expect([exports.data.length, exports.pagination]).toEqual([
      2,
      { totalCount: 2, hasMore: false },
    ]);
    expect((await fetch(`${origin}/health/ready`)).status).toBe(200);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(JSON.stringify(program.log)).not.toContain(user.password.slice(-8));
    // What it was given, and not filled with samples.
    expect(await database.query('SELECT id FROM exports')).toHaveLength(2);
  });

  describe('by npm run migrate', () => {
    const migrated = (command: string) =>
      built.typeorm(folder, command, { DATABASE_URL: database.url });
    const tables = async () =>
      (await database.query<Record<string, string>>('SHOW TABLES'))
        .flatMap((row) => Object.values(row))
        .sort();

    it('gets its tables, once, serves with them, and loses them by migration:revert', async () => {
      await migrated('migration:run');
      expect(await tables()).toEqual(
        expect.arrayContaining(['export_files', 'exports', 'migrations']),
      );
      const done = await database.query('SELECT * FROM migrations');
      expect(done.length).toBeGreaterThan(0);
      await migrated('migration:run');
      expect(await database.query('SELECT * FROM migrations')).toEqual(done);

      const program = built.start(folder, onServer(database.url));
      const { exports } = await ask<{ exports: { data: object[] } }>(
        await originOf(program),
        '{ exports { data { id } } }',
      );
      expect(exports.data).toEqual([]);
      program.kill('SIGTERM');
      expect(await program.ended).toBe(0);

      // Each takes back one migration.
      for (let left = done.length; left > 0; left--) await migrated('migration:revert');
      expect(await tables()).toEqual(['migrations']);
      expect(await database.query('SELECT * FROM migrations')).toEqual([]);
    });

    it('is told in words what is wrong with DATABASE_URL', async () => {
      const refused = built.typeorm(folder, 'migration:run', {
        DATABASE_URL: 'postgres://a:pa55-horse@db/exports',
      });
      await expect(refused).rejects.toThrow(/DATABASE_URL has the scheme postgres/);
      await expect(refused).rejects.not.toThrow(/pa55-horse/);
    });

    it('reads .env, too', async () => {
      await writeFile(join(folder, '.env'), `DATABASE_URL=${database.url}\n`);
      await built.typeorm(folder, 'migration:run');
      expect(await tables()).toContain('exports');
      expect(await readdir(folder)).toEqual(['.env']);
    });
  });
});

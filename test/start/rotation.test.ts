import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';

import { createApp, type App } from '../../src/app.js';
import { readConfig } from '../../src/config/config.js';
import { signToken } from '../auth/credentials.js';
import type { LogLine } from '../support/built-gateway.js';
import { createTables } from '../support/data-source.js';
import { describeWith } from '../support/describe-with.js';
import { signLink } from '../support/gateway.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { post } from '../support/post.js';
import { exportRow } from '../support/rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const secretOf = (name: string) => `${name} secret of this test with 40 characters`;

describeWith('mysql', 'a running gateway with secrets in files', () => {
  let database: TestDatabase;
  let user: Awaited<ReturnType<TestDatabase['createUser']>>;
  let folder: string;
  let app: App;
  let origin: string;
  const log: LogLine[] = [];

  const file = (name: string) => join(folder, name);
  const write = (name: string, value: string) => writeFile(file(name), `${value}\n`);
  const warnings = () => log.filter(({ level }) => level >= 40).map(({ msg }) => msg);

  beforeAll(async () => {
    database = await createTestDatabase();
    await createTables(mysqlConfig(database.url), { exports: [exportRow(0)] });
    user = await database.createUser();
    const name = new URL(database.url).pathname.slice(1);
    await database.query(`GRANT SELECT ON ${name}.* TO ?@?`, [user.name, '%']);
    folder = await mkdtemp(join(tmpdir(), 'rotation-'));
    await write('a.csv', 'a');
    const secrets = {
      DATABASE_URL: user.url,
      FILES_SIGNING_SECRET: secretOf('first'),
      JWT_SECRET: secretOf('first'),
    };
    for (const [variable, value] of Object.entries(secrets)) await write(variable, value);
    const config = readConfig({
      ...{ PORT: '0', AUTH: 'required', FILES_URL: `file:${folder}` },
      DATABASE_URL_FILE: file('DATABASE_URL'),
      FILES_SIGNING_SECRET_FILE: file('FILES_SIGNING_SECRET'),
      JWT_SECRET_FILE: file('JWT_SECRET'),
    });
    const stream = { write: (line: string) => log.push(JSON.parse(line) as LogLine) };
    app = await createApp(config, pino({}, stream));
    origin = await app.listen();
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  async function list(signedWith: string): Promise<number> {
    const token = await signToken({ org_id: 'org_demo' }, { secret: secretOf(signedWith) });
    const headers = { authorization: `Bearer ${token}` };
    const body = { query: '{ exports { data { id } } }' };
    return (await post(`${origin}/graphql`, body, { headers, timeoutMs: 5_000 })).status;
  }

  async function download(signedWith: string): Promise<number> {
    return (await fetch(origin + signLink('a.csv', { secret: secretOf(signedWith) }))).status;
  }

  it('takes another password of the database as soon as the server rejects the old one', async () => {
    expect(await list('first')).toBe(200);
    const url = new URL(user.url);
    for (const password of ['second', 'third']) {
      url.password = password;
      await database.query('ALTER USER ?@? IDENTIFIED BY ?', [user.name, '%', password]);
      await write('DATABASE_URL', url.href);
      const sessions = 'SELECT id AS id FROM information_schema.processlist WHERE user = ?';
      for (const { id } of await database.query<{ id: number }>(sessions, [user.name])) {
        await database.query(`KILL ${id}`);
      }
      await until(
        async () => (await database.query(sessions, [user.name])).length === 0 || undefined,
      );
      const responses = Array.from({ length: 5 }, () => list('first'));
      // In the first second after it was read, the file is not read again.
      if (password === 'second') expect(await Promise.all(responses)).toEqual(Array(5).fill(200));
      await until(async () => (await list('first')) === 200 || undefined);
    }
    expect(log.map(({ msg }) => msg).join()).toMatch(/The credentials of mysql:.* have changed\./);
    expect(JSON.stringify(log)).not.toMatch(/second|third/);
  });

  it('takes another key of tokens with the first token that it signed', async () => {
    expect([await list('first'), await list('second')]).toEqual([200, 401]);
    await write('JWT_SECRET', secretOf('second'));
    await until(async () => (await list('second')) === 200 || undefined);
    expect(await list('first')).toBe(401);
  });

  it('verifies links by two secrets, until one is removed', async () => {
    expect([await download('first'), await download('second')]).toEqual([200, 403]);
    await write('FILES_SIGNING_SECRET', `${secretOf('second')},${secretOf('first')}`);
    await until(async () => (await download('second')) === 200 || undefined);
    expect(await download('first')).toBe(200);
    await write('FILES_SIGNING_SECRET', secretOf('second'));
    const isRemoved = async () => {
      await download('unknown');
      return (await download('first')) === 403 || undefined;
    };
    await until(isRemoved);
    expect(await download('second')).toBe(200);
  });

  it('keeps a key, and logs one line, while the file has none', async () => {
    const before = warnings().length;
    await write('JWT_SECRET', 'too short');
    const isLogged = async () => {
      expect(await list('third')).toBe(401);
      return warnings().length > before || undefined;
    };
    await until(isLogged);
    for (let count = 0; count < 5; count++) expect(await list('third')).toBe(401);
    expect(await list('second')).toBe(200);
    expect(warnings().slice(before)).toEqual(['The keys of tokens cannot be loaded']);
  });
});

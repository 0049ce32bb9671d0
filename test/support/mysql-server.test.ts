import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';

import { until } from './until.js';
import { thisMachine } from './apt.js';
import { describeWith } from './describe-with.js';
import { provideMysqlServer } from './mysql-server.js';
import { UnavailableError } from './requirements.js';
import { createTestDatabase } from './test-database.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mysql-server-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** The folders of private servers among the test's own temporary files. */
async function scratchFolders(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('mysql-test-'));
}

async function writeProgram(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

describeWith('mysql', 'the database server of the test run', () => {
  it('stores every character', async () => {
    const database = await createTestDatabase();
    try {
      await database.query('CREATE TABLE t (name VARCHAR(10))');
      await database.query('INSERT INTO t VALUES (?)', ['é漢🎉']);
      expect(await database.query('SELECT name, CHAR_LENGTH(name) AS length FROM t')).toEqual([
        { name: 'é漢🎉', length: 3 },
      ]);
    } finally {
      await database.drop();
    }
  });

  it('creates a separate database for every caller, and drops no other', async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await one.query('CREATE TABLE t (id integer)');
    expect(await one.query('SHOW TABLES')).toHaveLength(1);
    expect(await other.query('SHOW TABLES')).toEqual([]);

    await one.drop();
    await expect(createConnection({ uri: one.url })).rejects.toThrow(/Unknown database/);
    expect(await other.query("SELECT 'x' AS x")).toEqual([{ x: 'x' }]);
    await other.drop();
  });

  it('is the server of TEST_DATABASE_URL, which keeps running', async () => {
    const { TEST_DATABASE_URL } = process.env;
    for (let attempt = 0; attempt < 2; attempt++) {
      const server = await provideMysqlServer({ env: { TEST_DATABASE_URL }, folders: [] });
      expect(server.url).toBe(TEST_DATABASE_URL);
      expect(server.provider).toMatch(/^\d+\.\d+.*, from TEST_DATABASE_URL$/);
      await server.stop();
    }
  });
});

describe('provideMysqlServer', () => {
  it('rejects TEST_DATABASE_URL when nothing responds there, and takes no other server', async () => {
    const env = { TEST_DATABASE_URL: 'mysql://root@127.0.0.1:1/' };
    await expect(provideMysqlServer({ ...thisMachine, env })).rejects.toThrow(
      'The database server from TEST_DATABASE_URL does not respond.',
    );
  });

  it('rejects a TEST_MYSQLD that does not exist, and takes no other server', async () => {
    const env = { TEST_MYSQLD: join(folder, 'nowhere') };
    await expect(provideMysqlServer({ ...thisMachine, env })).rejects.toThrow(
      `TEST_MYSQLD names no executable file: ${join(folder, 'nowhere')}`,
    );
  });

  it('reports as unavailable a machine with only a Docker client and no engine', async () => {
    await writeProgram('docker', 'exit 1');
    await expect(provideMysqlServer({ env: {}, folders: [folder] })).rejects.toThrow(
      UnavailableError,
    );
  });

  it('reports the last lines of the log when the server ends at its start', async () => {
    await writeProgram('mariadb-install-db', 'exit 0');
    const script =
      'case "$*" in *--version*) echo MariaDB;; *) echo no room left >&2; exit 1;; esac';
    await writeProgram('mariadbd', script);
    await expect(provideMysqlServer({ env: {}, folders: [folder] })).rejects.toThrow(
      `${join(folder, 'mariadbd')} did not start:\nno room left\n`,
    );
    expect(await scratchFolders()).toEqual([]);
  });
});

describeWith('mysqlProgram', 'a private server', () => {
  const start = () =>
    provideMysqlServer({
      ...thisMachine,
      env: { TMPDIR: folder, TEST_MYSQLD: process.env['TEST_MYSQLD'] },
    });

  it('uses utf8mb4, and leaves no process or file when it is stopped', async () => {
    const server = await start();
    const connection = await createConnection({ uri: server.url });
    connection.on('error', () => undefined);
    const [rows] = await connection.query('SELECT @@character_set_server AS characters');
    expect(rows).toEqual([{ characters: 'utf8mb4' }]);
    expect(await scratchFolders()).toHaveLength(1);

    await server.stop();
    connection.destroy();
    await expect(createConnection({ uri: server.url })).rejects.toThrow(/ECONNREFUSED/);
    expect(await scratchFolders()).toEqual([]);
  });

  it('leaves no process or file when the process that started it is killed', async () => {
    const script = `
      const { provideMysqlServer } = await import('./test/support/mysql-server.ts');
      const { url } = await provideMysqlServer();
      console.log(url);`;
    const user = spawn(
      process.execPath,
      ['--import', '@swc-node/register/esm-register', '--input-type=module', '-e', script],
      {
        env: { ...process.env, TEST_DATABASE_URL: '', TMPDIR: folder },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [output] = (await once(user.stdout, 'data')) as [Buffer];
    const uri = output.toString().trim();
    await (await createConnection({ uri })).end();
    expect(await scratchFolders()).toHaveLength(1);

    user.kill('SIGKILL');
    await until(async () => (await scratchFolders()).length === 0 || undefined);
    await expect(createConnection({ uri })).rejects.toThrow(/ECONNREFUSED/);
  });
});

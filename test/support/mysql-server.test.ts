import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { thisMachine } from './apt.js';
import { findServerProgram, provideMysqlServer } from './mysql-server.js';
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
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

describe('the database server of the test run', () => {
  it('answers over TCP and keeps every character', async () => {
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

  it('gives every caller a database of its own', async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await one.query('CREATE TABLE t (id integer)');
    expect(await one.query('SHOW TABLES')).toHaveLength(1);
    expect(await other.query('SHOW TABLES')).toEqual([]);

    await one.drop();
    await expect(createConnection({ uri: one.url })).rejects.toThrow(/Unknown database/);
    expect(await other.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await other.drop();
  });
});

describe('provideMysqlServer', () => {
  it('says in one sentence what to provide when nothing is there', async () => {
    await expect(provideMysqlServer({ env: {}, folders: [folder] })).rejects.toThrow(
      /^The tests need a MySQL or MariaDB server: set TEST_DATABASE_URL [^.]+\.$/,
    );
  });

  it('takes the server of TEST_DATABASE_URL and leaves it running', async () => {
    const url = process.env['TEST_DATABASE_URL'] ?? '';
    const surroundings = { env: { TEST_DATABASE_URL: url }, folders: [folder] };
    const server = await provideMysqlServer(surroundings);
    expect(server.url).toBe(url);
    expect(server.provider).toMatch(/^\d+\.\d+.*, from TEST_DATABASE_URL$/);
    await server.stop();
    await (await provideMysqlServer(surroundings)).stop();
  });

  it('does not look elsewhere when nothing answers at TEST_DATABASE_URL', async () => {
    const env = { TEST_DATABASE_URL: 'mysql://root@127.0.0.1:1/' };
    await expect(provideMysqlServer({ ...thisMachine, env })).rejects.toThrow(
      'The database server from TEST_DATABASE_URL does not answer.',
    );
  });

  it('passes by a Docker client without an engine', async () => {
    await writeProgram('docker', 'exit 1');
    await expect(provideMysqlServer({ env: {}, folders: [folder] })).rejects.toThrow(
      /^The tests need/,
    );
  });

  it('gives up at once on a server that ends, and shows its log', async () => {
    await writeProgram('mariadb-install-db', 'exit 0');
    await writeProgram(
      'mariadbd',
      'case "$*" in *--version*) echo MariaDB;; *) echo no room left >&2; exit 1;; esac',
    );
    const started = Date.now();
    await expect(provideMysqlServer({ env: {}, folders: [folder] })).rejects.toThrow(
      `${join(folder, 'mariadbd')} did not start:\nno room left\n`,
    );
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  // A run on a server from elsewhere has no program to start.
  const ifInstalled = findServerProgram(thisMachine.folders) === undefined ? it.skip : it;

  ifInstalled('starts the private server with utf8mb4', async () => {
    const server = await provideMysqlServer({ ...thisMachine, env: { TMPDIR: folder } });
    const connection = await createConnection({ uri: server.url });
    const [rows] = await connection.query('SELECT @@character_set_server AS characters');
    await connection.end();
    await server.stop();
    expect(rows).toEqual([{ characters: 'utf8mb4' }]);
  });

  ifInstalled('ends the private server and removes its files when told to stop', async () => {
    const server = await provideMysqlServer({ ...thisMachine, env: { TMPDIR: folder } });
    const connection = await createConnection({ uri: server.url });
    connection.on('error', () => undefined);
    expect(await scratchFolders()).toHaveLength(1);
    await server.stop();
    connection.destroy();
    await expect(createConnection({ uri: server.url })).rejects.toThrow(/ECONNREFUSED/);
    expect(await scratchFolders()).toEqual([]);
  });

  ifInstalled('ends the private server when its user is killed', async () => {
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
    const deadline = Date.now() + 5_000;
    while ((await scratchFolders()).length > 0 && Date.now() < deadline) await sleep(20);
    expect(await scratchFolders()).toEqual([]);
    await expect(createConnection({ uri })).rejects.toThrow(/ECONNREFUSED/);
  });
});

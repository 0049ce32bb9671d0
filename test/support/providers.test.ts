import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';

import { thisMachine } from './apt.js';
import { startProgram } from './built-gateway.js';
import { provideChromium } from './chromium.js';
import { describeWith } from './describe-with.js';
import { provideMysqlServer } from './mysql-server.js';
import { UnavailableError } from './requirements.js';
import { createTestDatabase } from './test-database.js';
import { until } from './until.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'providers-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Writes an executable shell script, and returns its path. */
async function writeProgram(name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

/** A machine that has only the programs that the test has written. */
const poorMachine = (env: Record<string, string> = {}) => ({ env, folders: [folder] });

describe.each([
  { variable: 'TEST_CHROMIUM', provide: provideChromium },
  { variable: 'TEST_MYSQLD', provide: provideMysqlServer },
])('$provide.name', ({ variable, provide }) => {
  it(`rejects a ${variable} that names no program`, async () => {
    const path = join(folder, 'nowhere');
    await expect(provide({ ...thisMachine, env: { [variable]: path } })).rejects.toThrow(
      `${variable} names no executable file: ${path}`,
    );
  });

  it('reports as unavailable a machine without any program but a Docker client', async () => {
    await writeProgram('docker', 'exit 1');
    await expect(provide(poorMachine())).rejects.toThrow(UnavailableError);
  });
});

describe('provideChromium', () => {
  it('prefers the browser of TEST_CHROMIUM', async () => {
    const TEST_CHROMIUM = await writeProgram('given', 'exit 0');
    await writeProgram('chromium', 'exit 0');
    expect(await provideChromium(poorMachine({ TEST_CHROMIUM }))).toBe(TEST_CHROMIUM);
  });

  it('skips a chromium that only suggests its installation', async () => {
    await writeProgram('chromium', 'exit 1');
    const chrome = await writeProgram('google-chrome', 'echo Google Chrome 150');
    expect(await provideChromium(poorMachine())).toBe(chrome);
  });
});

describe('provideMysqlServer', () => {
  it('rejects TEST_DATABASE_URL when nothing responds there, and takes no other server', async () => {
    const env = { TEST_DATABASE_URL: 'mysql://root@127.0.0.1:1/' };
    await expect(provideMysqlServer({ ...thisMachine, env })).rejects.toThrow(
      'The database server from TEST_DATABASE_URL does not respond.',
    );
  });

  it('reports the log of a server that ends at its start', async () => {
    await writeProgram('mariadb-install-db', 'exit 0');
    const program = await writeProgram(
      'mariadbd',
      'case "$*" in *--version*) echo MariaDB;; *) echo no room left >&2; exit 1;; esac',
    );
    await expect(provideMysqlServer(poorMachine())).rejects.toThrow(
      `${program} did not start:\nno room left\n`,
    );
  });
});

describeWith('mysql', 'the database server of the test run', () => {
  it('creates a separate database for every caller, and drops no other', async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await one.query('CREATE TABLE t (name VARCHAR(10))');
    await one.query('INSERT INTO t VALUES (?)', ['é漢🎉']);
    expect(await one.query('SELECT name, CHAR_LENGTH(name) AS length FROM t')).toEqual([
      { name: 'é漢🎉', length: 3 },
    ]);
    expect(await other.query('SHOW TABLES')).toEqual([]);

    await one.drop();
    await expect(createConnection({ uri: one.url })).rejects.toThrow(/Unknown database/);
    expect(await other.query("SELECT 'x' AS x")).toEqual([{ x: 'x' }]);
    await other.drop();
  });

  it('is the server of TEST_DATABASE_URL, which keeps running', async () => {
    const { TEST_DATABASE_URL = '' } = process.env;
    for (let attempt = 0; attempt < 2; attempt++) {
      const server = await provideMysqlServer(poorMachine({ TEST_DATABASE_URL }));
      expect(server.url).toBe(TEST_DATABASE_URL);
      expect(server.provider).toMatch(/^\d+\.\d+.*, from TEST_DATABASE_URL$/);
      await server.stop();
    }
  });
});

describeWith('mysqlProgram', 'a private server', () => {
  it('uses utf8mb4, and leaves no process or file when it is stopped', async () => {
    const env = { TMPDIR: folder, TEST_MYSQLD: process.env['TEST_MYSQLD'] };
    const server = await provideMysqlServer({ ...thisMachine, env });
    const connection = await createConnection({ uri: server.url });
    connection.on('error', () => undefined);
    const [rows] = await connection.query('SELECT @@character_set_server AS characters');
    expect(rows).toEqual([{ characters: 'utf8mb4' }]);
    expect(await readdir(folder)).toHaveLength(1);

    await server.stop();
    connection.destroy();
    await expect(createConnection({ uri: server.url })).rejects.toThrow(/ECONNREFUSED/);
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves no process or file when the process that started it is killed', async () => {
    const script = `
      const { provideMysqlServer } = await import('./test/support/mysql-server.ts');
      console.log((await provideMysqlServer()).url);`;
    const options = ['--import', '@swc-node/register/esm-register', '--input-type=module'];
    const { env } = process;
    const user = startProgram([...options, '-e', script], '.', {
      ...env,
      ...{ TEST_DATABASE_URL: '', TMPDIR: folder },
    });
    const { msg: uri } = await user.untilLine(/^mysql:/);
    await (await createConnection({ uri })).end();
    const serverFolders = async () =>
      (await readdir(folder)).filter((name) => name.startsWith('mysql-test-'));
    expect(await serverFolders()).toHaveLength(1);

    user.kill('SIGKILL');
    await until(async () => (await serverFolders()).length === 0 || undefined);
    await expect(createConnection({ uri })).rejects.toThrow(/ECONNREFUSED/);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { programNamedBy, run, thisMachine } from './apt.js';
import { queryVersion } from './private-server.js';
import { UnavailableError } from './requirements.js';
import { unpackPackage } from './unpack-package.js';

/**
 * `npm run test:mysql`: runs the tests on MySQL instead of MariaDB; arguments go to Jest. It takes the server of
 * TEST_DATABASE_URL, the program of TEST_MYSQLD, or, on Debian, the newest MySQL, which it downloads once.
 */
try {
  const { version, source, env } = await provideMysql();
  if (/mariadb/i.test(version)) throw new UnavailableError(`${source} is MariaDB ${version}`);
  process.exitCode = await runTests(env);
  process.stderr.write(`The tests ran on MySQL ${version}, from ${source}.\n`);
} catch (error) {
  if (!(error instanceof UnavailableError)) throw error;
  process.stderr.write(
    `npm run test:mysql found no MySQL (${error.message}): set TEST_DATABASE_URL to the mysql://user:password@host:port/ of a user that may create databases, set TEST_MYSQLD to the path of a mysqld, or run it on Debian.\n`,
  );
  process.exitCode = 1;
}

/** The MySQL that the tests will run on, and the environment that makes them use it. */
async function provideMysql(): Promise<{ version: string; source: string; env: object }> {
  const uri = process.env['TEST_DATABASE_URL'];
  if (uri !== undefined && uri !== '') {
    const version = await queryVersion({ uri }).catch((cause: unknown) => {
      throw new UnavailableError(`TEST_DATABASE_URL: ${String(cause)}`, { cause });
    });
    return { version, source: 'TEST_DATABASE_URL', env: {} };
  }
  const program = programNamedBy('TEST_MYSQLD', thisMachine) ?? (await downloadMysql());
  const output = await run(program, ['--no-defaults', '--version'], { timeout: 20_000 });
  const version = /\bVer (\S+)/.exec(output)?.[1] ?? output;
  return { version, source: program, env: { TEST_MYSQLD: program } };
}

/**
 * The path of a script that runs the mysqld of Debian unstable. Its binaries need a newer C library than the
 * machine's, so the script starts them with the dynamic loader that was downloaded with them.
 */
async function downloadMysql(): Promise<string> {
  const root = await unpackPackage('mysql-server-core', 'sid');
  const files = await readdir(join(root, 'usr/lib'), { recursive: true });
  const loader = join(
    root,
    'usr/lib',
    files.find((file) => /-linux-gnu.ld-linux/.test(file)) ?? '',
  );
  const command = `"${loader}" --library-path "${dirname(loader)}" "${root}/usr/sbin/mysqld"`;
  const script = join(root, 'mysqld');
  const text = `#!/bin/sh\nexec ${command} "$@" --basedir="${root}/usr"\n`;
  await writeFile(script, text, { mode: 0o755 });
  return script;
}

async function runTests(env: object): Promise<number> {
  const child = spawn('npm', ['test', '--', ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  // The tests get Ctrl-C from the terminal themselves, and end before this process.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

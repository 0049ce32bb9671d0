import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import type { ConnectionOptions, RowDataPacket } from 'mysql2/promise';
import { findApt, findProgram, isRoot, run, thisMachine } from './apt.js';
import type { Surroundings } from './apt.js';

export interface MysqlServer {
  /** `mysql://user:password@host:port/` of a user that may create databases. */
  url: string;
  /** For people: the version, and the variable, program or image that it comes from. */
  provider: string;
  stop(): Promise<void>;
}

/**
 * A MySQL or MariaDB server for the tests, from the first source there is: TEST_DATABASE_URL, a server
 * program on this machine (started privately and thrown away by `stop`), a Docker engine, or, as root,
 * apt-get. Throws one sentence when there is no source at all.
 */
export async function provideMysqlServer(
  surroundings: Surroundings = thisMachine,
): Promise<MysqlServer> {
  const server = await startFirstAvailable(surroundings);
  try {
    const version = await askVersion({ uri: server.url });
    return { ...server, provider: `${version}, from ${server.provider}` };
  } catch (cause) {
    await server.stop();
    throw new Error(`The database server from ${server.provider} does not answer.`, { cause });
  }
}

async function startFirstAvailable(surroundings: Surroundings): Promise<MysqlServer> {
  const { env, folders } = surroundings;
  const given = env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') {
    return { url: given, provider: 'TEST_DATABASE_URL', stop: () => Promise.resolve() };
  }
  const present = findServerProgram(folders);
  if (present !== undefined) return startPrivateServer(present, surroundings);

  if (await dockerAnswers(folders)) return startContainer();

  const install = findApt(folders);
  if (install !== undefined) {
    await install('mariadb-server');
    const installed = findServerProgram(folders);
    if (installed !== undefined) return startPrivateServer(installed, surroundings);
  }
  throw new Error(
    'The tests need a MySQL or MariaDB server: set TEST_DATABASE_URL to the mysql://user:password@host:port/ of a user that may create databases, install mariadbd or mysqld, start Docker, or run as root on a Debian-like system with apt-get.',
  );
}

/** The server program that `provideMysqlServer` would start, if there is one. */
export function findServerProgram(folders: readonly string[]): string | undefined {
  return findProgram(['mariadbd', 'mysqld'], folders);
}

/**
 * Runs the server ("$@") until standard input ends, then kills it and removes its folder ($SCRATCH).
 * Standard input is a pipe whose other end only this Node process holds, and the system closes it
 * however that process ends. So the server outlives neither a `kill -9` of Jest nor a Ctrl-C, where an
 * exit handler would not run. SIGKILL is right for a server whose data goes to the bin anyway.
 * A server that ends by itself leaves the tail of its log on standard output.
 */
const guard = `
exec 3<&0
"$@" 3<&- >"$SCRATCH/server.log" 2>&1 &
server=$!
{ read -r _ <&3; kill -9 "$server"; } >/dev/null 2>&1 &
watcher=$!
wait "$server"
kill "$watcher" 2>/dev/null
tail -n 20 "$SCRATCH/server.log"
rm -rf "$SCRATCH"
`;

async function startPrivateServer(
  program: string,
  { env, folders }: Surroundings,
): Promise<MysqlServer> {
  const scratch = await mkdtemp(join(env['TMPDIR'] ?? tmpdir(), 'mysql-test-'));
  const socketPath = join(scratch, 's');
  // Both programs refuse to run as root unless told so by name.
  const user = isRoot() ? ['--user=root'] : [];
  let options: readonly string[];
  try {
    options = await initialize(program, { scratch, user, folders });
  } catch (error) {
    await rm(scratch, { recursive: true, force: true });
    throw error;
  }
  const port = await freePort();
  const args = [
    '--no-defaults',
    ...user,
    ...folderOptions(scratch),
    `--socket=${socketPath}`,
    `--pid-file=${join(scratch, 'pid')}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    '--character-set-server=utf8mb4',
    '--skip-log-bin',
    // Nothing here has to survive a power cut.
    '--innodb-flush-log-at-trx-commit=0',
    ...options,
  ];
  // A session of its own, or the Ctrl-C of a terminal would also end the guard, before its work.
  const guarded = spawn('/bin/sh', ['-c', guard, 'guard', program, ...args], {
    detached: true,
    // The shell's own remark that the server was killed is no news.
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...env, SCRATCH: scratch },
  });
  let log = '';
  guarded.stdout.setEncoding('utf8').on('data', (text: string) => (log += text));
  let hasEnded = false;
  const ended = once(guarded, 'close').then(() => {
    hasEnded = true;
  });
  const stop = async () => {
    guarded.stdin.end();
    await ended;
  };

  try {
    await untilReady({ socketPath, user: 'root' }, () => hasEnded);
  } catch (cause) {
    await stop();
    throw new Error(`${program} did not start:\n${log}`, { cause });
  }
  return { url: `mysql://root@127.0.0.1:${port}/`, provider: program, stop };
}

/** Fills the data folder, with a root that has no password, and returns the options only this kind of server knows. */
async function initialize(
  program: string,
  place: { scratch: string; user: readonly string[]; folders: readonly string[] },
): Promise<readonly string[]> {
  const common = ['--no-defaults', ...place.user, ...folderOptions(place.scratch)];
  // The name says little: MariaDB installs a mysqld, too.
  const version = await run(program, ['--no-defaults', '--version'], { timeout: 20_000 });
  if (!version.includes('MariaDB')) {
    await run(program, [...common, '--initialize-insecure'], { timeout: 120_000 });
    // The second is a folder in /var/lib by default, which may be missing or another user's.
    return ['--mysqlx=OFF', '--secure-file-priv=NULL'];
  }
  const installer = findProgram(['mariadb-install-db', 'mysql_install_db'], place.folders);
  if (installer === undefined) {
    throw new Error(`${program} is here without its mariadb-install-db.`);
  }
  const normal = ['--auth-root-authentication-method=normal', '--skip-test-db'];
  await run(installer, [...common, ...normal], { timeout: 120_000 });
  return [];
}

/** The folder for temporary tables is its own, too: two servers that start at once name theirs alike. */
function folderOptions(scratch: string): readonly string[] {
  return [`--datadir=${join(scratch, 'data')}`, `--tmpdir=${scratch}`];
}

/**
 * Readiness is asked through the socket file in the scratch folder: on a port that some other program
 * took in the meantime, an answer would not prove that it is our server that gave it.
 */
async function untilReady(options: ConnectionOptions, hasEnded: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await askVersion(options);
      return;
    } catch (error) {
      if (hasEnded() || Date.now() > deadline) throw error;
      await sleep(30);
    }
  }
}

async function askVersion(options: ConnectionOptions): Promise<string> {
  const connection = await createConnection(options);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      'SELECT VERSION() AS version, @@version_comment AS comment',
    );
    return `${String(rows[0]?.['version'])} (${String(rows[0]?.['comment'])})`;
  } finally {
    await connection.end();
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('No TCP port is free.');
  return address.port;
}

/** Asks the engine itself: often only the client is installed, and testcontainers would search for long. */
async function dockerAnswers(folders: readonly string[]): Promise<boolean> {
  const docker = findProgram(['docker'], folders);
  if (docker === undefined) return false;
  return run(docker, ['info', '--format', '{{.ServerVersion}}'], { timeout: 5_000 }).then(
    () => true,
    () => false,
  );
}

/** The container is also removed when Jest is killed: testcontainers' own reaper sees to it. */
async function startContainer(): Promise<MysqlServer> {
  const image = 'mysql:8.4';
  // Only here, because loading it takes longer than starting a private server.
  const { GenericContainer } = await import('testcontainers');
  const password = randomBytes(12).toString('hex');
  const container = await new GenericContainer(image)
    .withEnvironment({ MYSQL_ROOT_PASSWORD: password })
    .withCommand(['--character-set-server=utf8mb4', '--skip-log-bin', '--mysqlx=OFF'])
    .withTmpFs({ '/var/lib/mysql': 'rw' })
    .withExposedPorts(3306)
    .withStartupTimeout(180_000)
    .start();
  const url = `mysql://root:${password}@${container.getHost()}:${container.getMappedPort(3306)}/`;
  const stop = async () => {
    await container.stop();
  };
  try {
    await untilReady({ uri: url }, () => false);
  } catch (cause) {
    await stop();
    throw new Error(`The container of ${image} does not answer.`, { cause });
  }
  return { url, provider: `Docker image ${image}`, stop };
}

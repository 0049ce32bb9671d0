import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { createConnection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise';

import { findProgram, isRoot, programNamedBy, run, thisMachine, type Machine } from './apt.js';

export type PrivateServer = Awaited<ReturnType<typeof createPrivateServer>>;

/**
 * Runs the server ("$@") until standard input ends, then sends it $SIGNAL and, after KILL, removes its folder ($SCRATCH).
 * Standard input is a pipe to this Node process, which the system closes however the process ends. So the server
 * outlives neither a `kill -9` of Jest nor a Ctrl-C, which an exit handler would miss. A server whose data is kept gets
 * TERM. A server that ends by itself leaves the tail of its log on standard output, and its folder.
 */
const guard = `
exec 3<&0
"$@" 3<&- >"$SCRATCH/server.log" 2>&1 &
server=$!
{ read -r _ <&3; [ "$SIGNAL" = TERM ] || : >"$SCRATCH/over"; kill "-$SIGNAL" "$server"; } >/dev/null 2>&1 &
watcher=$!
wait "$server"
kill "$watcher" 2>/dev/null
tail -n 20 "$SCRATCH/server.log"
if [ -e "$SCRATCH/over" ]; then rm -rf "$SCRATCH"; fi
`;

interface PrivateServerOptions {
  /** The user that it runs as; only root can choose. */
  readonly user?: { readonly name: string; readonly uid: number; readonly gid: number };
  /** An existing folder that keeps the data between processes. Without it, the data is temporary. */
  readonly keptIn?: string;
}

/** The server program of TEST_MYSQLD, or one on this machine. */
export function findServerProgram(machine: Machine = thisMachine): string | undefined {
  return (
    programNamedBy('TEST_MYSQLD', machine) ?? findProgram(['mariadbd', 'mysqld'], machine.folders)
  );
}

function requireServerProgram(): string {
  const program = findServerProgram();
  if (program === undefined) throw new Error('Install mariadbd or mysqld.');
  return program;
}

/**
 * Prepares a database server on loopback, whose root has no password, that tests may stop and restart
 * with its data, always on the same port. Throws when there is no program.
 */
export async function createPrivateServer(
  program = requireServerProgram(),
  { env, folders }: Machine = thisMachine,
  { user, keptIn }: PrivateServerOptions = {},
) {
  const scratch = keptIn ?? (await mkdtemp(join(env['TMPDIR'] ?? tmpdir(), 'mysql-test-')));
  if (user !== undefined) await chown(scratch, user.uid, user.gid);
  const common = [
    '--no-defaults',
    // Both programs refuse to run as root unless --user names it.
    ...(isRoot() ? [`--user=${user?.name ?? 'root'}`] : []),
    `--datadir=${join(scratch, 'data')}`,
    // Servers that start at the same time would use the same names for temporary tables.
    `--tmpdir=${scratch}`,
  ];
  const port = await freePort();
  const socketPath = join(scratch, 's');
  const args = [
    ...common,
    `--socket=${socketPath}`,
    `--pid-file=${join(scratch, 'pid')}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    '--character-set-server=utf8mb4',
    // The data must survive a crash of the server, but not of the machine.
    '--innodb-flush-log-at-trx-commit=2',
  ];
  try {
    args.push(...(await initialize(program, common, folders, existsSync(join(scratch, 'data')))));
  } catch (error) {
    await dispose();
    throw error;
  }
  let running: { end: () => void; ended: Promise<unknown> } | null = null;

  /** Starts or restarts it, and waits until it responds. The options apply until the next start. */
  async function start(options: readonly string[] = ['--skip-log-bin']): Promise<void> {
    // In its own session: a Ctrl-C in the terminal would end the guard before it cleans up.
    const child = spawn('/bin/sh', ['-c', guard, 'guard', program, ...args, ...options], {
      detached: true,
      // The shell reports on standard error that the server was killed.
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...env, SCRATCH: scratch, SIGNAL: keptIn === undefined ? 'KILL' : 'TERM' },
    });
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (log += text));
    // The pipe breaks when the server ends by itself.
    child.stdin.on('error', () => undefined);
    const ended = once(child, 'close').then(() => (running = null));
    running = { end: () => child.stdin.end(), ended };
    try {
      // By its socket file: on the port, another program may respond that took it in the meantime.
      await untilReady({ socketPath, user: 'root' }, () => running === null);
    } catch (cause) {
      await dispose();
      throw new Error(`${program} did not start:\n${log}`, { cause });
    }
  }

  /** The process id of the running server program. */
  async function pid(): Promise<number> {
    return Number(await readFile(join(scratch, 'pid'), 'utf8'));
  }

  /** Ends it and removes its data, unless `keptIn` keeps the data. */
  async function dispose(): Promise<void> {
    running?.end();
    await running?.ended;
    if (keptIn === undefined) await rm(scratch, { recursive: true, force: true });
  }

  return {
    url: `mysql://root@127.0.0.1:${port}/`,
    socketPath,
    program,
    start,
    /** Ends it with SIGKILL, as a power failure would. */
    async kill() {
      process.kill(await pid(), 'SIGKILL');
      await running?.ended;
    },
    /** `SIGSTOP` suspends it, `SIGCONT` resumes it. */
    async signal(name: 'SIGSTOP' | 'SIGCONT') {
      process.kill(await pid(), name);
    },
    pid,
    dispose,
  };
}

/** Creates the data folder unless it exists, and returns the options that only this kind of server has. */
async function initialize(
  program: string,
  common: readonly string[],
  folders: readonly string[],
  exists: boolean,
): Promise<readonly string[]> {
  if (!(await isMariaDb(program))) {
    if (!exists) await run(program, [...common, '--initialize-insecure'], { timeout: 120_000 });
    // The default of the second is a folder in /var/lib, which may be missing or another user's.
    return ['--mysqlx=OFF', '--secure-file-priv=NULL'];
  }
  if (exists) return [];
  const installer = findProgram(['mariadb-install-db', 'mysql_install_db'], folders);
  if (installer === undefined) throw new Error(`${program} lacks its mariadb-install-db.`);
  const options = ['--auth-root-authentication-method=normal', '--skip-test-db'];
  await run(installer, [...common, ...options], { timeout: 120_000 });
  return [];
}

/** Whether a server program is MariaDB. The name is not enough: MariaDB also installs a mysqld. */
export async function isMariaDb(program: string): Promise<boolean> {
  const version = await run(program, ['--no-defaults', '--version'], { timeout: 20_000 });
  return version.includes('MariaDB');
}

/** Resolves as soon as the server responds. Throws when it has ended, or after a minute. */
export async function untilReady(
  options: ConnectionOptions,
  hasEnded: () => boolean,
): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await queryVersion(options);
      return;
    } catch (error) {
      if (hasEnded() || Date.now() > deadline) throw error;
      await sleep(30);
    }
  }
}

/** The version that a server reports, such as `9.7.4-2 (Debian)`. */
export async function queryVersion(options: ConnectionOptions): Promise<string> {
  const connection = await createConnection(options);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      'SELECT VERSION() AS version, @@version_comment AS comment',
    );
    return `${String(rows[0]?.['version'])} ${String(rows[0]?.['comment'])}`;
  } finally {
    await connection.end();
  }
}

/** A TCP port of loopback that was free when checked. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { createConnection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise';

import { findProgram, isRoot, run, type Surroundings } from './apt.js';

/** A server of one's own on loopback, which may die and come back with its data, on one and the same port. */
export interface PrivateServer {
  /** `mysql://root@host:port/` */
  readonly url: string;
  readonly program: string;
  /** Starts it, again if need be, and waits until it answers. Options stay until the next start. */
  start(options?: readonly string[]): Promise<void>;
  /** As the power would be cut. */
  kill(): Promise<void>;
  /** `SIGSTOP`: it hangs; `SIGCONT`: it goes on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** That of the server program, while it runs. */
  pid(): Promise<number>;
  /** Ends it, if it runs, and throws its data away, unless they are to be kept. */
  dispose(): Promise<void>;
}

/**
 * Runs the server ("$@") until standard input ends, then ends it by $SIGNAL and removes its folder ($SCRATCH), unless that is
 * to be kept.
 * Standard input is a pipe whose other end only this Node process holds, and the system closes it
 * however that process ends. So the server outlives neither a `kill -9` of Jest nor a Ctrl-C, where an
 * exit handler would not run. SIGKILL is right for a server whose data goes to the bin anyway, SIGTERM for one whose data is kept.
 * A server that ends by itself leaves the tail of its log on standard output, and its folder where it is.
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

/**
 * A server of this program with a root that has no password, not yet started. `user`: whom it runs as; only root can
 * choose. `keptIn`: an existing folder that keeps its data, from an earlier time too; it is removed otherwise.
 */
export async function createPrivateServer(
  program: string,
  { env, folders }: Surroundings,
  {
    user,
    keptIn,
  }: {
    user?: { readonly name: string; readonly uid: number; readonly gid: number };
    keptIn?: string;
  } = {},
): Promise<PrivateServer> {
  const scratch = keptIn ?? (await mkdtemp(join(env['TMPDIR'] ?? tmpdir(), 'mysql-test-')));
  if (user !== undefined) await chown(scratch, user.uid, user.gid);
  // Both programs refuse to run as root unless told so by name.
  const userOption = isRoot() ? [`--user=${user?.name ?? 'root'}`] : [];
  let ownOptions: readonly string[];
  try {
    ownOptions = await initialize(program, { scratch, user: userOption, folders });
  } catch (error) {
    if (keptIn === undefined) await rm(scratch, { recursive: true, force: true });
    throw error;
  }
  const port = await freePort();
  const args = [
    '--no-defaults',
    ...userOption,
    ...folderOptions(scratch),
    `--socket=${join(scratch, 's')}`,
    `--pid-file=${join(scratch, 'pid')}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    '--character-set-server=utf8mb4',
    // What is written has to survive the end of the server, though not of the machine.
    '--innodb-flush-log-at-trx-commit=2',
    ...ownOptions,
  ];
  let guarded: { end: () => void; ended: Promise<void> } | null = null;

  async function start(options: readonly string[] = ['--skip-log-bin']): Promise<void> {
    // A session of its own, or the Ctrl-C of a terminal would also end the guard, before its work.
    const child = spawn('/bin/sh', ['-c', guard, 'guard', program, ...args, ...options], {
      detached: true,
      // The shell's own remark that the server was killed is no news.
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...env, SCRATCH: scratch, SIGNAL: keptIn === undefined ? 'KILL' : 'TERM' },
    });
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (log += text));
    // Broken when the server has ended by itself.
    child.stdin.on('error', () => undefined);
    let hasEnded = false;
    const ended = once(child, 'close').then(() => {
      hasEnded = true;
      guarded = null;
    });
    guarded = { end: () => child.stdin.end(), ended };
    try {
      await untilReady({ socketPath: join(scratch, 's'), user: 'root' }, () => hasEnded);
    } catch (cause) {
      await dispose();
      throw new Error(`${program} did not start:\n${log}`, { cause });
    }
  }

  async function pid(): Promise<number> {
    return Number(await readFile(join(scratch, 'pid'), 'utf8'));
  }

  async function signal(name: NodeJS.Signals): Promise<void> {
    process.kill(await pid(), name);
  }

  async function dispose(): Promise<void> {
    if (guarded !== null) {
      const { end, ended } = guarded;
      end();
      await ended;
    }
    if (keptIn === undefined) await rm(scratch, { recursive: true, force: true });
  }

  return {
    url: `mysql://root@127.0.0.1:${port}/`,
    program,
    start,
    async kill() {
      const ended = guarded?.ended;
      await signal('SIGKILL');
      await ended;
    },
    signal,
    pid,
    dispose,
  };
}

/** Fills the data folder, if that is not there yet, and returns the options only this kind of server knows. */
async function initialize(
  program: string,
  place: { scratch: string; user: readonly string[]; folders: readonly string[] },
): Promise<readonly string[]> {
  const common = ['--no-defaults', ...place.user, ...folderOptions(place.scratch)];
  // The name says little: MariaDB installs a mysqld, too.
  const version = await run(program, ['--no-defaults', '--version'], { timeout: 20_000 });
  const isThere = existsSync(join(place.scratch, 'data'));
  if (!version.includes('MariaDB')) {
    if (!isThere) await run(program, [...common, '--initialize-insecure'], { timeout: 120_000 });
    // The second is a folder in /var/lib by default, which may be missing or another user's.
    return ['--mysqlx=OFF', '--secure-file-priv=NULL'];
  }
  if (isThere) return [];
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
export async function untilReady(
  options: ConnectionOptions,
  hasEnded: () => boolean,
): Promise<void> {
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

/** What a server says that it is. */
export async function askVersion(options: ConnectionOptions): Promise<string> {
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

/** A TCP port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('No TCP port is free.');
  return address.port;
}

import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where the providers look; a test passes its own to see what happens on a poorer machine. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folders searched for programs, in this order. */
  readonly folders: readonly string[];
}

/** Servers are seldom on an ordinary user's PATH, hence the folders after it. */
export const thisMachine: Surroundings = {
  env: process.env,
  folders: [
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    '/usr/sbin',
    '/usr/libexec',
    '/usr/local/bin',
    '/usr/local/sbin',
    '/usr/local/mysql/bin',
    '/opt/homebrew/bin',
    '/opt/homebrew/opt/mariadb/bin',
    '/opt/homebrew/opt/mysql/bin',
  ],
};

/** The path of the first of the names that is an executable file; an earlier name wins over an earlier folder. */
export function findProgram(
  names: readonly string[],
  folders: readonly string[],
): string | undefined {
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => isExecutable(path));
}

/** Whether the path names a file, not a folder, that this user may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Both calls throw for "no", which is an answer here and no fault.
    return false;
  }
}

/** The user that servers must be told by name and that may install packages. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Runs a program to its end and returns what it wrote to standard output.
 * Throws with the tail of everything it wrote when it fails or exceeds the time (milliseconds).
 */
export function run(
  program: string,
  args: readonly string[],
  options: { timeout: number; env?: Record<string, string> },
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      {
        env: { ...process.env, ...options.env },
        timeout: options.timeout,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) {
          resolve(stdout);
          return;
        }
        const tail = `${stdout}\n${stderr}`.trim().slice(-2000);
        // Node's own message repeats the whole standard error, therefore it is not repeated here.
        const reason = error.killed ? `did not end in ${options.timeout} ms` : 'failed';
        reject(new Error(`${program} ${args.join(' ')} ${reason}:\n${tail}`));
      },
    );
  });
}

/** The way to install packages here, or undefined for an ordinary user or a system without apt-get. */
export function findApt(
  folders: readonly string[],
): ((packageName: string) => Promise<void>) | undefined {
  const aptGet = isRoot() ? findProgram(['apt-get'], folders) : undefined;
  return aptGet === undefined ? undefined : (packageName) => install(aptGet, packageName);
}

async function install(aptGet: string, packageName: string): Promise<void> {
  process.stderr.write(`Installing ${packageName} with apt-get, which the tests need.\n`);
  await withoutStartingServices(async () => {
    await apt(aptGet, ['update']);
    await apt(aptGet, ['install', '-y', '--no-install-recommends', packageName]);
  });
}

const lockPatience = 120_000;

/**
 * The time-out option makes apt wait for the lock of dpkg, though not for the lock of the package
 * lists, which `update` takes: another `update` at the same moment makes it fail, so it is repeated.
 */
async function apt(aptGet: string, args: readonly string[]): Promise<void> {
  const deadline = Date.now() + lockPatience;
  for (;;) {
    try {
      await run(aptGet, ['-o', `DPkg::Lock::Timeout=${lockPatience / 1000}`, ...args], {
        timeout: 600_000,
        // The text of the lock message is matched below, so it must not be translated.
        env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      });
      return;
    } catch (error) {
      const isLocked = error instanceof Error && error.message.includes('Could not get lock');
      if (!isLocked || Date.now() > deadline) throw error;
      await sleep(1000);
    }
  }
}

/**
 * A Debian server package starts its service right after installation, which would take the standard
 * port of a machine that asked for nothing but tests. Debian asks /usr/sbin/policy-rc.d first, with
 * systemd and without; the answer 101 means "not allowed". (The variable RUNLEVEL=1 would do the same,
 * but systemd does not look at it.) A policy that is already there belongs to the administrator.
 */
async function withoutStartingServices(work: () => Promise<void>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = await createFile(policy, '#!/bin/sh\nexit 101\n');
  try {
    await work();
  } finally {
    if (isOurs) await rm(policy, { force: true });
  }
}

/** Whether the file was made; false when there was one already. */
async function createFile(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { mode: 0o755, flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

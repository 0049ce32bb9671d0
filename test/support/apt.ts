import { execFile, type ExecFileException } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { UnavailableError } from './requirements.js';

/** Where the providers look for servers and programs; a test passes a poorer machine. */
export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folders searched for programs, in this order. */
  readonly folders: readonly string[];
}

/** Servers are seldom on an ordinary user's PATH, hence the folders after it. */
export const thisMachine: Machine = {
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

/** The path of the first name that is an executable file; an earlier name wins over an earlier folder. */
export function findProgram(
  names: readonly string[],
  folders: readonly string[],
): string | undefined {
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

/** Whether the path names a file, not a folder, that this user may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Both calls throw where there is no such file.
    return false;
  }
}

/** The program that an environment variable names. Throws when it names no executable file. */
export function programNamedBy(variable: string, { env }: Machine): string | undefined {
  const path = env[variable];
  if (path === undefined || path === '') return undefined;
  if (!isExecutable(path)) throw new Error(`${variable} names no executable file: ${path}`);
  return path;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Runs a program to its end and returns its standard output.
 * Throws with the tail of its output when it fails or exceeds the time (milliseconds).
 */
export async function run(
  program: string,
  args: readonly string[],
  { env, ...options }: { timeout: number; cwd?: string; env?: Record<string, string> },
): Promise<string> {
  try {
    const output = await promisify(execFile)(program, args, {
      ...options,
      env: { ...process.env, ...env },
      maxBuffer: 64 * 1024 * 1024,
    });
    return output.stdout;
  } catch (error) {
    const { killed, stdout = '', stderr = '' } = error as ExecFileException;
    const reason = killed ? `did not end in ${options.timeout} ms` : 'failed';
    const tail = `${stdout}\n${stderr}`.trim().slice(-2000);
    throw new Error(`${program} ${args.join(' ')} ${reason}:\n${tail}`, { cause: error });
  }
}

/** Installs packages with apt-get, or undefined for an ordinary user or a system without apt-get. */
export function findApt(
  folders: readonly string[],
): ((packageName: string) => Promise<void>) | undefined {
  const aptGet = isRoot() ? findProgram(['apt-get'], folders) : undefined;
  return aptGet === undefined ? undefined : (packageName) => install(aptGet, packageName);
}

/** Finds a program or installs its package. Throws UnavailableError where neither is possible. */
export async function findOrInstall(
  packageName: string,
  find: () => Promise<string | undefined> | string | undefined,
  { folders }: Machine,
): Promise<string> {
  const present = await find();
  if (present !== undefined) return present;
  await findApt(folders)?.(packageName);
  const installed = await find();
  if (installed !== undefined) return installed;
  throw new UnavailableError(
    `${packageName} is not installed, and only root with apt-get can install it`,
  );
}

async function install(aptGet: string, packageName: string): Promise<void> {
  process.stderr.write(`Installing ${packageName} with apt-get, which the tests need.\n`);
  await withoutStartingServices(async () => {
    await apt(aptGet, ['update']);
    await apt(aptGet, ['install', '-y', '--no-install-recommends', packageName]);
  });
}

const LOCK_TIMEOUT_MS = 120_000;

/**
 * DPkg::Lock::Timeout makes apt wait for the lock of dpkg, but not for the lock of the package lists, which `update`
 * takes. Therefore an `update` beside another one fails, and is repeated.
 */
async function apt(aptGet: string, args: readonly string[]): Promise<void> {
  const deadline = Date.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    try {
      await run(aptGet, ['-o', `DPkg::Lock::Timeout=${LOCK_TIMEOUT_MS / 1000}`, ...args], {
        timeout: 600_000,
        // The text of the lock message is matched below, so it must not be translated.
        env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      });
      return;
    } catch (error) {
      const isLocked = error instanceof Error && error.message.includes('Could not get lock');
      if (!isLocked || Date.now() > deadline) throw unavailable(error);
      await sleep(1000);
    }
  }
}

/** A package that cannot be installed is no fault of the tests: the mirror may be out of reach. */
export function unavailable(error: unknown): UnavailableError {
  const text = error instanceof Error ? error.message : String(error);
  const [first = '', ...others] = text.split('\n');
  const reason = others.find((line) => line.startsWith('E: ')) ?? others.at(-1) ?? '';
  return new UnavailableError(`${first} ${reason}`, { cause: error });
}

/**
 * A Debian server package starts its service right after installation, on the standard port. Debian first asks
 * /usr/sbin/policy-rc.d, with and without systemd; its status 101 forbids the start. (systemd ignores the variable
 * RUNLEVEL=1.) A policy that already exists belongs to the administrator.
 */
async function withoutStartingServices(work: () => Promise<void>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
      throw error;
    },
  );
  try {
    await work();
  } finally {
    if (isOurs) await rm(policy, { force: true });
  }
}

import { execFile, type ExecFileException } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import { UnavailableError } from './requirements.js';

/** Where the providers look for servers and programs; a test passes a machine without them. */
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
    '/Applications/Google Chrome.app/Contents/MacOS',
    '/Applications/Chromium.app/Contents/MacOS',
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
function isExecutable(path: string): boolean {
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

/** Whether a program ends with status 0 within the time (milliseconds). */
export function succeeds(
  program: string,
  args: readonly string[],
  timeout: number,
): Promise<boolean> {
  return run(program, args, { timeout }).then(
    () => true,
    () => false,
  );
}

/**
 * Finds a program, or installs Debian packages that contain it, as root with apt-get. Throws UnavailableError where
 * neither is possible.
 */
export async function findOrInstall(
  packages: readonly string[],
  find: () => Promise<string | undefined> | string | undefined,
  { folders }: Machine = thisMachine,
): Promise<string> {
  const present = await find();
  if (present !== undefined) return present;
  const names = packages.join(' ');
  if (!isRoot() || findProgram(['apt-get'], folders) === undefined) {
    throw new UnavailableError(`${names} can only be installed by root with apt-get`);
  }
  process.stderr.write(`Installing ${names} with apt-get, which the tests need.\n`);
  const work = await mkdtemp(join(tmpdir(), 'apt-'));
  try {
    const aptGet = await updatedApt(work);
    await aptGet('install', '-y', '--no-install-recommends', ...packages);
  } catch (error) {
    throw unavailable(names, error);
  } finally {
    await rm(work, { recursive: true });
  }
  const installed = await find();
  if (installed === undefined) throw new UnavailableError(`no program of ${names} runs here`);
  return installed;
}

/**
 * apt-get with new package lists in `folder`, where it also stores what it downloads: only root may update the lists of the
 * machine, and another apt-get may have locked them. Throws UnavailableError where there is no apt-get.
 */
export async function updatedApt(
  folder: string,
  options: Readonly<Record<string, string>> = {},
): Promise<(...args: string[]) => Promise<string>> {
  const program = findProgram(['apt-get'], thisMachine.folders);
  if (program === undefined) throw new UnavailableError('apt-get is not on this machine');
  await mkdir(join(folder, 'lists/partial'), { recursive: true });
  await mkdir(join(folder, 'archives/partial'), { recursive: true });
  const all = {
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::Cache': folder,
    'APT::Sandbox::User': 'root',
    'DPkg::Lock::Timeout': '120',
    ...options,
  };
  const settings = Object.entries(all).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const env = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const aptGet = (...args: string[]) =>
    run(program, [...settings, ...args], { timeout: 600_000, cwd: folder, env });
  await aptGet('update');
  return aptGet;
}

/** The mirror may be unreachable, which must not fail the tests. */
export function unavailable(packages: string, cause: unknown): UnavailableError {
  if (cause instanceof UnavailableError) return cause;
  const reason = /^[EW]: .*$/m.exec(String(cause))?.[0] ?? String(cause);
  return new UnavailableError(
    `apt-get cannot provide ${packages}; is its mirror unreachable? (${reason})`,
    { cause },
  );
}

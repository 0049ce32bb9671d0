import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { findProgram, isRoot, run, thisMachine } from './apt.js';

/** Object storage that speaks S3 and checks every signature: OpenStack Swift, on a free port of loopback. */
export interface SwiftServer {
  readonly port: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL('swift_server.py', import.meta.url));
/** Where tools keep what they have fetched: private to the checkout, and gone with a new `npm ci`. */
const cache = fileURLToPath(new URL('../../node_modules/.cache/swift', import.meta.url));

/**
 * Starts Swift from Debian's packages, which are fetched once and unpacked below node_modules, not installed. Where that
 * cannot be done, null, after a line that says so.
 */
export async function startSwift(): Promise<SwiftServer | null> {
  const reason = await makeAvailable().catch((error: unknown) => String(error).split('\n', 1)[0]);
  if (reason === undefined) return start();
  process.stderr.write(
    `Not tested against a server that speaks S3 (${reason}): links are only compared with those of the AWS SDK.\n`,
  );
  return null;
}

/** undefined: it is available; else the reason why it is not. */
async function makeAvailable(): Promise<string | undefined> {
  if (existsSync(cache)) return undefined;
  const [aptGet, dpkg] = ['apt-get', 'dpkg'].map((name) =>
    findProgram([name], thisMachine.folders),
  );
  if (aptGet === undefined || dpkg === undefined) return 'no apt-get or dpkg on this machine';

  const folder = await mkdtemp(`${await madeFolder(join(cache, '..'))}/swift-`);
  try {
    await fetchPackages(aptGet, folder);
    // Where all of it is installed already, there is nothing to unpack.
    const packages = await readdir(folder);
    const root = join(folder, 'root');
    await mkdir(join(root, 'usr/lib'), { recursive: true });
    for (const each of packages) {
      await run(dpkg, ['-x', join(folder, each), root], { timeout: 60_000 });
    }
    // Only what is whole gets the name that is looked for. Another test run may have been faster.
    await rename(root, cache).catch((error: unknown) => {
      if (!existsSync(cache)) throw error;
    });
    return undefined;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function madeFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return path;
}

/** Fetches what apt would install for Swift on this machine: what is there already is not listed. */
async function fetchPackages(aptGet: string, folder: string): Promise<void> {
  const simulate = ['-s', 'install', '--no-install-recommends', 'python3-swift'];
  const options = { timeout: 120_000, env: { LC_ALL: 'C' } };
  const plan = await run(aptGet, simulate, options).catch(async (error: unknown) => {
    // A new machine knows of no packages yet, and only root may ask for the lists.
    if (!isRoot()) throw error;
    await run(aptGet, ['update'], options);
    return run(aptGet, simulate, options);
  });
  const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name);
  if (packages.length === 0) return;
  // apt-get downloads into the working directory.
  await run('/bin/sh', ['-c', 'cd "$0" && exec "$@"', folder, aptGet, 'download', ...packages], {
    timeout: 300_000,
  });
}

async function start(): Promise<SwiftServer> {
  const [accessKeyId, secretAccessKey] = ['test:tester', 'secret-of-the-test-storage'];
  const libraries = (await readdir(join(cache, 'usr/lib'))).map((name) =>
    join(cache, 'usr/lib', name),
  );
  const folder = await mkdtemp(join(tmpdir(), 'swift-test-'));
  const child = spawn('/usr/bin/python3', [program, folder, accessKeyId, secretAccessKey], {
    // A session of its own, or the Ctrl-C of a terminal would end it before it has removed its folder.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      PYTHONPATH: join(cache, 'usr/lib/python3/dist-packages'),
      LD_LIBRARY_PATH: libraries.join(':'),
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  const ended = once(child, 'close');
  const complaints = text(child.stderr);
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([first]: string[]) => first),
    ended.then(() => undefined),
  ]);
  if (line === undefined) throw new Error(`Swift did not start:\n${await complaints}`);
  return {
    port: Number(line),
    accessKeyId,
    secretAccessKey,
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

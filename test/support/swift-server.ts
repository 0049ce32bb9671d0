import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { findOrInstall, findProgram } from './apt.js';
import { unpackPackage } from './unpack-package.js';

export type SwiftServer = Awaited<ReturnType<typeof startSwift>>;

const program = fileURLToPath(new URL('swift_server.py', import.meta.url));

const python = '/usr/bin/python3';

/** Downloads Swift, once, and returns the folder of its packages. Throws UnavailableError where that is not possible. */
export async function unpackSwift(): Promise<string> {
  await findOrInstall(['python3'], () => findProgram(['python3'], ['/usr/bin']));
  return unpackPackage('python3-swift');
}

/**
 * Starts object storage that speaks S3 and verifies every signature: OpenStack Swift, on a free port
 * of loopback. `has('objectStorage')` reports whether that is possible.
 */
export async function startSwift() {
  const root = await unpackSwift();
  const [accessKeyId, secretAccessKey] = ['test:tester', 'secret-of-the-test-storage'];
  const libraries = (await readdir(join(root, 'usr/lib'))).map((name) =>
    join(root, 'usr/lib', name),
  );
  const folder = await mkdtemp(join(tmpdir(), 'swift-test-'));
  const child = spawn(python, [program, folder, accessKeyId, secretAccessKey], {
    // In its own session: a Ctrl-C in the terminal would end it before it removes its folder.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
      LD_LIBRARY_PATH: libraries.join(':'),
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  const ended = once(child, 'close');
  const errorOutput = text(child.stderr);
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([first]: string[]) => first),
    ended.then(() => undefined),
  ]);
  if (line === undefined) throw new Error(`Swift did not start:\n${await errorOutput}`);
  return {
    port: Number(line),
    accessKeyId,
    secretAccessKey,
    /** The variables with which clients sign. */
    environment: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

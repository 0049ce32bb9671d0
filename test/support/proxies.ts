import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { unpackPackage } from './unpack-package.js';
import { until } from './until.js';

/** Downloads nginx and HAProxy, once. Throws UnavailableError where that is not possible. */
export async function unpackProxies(): Promise<void> {
  for (const name of ['nginx', 'haproxy']) await unpackPackage(name);
}

/** Starts nginx with the content of its `http` block on a port of loopback. */
export async function startNginx(http: string, port: number) {
  return start(port, async (folder) => {
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder};`,
    );
    const config = `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/pid;
error_log stderr;
events {}
http { access_log off; ${paths.join(' ')} ${http} }`;
    const file = join(folder, 'nginx.conf');
    await writeFile(file, config);
    const root = await unpackPackage('nginx');
    return [join(root, 'usr/sbin/nginx'), '-e', 'stderr', '-p', folder, '-c', file];
  });
}

/** Starts HAProxy with a configuration that listens on a port of loopback. */
export async function startHaproxy(config: string, port: number) {
  return start(port, async (folder) => {
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, config);
    return [join(await unpackPackage('haproxy'), 'usr/sbin/haproxy'), '-db', '-f', file];
  });
}

async function start(port: number, prepare: (folder: string) => Promise<readonly string[]>) {
  const folder = await mkdtemp(join(tmpdir(), 'proxy-test-'));
  const [program = '', ...args] = await prepare(folder);
  const libraries = join(await unpackPackage('haproxy'), 'usr/lib/x86_64-linux-gnu');
  const child = spawn(program, args, {
    env: { LD_LIBRARY_PATH: libraries },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  const errors = text(child.stderr);
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${program} did not start: ${await errors}`);
    return isOpen(port);
  });
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function isOpen(port: number): Promise<true | undefined> {
  const socket = connect(port, '127.0.0.1');
  const outcome = await Promise.race([
    once(socket, 'connect').then(() => true as const),
    once(socket, 'close').then(() => undefined),
  ]).catch(() => undefined);
  socket.destroy();
  return outcome;
}

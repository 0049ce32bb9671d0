import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** Runs the command of a package in a folder. Throws with its output when it fails. */
export function runTool(folder: string, script: string, args: readonly string[]) {
  const path = resolve('node_modules', script);
  return promisify(execFile)(process.execPath, [path, ...args], { cwd: folder });
}

/** Returns a module and what it imports as one script for a browser. */
export async function bundle(folder: string, entry: string): Promise<string> {
  const output = { entryFileNames: 'bundle.js' };
  const build = { minify: false, rolldownOptions: { input: entry, output } };
  const config = `export default ${JSON.stringify({ build, logLevel: 'warn' })};`;
  await writeFile(join(folder, 'vite.config.mjs'), config);
  await runTool(folder, 'vite/bin/vite.js', ['build']);
  return readFile(join(folder, 'dist/bundle.js'), 'utf8');
}

/** Serves a page without scripts, on an origin of its own. */
export async function serveEmptyPage() {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><main></main>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

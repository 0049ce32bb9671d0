import { mkdir, mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { run } from '../support/apt.js';

const entries = ['ormconfig', 'src/main'].concat(
  ['api-key', 'doctor', 'migrate', 'sample', 'schema'].map((name) => `src/commands/${name}`),
);
const text = 'é 🚚';
let folder: string;

const at = (path: string) => join(folder, path);
const changeIn = (path: string, seconds: number) => utimes(at(path), seconds, seconds);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-test-'));
  for (const path of ['build/src/commands', 'node_modules'])
    await mkdir(at(path), { recursive: true });
  await writeFile(at('package.json'), '{ "type": "module" }');
  for (const entry of entries) {
    await writeFile(at(`build/${entry}.js`), `export const text = ${JSON.stringify(text)};`);
  }
  for (const path of ['build/.tsbuildinfo', 'node_modules/.package-lock.json']) {
    await writeFile(at(path), '');
    await changeIn(path, 1_000);
  }
  await symlink(resolve('bundle.js'), at('linked.js'));
  await bundle();
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the bundler. Returns whether it has written the files again. */
async function bundle(program = resolve('bundle.js')): Promise<boolean> {
  const changedAt = async () => (await stat(at('dist/src/main.js'))).mtimeMs;
  const before = await changedAt().catch(() => 0);
  await run(process.execPath, [program, folder], { timeout: 60_000 });
  return (await changedAt()) > before;
}

it('writes ASCII that reads as the source', async () => {
  const path = at('dist/src/main.js');
  expect(await readFile(path, 'utf8')).toMatch(/^[\0-\x7f]+$/);
  expect(await import(pathToFileURL(path).href)).toHaveProperty('text', text);
});

it('does nothing when nothing has changed', async () => {
  expect(await bundle()).toBe(false);
});

it.each([
  ['the code is compiled again', () => changeIn('build/.tsbuildinfo', Date.now() / 1_000 + 60)],
  [
    'packages are installed again',
    () => changeIn('node_modules/.package-lock.json', Date.now() / 1_000 + 60),
  ],
  ['the last run was interrupted', () => rm(at('dist/.bundled'))],
])('writes the files again after %s, also by a link', async (_, change) => {
  await change();
  expect(await bundle(at('linked.js'))).toBe(true);
  await changeIn('build/.tsbuildinfo', 1_000);
  await changeIn('node_modules/.package-lock.json', 1_000);
});

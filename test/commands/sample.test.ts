import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const command = fileURLToPath(new URL('../../src/commands/sample.ts', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sample-command-'));
  // Node looks in the working directory for what teaches it to read TypeScript.
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs the command in the folder as on a machine where nothing is set. */
async function sample(args: string[], env: Record<string, string> = {}) {
  const { PATH, HOME } = process.env;
  const child = spawn(
    process.execPath,
    ['--import', '@swc-node/register/esm-register', command, ...args],
    {
      cwd: folder,
      env: { PATH, HOME, SWC_NODE_PROJECT: join(root, 'tsconfig.json'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [output, errors, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exited,
  ]);
  return { output, errors, status };
}

describe('npm run sample', () => {
  it('fills the embedded database and says what it did', async () => {
    const { output, errors, status } = await sample(['--exports', '40']);
    expect({ errors, status }).toEqual({ errors: '', status: 0 });
    expect(output).toMatch(
      /^Added 40 sample exports to data\/exports\.sqlite and \d+ files \([\d.]+ MB\) to \/\S+\/data\/files in [\d.]+ s, \d+ exports a second\.\n$/,
    );
    expect(await readdir(join(folder, 'data/files/exports'))).not.toEqual([]);
  });

  it('adds none with --if-empty where there are some', async () => {
    const first = await sample(['--exports', '2', '--if-empty']);
    expect(first.output).toMatch(/^Added 2 sample exports /);
    expect(await sample(['--exports', '2', '--if-empty'])).toEqual({
      output: 'There are exports in data/exports.sqlite: added no samples.\n',
      errors: '',
      status: 0,
    });
  });

  it('reads .env, but asks for nothing that samples do not need', async () => {
    await writeFile(join(folder, '.env'), 'FILES_URL=file:elsewhere\nHOST=0.0.0.0\nPORT=none\n');
    const { errors, status } = await sample(['--exports', '1']);
    expect({ errors, status }).toEqual({ errors: '', status: 0 });
    expect(await readdir(join(folder, 'elsewhere/exports'))).toHaveLength(1);
  });

  it.each([
    [['--exports', 'many'], '--exports must be a whole number from 1 to 10000000, not many.'],
    [['--exports', '0'], '--exports must be a whole number from 1 to 10000000, not 0.'],
    [
      ['--exports', '10000001'],
      '--exports must be a whole number from 1 to 10000000, not 10000001.',
    ],
    [['--exports', '1e3'], '--exports must be a whole number from 1 to 10000000, not 1e3.'],
    [['--export', '5'], 'Write: npm run sample -- --exports 250'],
  ])('refuses %j', async (args, message) => {
    const { output, errors, status } = await sample(args);
    expect({ output, status }).toEqual({ output: '', status: 1 });
    expect(errors).toContain(message);
    expect(errors).not.toContain('    at ');
  });

  it('refuses a wrong setting without a stack', async () => {
    const { errors, status } = await sample([], { DATABASE_URL: 'postgres://h/d' });
    expect(status).toBe(1);
    expect(errors).toMatch(/^DATABASE_URL has the scheme postgres/);
    expect(errors).not.toContain('    at ');
  });
});

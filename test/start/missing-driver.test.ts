import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from '@jest/globals';

import { buildGateway } from '../support/built-gateway.js';

/** Makes a package unfindable for a process, as when it was not installed for this platform. */
function without(name: string): string {
  const hook = `export async function resolve(specifier, context, next) {
    if (specifier === '${name}') throw new Error('not here');
    return next(specifier, context);
  }`;
  const register = `import { register } from 'node:module';
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
  return `--import=data:text/javascript,${encodeURIComponent(register)}`;
}

it.each([
  { driver: 'libsql', env: {} },
  {
    driver: 'mysql2',
    env: {
      DATABASE_URL: 'mysql://user:password@127.0.0.1:1/exports',
      FILES_SIGNING_SECRET: 'the secret of the tests',
      AUTH: 'off',
    },
  },
])(
  'a gateway without the driver $driver says so, and ends with status 1',
  async ({ driver, env }) => {
    const folder = await mkdtemp(join(tmpdir(), 'start-test-'));
    const built = await buildGateway();
    try {
      const program = built.start(folder, { ...env, NODE_OPTIONS: without(driver) });
      expect(await program.ended).toBe(1);
      expect(program.complaints()).toContain(
        `The database driver ${driver} cannot be loaded on this machine. Run npm ci once more, on this platform.\n`,
      );
    } finally {
      await built.dispose();
      await rm(folder, { recursive: true });
    }
  },
);

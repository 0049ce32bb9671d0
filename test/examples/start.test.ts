import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from '@jest/globals';

import { run } from '../support/apt.js';
import { COMPILED_GATEWAY, startProgram } from '../support/built-gateway.js';
import { post } from '../support/post.js';
import { freePort } from '../support/private-server.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const built = useBuiltGateway();

// `npm run example:types` writes them.
it('has the types that graphql-codegen generates from the schema', async () => {
  const codegen = join(root, 'node_modules/.bin/graphql-codegen');
  const args = ['--check', '--config', 'examples/exports-page/codegen.ts'];
  await run(codegen, args, { cwd: root, timeout: 60_000 });
});

it('starts with its gateway by one command, and ends with it by one signal', async () => {
  // As the repository, with a folder for data of its own.
  const folder = join(built.folder, 'repository');
  await mkdir(folder);
  await symlink(join(process.env[COMPILED_GATEWAY] ?? '', 'dist'), join(folder, 'dist'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const [gateway, page] = [await freePort(), await freePort()];
  const register = ['--import', '@swc-node/register/esm-register'];
  const program = startProgram(
    [...register, join(root, 'examples/exports-page/start.ts')],
    folder,
    {
      PATH: process.env['PATH'] ?? '',
      TS_NODE_PROJECT: join(root, 'tsconfig.json'),
      EXAMPLE_GATEWAY_PORT: String(gateway),
      EXAMPLE_PAGE_PORT: String(page),
    },
  );
  const origin = /http:\S+/.exec((await program.untilLine(/^Page/)).msg)?.[0] ?? '';
  expect(await (await fetch(origin)).text()).toContain('<div id="root">');

  const response = await fetch(`${origin}/token`, { method: 'POST' });
  const { access_token: token } = (await response.json()) as { access_token: string };
  const query = '{ exports(filter: { mine: true }) { pagination { totalCount } } }';
  const headers = { authorization: `Bearer ${token}`, origin };
  const { text } = await post(`http://127.0.0.1:${gateway}/graphql`, { query }, { headers });
  expect(text).toMatch(/"totalCount":[1-9]/);

  program.kill('SIGINT');
  expect(await program.ended).toBe(0);
  await expect(fetch(`http://127.0.0.1:${gateway}/health/live`)).rejects.toThrow('fetch failed');
});

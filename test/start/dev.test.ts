import { appendFile, cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { expect, it } from '@jest/globals';

import { startProgram } from '../support/built-gateway.js';
import { until } from '../support/until.js';

it('npm run dev starts the source and restarts it after a change', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dev-test-'));
  for (const part of ['src', 'tsconfig.json', 'package.json']) {
    await cp(resolve(part), join(folder, part), { recursive: true });
  }
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
    scripts: { dev: string };
  };
  const [node, ...args] = scripts.dev.split(' ');
  expect(node).toBe('node');

  const program = startProgram(args, folder, { PATH: process.env['PATH'] ?? '', PORT: '0' });
  const starts = () => program.log.filter(({ msg }) => msg.startsWith('GraphiQL')).length;
  const untilStarts = (count: number) => until(() => starts() >= count || undefined, 50_000);
  try {
    await untilStarts(1);
    await appendFile(join(folder, 'src/errors.ts'), '\n');
    await untilStarts(2);
  } finally {
    program.kill('SIGTERM');
    await program.ended;
    await rm(folder, { recursive: true });
  }
  expect(program.stderr()).toBe('');
}, 120_000);

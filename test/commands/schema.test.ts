import 'reflect-metadata';

import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { createSchema } from '../../src/graphql/schema.js';
import { clientSdl, subgraphSdl } from '../../src/graphql/sdl.js';
import { run } from '../support/apt.js';
import { expectFailedStart, useBuiltGateway } from '../support/use-built-gateway.js';

const built = useBuiltGateway();
const schema = await createSchema();

const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
  scripts: Record<string, string>;
};

describe('npm run schema', () => {
  it('writes the schema for clients to schema.graphql', async () => {
    const program = built.command('schema', built.folder);
    expect([await program.ended, program.stderr(), program.log]).toEqual([0, '', []]);
    const written = await readFile(join(built.folder, 'schema.graphql'), 'utf8');
    expect(written).toBe(clientSdl(schema));
  });

  it('prints with --subgraph the SDL of the subgraph alone, and writes no file', async () => {
    const noisy = { scripts: { ...scripts, build: 'echo The build says something.' } };
    await writeFile(join(built.folder, 'package.json'), JSON.stringify(noisy));
    await symlink(built.dist, join(built.folder, 'dist'));
    const files = await readdir(built.folder);
    const args = ['run', '--silent', 'schema', '--', '--subgraph'];
    const options = { cwd: built.folder, timeout: 30_000 };
    expect(await run('npm', args, options)).toBe(subgraphSdl(schema));
    expect(await readdir(built.folder)).toEqual(files);
  });

  it.each(['--subgrap', '--subgraph=yes', 'subgraph.graphql'])(
    'rejects %s, says what to write, and writes nothing',
    async (argument) => {
      const program = built.command('schema', built.folder, { args: [argument] });
      expect(await expectFailedStart(program)).toContain('Write: npm run schema, or');
      expect([program.log, await readdir(built.folder)]).toEqual([[], []]);
    },
  );
});

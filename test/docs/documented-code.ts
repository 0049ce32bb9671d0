import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll } from '@jest/globals';

import { documentedFiles } from './markdown.js';

const DOCUMENTED_ORIGIN = 'http://127.0.0.1:4000';

/**
 * A temporary folder with this project's packages, where the tests of the enclosing `describe` run
 * code of the documentation.
 */
export function useDocumentedCode() {
  let written = 0;
  const documented = {
    folder: '',
    /**
     * Writes all files into a new folder and returns its path. `origin` replaces the address of the
     * gateway in the documentation.
     */
    async write(origin = DOCUMENTED_ORIGIN) {
      const folder = join(documented.folder, String((written += 1)));
      await mkdir(folder);
      for (const [each, code] of await documentedFiles()) {
        await writeFile(join(folder, each), code.replaceAll(DOCUMENTED_ORIGIN, origin));
      }
      return folder;
    },
    /** Imports the code block that begins with `// name`, anew at each call, among all others. */
    async load<Module>(name: string, origin = DOCUMENTED_ORIGIN) {
      return (await import(join(await documented.write(origin), name))) as Module;
    },
  };
  beforeAll(async () => {
    documented.folder = await mkdtemp(join(tmpdir(), 'documented-code-'));
    const packages = fileURLToPath(new URL('../../node_modules', import.meta.url));
    await symlink(packages, join(documented.folder, 'node_modules'));
  });
  afterAll(() => rm(documented.folder, { recursive: true }));
  return documented;
}

/** As strict as a new Vite project and stricter. */
const strictOptions = {
  target: 'ES2022',
  lib: ['ES2023', 'DOM', 'DOM.Iterable'],
  module: 'ESNext',
  moduleResolution: 'bundler',
  jsx: 'react-jsx',
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  isolatedModules: true,
  strict: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noUnusedLocals: true,
  noErrorTruncation: true,
  skipLibCheck: true,
  noEmit: true,
};

/** Returns the errors of the TypeScript compiler for files of a folder, as text. */
export async function compile(
  folder: string,
  { files, types }: { files: readonly string[]; types: readonly string[] },
): Promise<string> {
  const tsconfig = { compilerOptions: { ...strictOptions, types }, files };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  const compiler = join(folder, 'node_modules/typescript/bin/tsc');
  const options = { cwd: folder, encoding: 'utf8' } as const;
  return spawnSync(process.execPath, [compiler, '-p', '.'], options).stdout;
}

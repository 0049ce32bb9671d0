import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { documentedFile } from '../docs/markdown.js';

/** A temporary folder with the packages of this project, for code of the documentation. */
export interface FrontEnd {
  readonly folder: string;
  /**
   * Loads the whole file that a page of the documentation calls `// name`; each call loads it anew. `origin` replaces
   * the gateway that the documentation uses.
   */
  load(name: string, origin?: string): Promise<Record<string, unknown>>;
  remove(): Promise<void>;
}

const DOCUMENTED_ORIGIN = 'http://127.0.0.1:4000';

export async function createFrontEnd(): Promise<FrontEnd> {
  const folder = await mkdtemp(join(tmpdir(), 'exports-front-end-'));
  await symlink(
    fileURLToPath(new URL('../../node_modules', import.meta.url)),
    join(folder, 'node_modules'),
  );
  let loaded = 0;
  return {
    folder,
    async load(name, origin = DOCUMENTED_ORIGIN) {
      const path = join(folder, `${(loaded += 1)}-${name}`);
      const code = await documentedFile(name);
      await writeFile(path, code.replaceAll(DOCUMENTED_ORIGIN, origin));
      return (await import(path)) as Record<string, unknown>;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A folder of someone who has read the README, and has its packages installed. */
export interface FrontEnd {
  readonly folder: string;
  /** Writes the code that the README calls `// name`, and loads it, anew at each call. */
  load(name: string): Promise<Record<string, unknown>>;
  remove(): Promise<void>;
}

/** Sets one up in a temporary folder. */
export async function createFrontEnd(): Promise<FrontEnd> {
  const folder = await mkdtemp(join(tmpdir(), 'exports-front-end-'));
  await symlink(
    fileURLToPath(new URL('../../node_modules', import.meta.url)),
    join(folder, 'node_modules'),
  );
  let loaded = 0;
  return {
    folder,
    async load(name) {
      const path = join(folder, `${(loaded += 1)}-${name}`);
      await writeFile(path, await readmeCode(name));
      return (await import(path)) as Record<string, unknown>;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

/** The code in the README that begins with the comment `// name`, to be copied as it is. */
export async function readmeCode(name: string): Promise<string> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, rest] = readme.split(`\`\`\`ts\n// ${name}\n`);
  const [code] = rest?.split('```') ?? [];
  if (code === undefined) throw new Error(`The README has no code named ${name}`);
  return code;
}

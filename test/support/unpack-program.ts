import { readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { unpackPackage } from './unpack-package.js';

/**
 * The path of a script that runs a program of a package of Debian unstable, which it downloads once, and its folder.
 * The binaries need a newer C library than the machine's, so the script starts them with the dynamic loader that was
 * downloaded with them. `program` is a path in the package, and `options` stand behind all arguments.
 */
export async function unpackProgram(
  packageName: string,
  program: string,
  options: (root: string) => string = () => '',
): Promise<{ script: string; root: string }> {
  const root = await unpackPackage(packageName, 'sid');
  const libraries = join(root, 'usr/lib');
  const files = await readdir(libraries, { recursive: true });
  const loader = join(libraries, files.find((file) => /-linux-gnu.ld-linux/.test(file)) ?? '');
  // A package may have libraries of its own in a folder of its name.
  const path = `${dirname(loader)}:${join(libraries, packageName)}`;
  const command = `"${loader}" --library-path "${path}" "${join(root, program)}"`;
  const script = join(root, basename(program));
  await writeFile(script, `#!/bin/sh\nexec ${command} "$@" ${options(root)}\n`, { mode: 0o755 });
  return { script, root };
}

/** The path of a script that runs the mysqld of Debian unstable. */
export async function unpackMysqld(): Promise<string> {
  const basedir = (root: string) => `--basedir="${root}/usr"`;
  return (await unpackProgram('mysql-server-core', 'usr/sbin/mysqld', basedir)).script;
}

import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { unpackPackage } from './unpack-package.js';

/**
 * Prints the path of a script that runs the mysqld of Debian unstable, which it downloads once. The
 * binaries need a newer C library than the machine's, so the script starts them with the dynamic
 * loader that was downloaded with them.
 */
const root = await unpackPackage('mysql-server-core', 'sid');
const libraries = join(root, 'usr/lib');
const files = await readdir(libraries, { recursive: true });
const loader = join(libraries, files.find((file) => /-linux-gnu.ld-linux/.test(file)) ?? '');
const command = `"${loader}" --library-path "${dirname(loader)}" "${root}/usr/sbin/mysqld"`;
const script = join(root, 'mysqld');
await writeFile(script, `#!/bin/sh\nexec ${command} "$@" --basedir="${root}/usr"\n`, {
  mode: 0o755,
});
console.log(script);

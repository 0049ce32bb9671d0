import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { findProgram, thisMachine } from '../support/apt.js';
import { createPrivateServer, type PrivateServer } from '../support/private-server.js';

/** Said in the report: what the database server has beside its defaults. */
export const serverSettings = [
  '--skip-log-bin',
  // Everything fits, so that statements are measured and not a disk.
  '--innodb-buffer-pool-size=1G',
  '--innodb-log-file-size=512M',
  // A remembered result would make any statement look quick.
  '--query-cache-type=OFF',
  '--max-connections=200',
];

/** Where the data stays between runs: BENCH_FOLDER, or a folder of the user's cache. */
export function benchFolder(env: Readonly<Record<string, string | undefined>>): string {
  const cache = env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return env['BENCH_FOLDER'] ?? join(cache, 'exports-gateway-bench');
}

/** A private MariaDB on the data of earlier runs. Throws when there is none on this machine, or another run has it. */
export async function startBenchServer(folder: string): Promise<PrivateServer> {
  const program = findProgram(['mariadbd'], thisMachine.folders);
  if (program === undefined) throw new Error('Install mariadb-server: the bench needs mariadbd.');
  await mkdir(folder, { recursive: true });
  const server = await createPrivateServer(program, thisMachine, { keptIn: folder });
  await server.start(serverSettings);
  return server;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { freePort } from '../support/private-server.js';
import { ask, LINK_SECRET } from './check.js';
import { ORGANIZATION } from './data.js';
import { killedAtExit } from './killed-at-exit.js';

export const contenderNames = ['limit', 'gateway', 'mercurius'] as const;
export type ContenderName = (typeof contenderNames)[number];

/** A server that answers GraphQL requests, in a process of its own. */
export interface Contender {
  readonly name: ContenderName;
  readonly origin: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const typescript = ['--import', import.meta.resolve('@swc-node/register/esm-register')];

/** Starts a contender on a database, as it would run in production, and waits until it answers. */
export async function startContender(
  name: ContenderName,
  { databaseUrl, folder }: { databaseUrl: string; folder: string },
): Promise<Contender> {
  const files = join(folder, 'files');
  await mkdir(files, { recursive: true });
  const port = await freePort();
  const args =
    name === 'gateway'
      ? [join(root, 'dist/src/main.js')]
      : [...typescript, join(root, 'test/bench/contenders/start.ts'), name];
  const child = spawn(process.execPath, args, {
    // The gateway would read a developer's .env in the checkout; the others are compiled by the tsconfig.json there.
    cwd: name === 'gateway' ? folder : root,
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      AUTH: 'off',
      ORGANIZATION,
      LOG_LEVEL: 'warn',
      FILES_URL: `file:${files}`,
      FILES_SIGNING_SECRET: LINK_SECRET,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
    },
    stdio: ['ignore', process.stderr, 'inherit'],
  });
  const forget = killedAtExit(child);
  const ended = once(child, 'exit');

  const origin = `http://127.0.0.1:${port}`;
  while (!(await answers(origin))) {
    if (child.exitCode !== null) throw new Error(`${name} did not start.`);
    await sleep(50);
  }
  return {
    name,
    origin,
    pid: child.pid ?? NaN,
    async stop() {
      child.kill('SIGKILL');
      await ended;
      forget();
    },
  };
}

async function answers(origin: string): Promise<boolean> {
  return ask(origin, {
    operationName: 'Any',
    query: 'query Any { __typename }',
    variables: {},
  }).then(
    () => true,
    // Nothing listens there yet.
    () => false,
  );
}

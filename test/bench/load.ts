import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { findOrInstall, findProgram, thisMachine } from '../support/apt.js';
import { killedAtExit } from './killed-at-exit.js';
import type { GraphqlRequest } from './workloads.js';

/** How many requests are on their way at any time, unless told otherwise. */
const CLIENTS = 32;

/** How long the last answers may take, in seconds. */
const PATIENCE = 120;

/** What came of a load. */
export interface LoadResult {
  readonly received: number;
  /** Until the last answer. */
  readonly seconds: number;
  /** Answers other than 200, answers with GraphQL errors, requests without an answer. */
  readonly errors: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface LoadOptions {
  /** Posted one after the other, and from the first one on again. */
  readonly requests: readonly GraphqlRequest[];
  readonly seconds: number;
  readonly clients?: number;
  /** Where the requests are kept meanwhile. */
  readonly folder: string;
}

/**
 * Puts load on a server for some seconds, and then until every request is answered. With wrk: of the CPU that it shares with
 * what it measures it takes the least.
 */
export async function putLoad(
  origin: string,
  { requests, seconds, folder, clients = CLIENTS }: LoadOptions,
): Promise<LoadResult> {
  const bodies = join(folder, 'requests');
  await writeFile(bodies, requests.map((request) => JSON.stringify(request)).join('\n'));
  const script = fileURLToPath(new URL('load.lua', import.meta.url));
  const most = Math.ceil(seconds) + PATIENCE;
  const options = ['-t1', `-c${clients}`, `-d${most}s`, `--timeout=${PATIENCE}s`, '-s', script];
  const args = [...options, `${origin}/graphql`, '--', bodies, String(seconds)];
  const running = promisify(execFile)(await findWrk(), args);
  const { stdout } = await running.finally(killedAtExit(running.child));
  const result = /^\{"answered".*$/m.exec(stdout)?.[0];
  if (result === undefined) throw new Error(`wrk gave no result:\n${stdout}`);
  return JSON.parse(result) as LoadResult;
}

/** Finds wrk, or installs it where that is possible. */
function findWrk(): Promise<string> {
  return findOrInstall(['wrk'], () => findProgram(['wrk'], thisMachine.folders));
}

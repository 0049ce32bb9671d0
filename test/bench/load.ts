import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { findOrInstall, findProgram, thisMachine } from '../support/apt.js';
import type { GraphqlRequest } from './workloads.js';

const exiting = new AbortController();
process.once('exit', () => {
  exiting.abort();
});
/** Ends child processes together with this process. */
export const atExit = exiting.signal;

/** The maximum time of a response after the end of the load, in seconds. */
const RESPONSE_TIMEOUT = 120;

export interface LoadResult {
  readonly received: number;
  /** The time until the last response. */
  readonly seconds: number;
  /** Responses other than 200 or with GraphQL errors, and requests without a response. */
  readonly errors: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface Load {
  /** Sent one after the other, repeatedly. */
  readonly requests: readonly GraphqlRequest[];
  readonly seconds: number;
  /** The number of concurrent requests. */
  readonly clients?: number;
  /** The folder for the file of the requests. */
  readonly folder: string;
}

/** Loads a server with wrk, which needs less CPU than others, and waits for all responses. */
export async function runLoad(
  origin: string,
  { requests, seconds, folder, clients = 32 }: Load,
): Promise<LoadResult> {
  const bodies = join(folder, 'requests');
  await writeFile(bodies, requests.map((request) => JSON.stringify(request)).join('\n'));
  const script = fileURLToPath(new URL('load.lua', import.meta.url));
  const duration = Math.ceil(seconds) + RESPONSE_TIMEOUT;
  const options = ['-t1', `-c${clients}`, `-d${duration}s`, `--timeout=${RESPONSE_TIMEOUT}s`];
  const args = [...options, '-s', script, `${origin}/graphql`, '--', bodies, String(seconds)];
  const { stdout } = await promisify(execFile)(await findWrk(), args, { signal: atExit });
  const result = /^\{"received".*$/m.exec(stdout)?.[0];
  if (result === undefined) throw new Error(`wrk printed no result:\n${stdout}`);
  return JSON.parse(result) as LoadResult;
}

function findWrk(): Promise<string> {
  return findOrInstall(['wrk'], () => findProgram(['wrk'], thisMachine.folders));
}

import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { SignJWT } from 'jose';

import { postQuery } from './exports-server.js';

export const TOKEN_SECRET = 'the secret of the tokens of fairness';

/** In requests per second. */
const QUIET_RATE = 50;
const quietQueries = [
  '{ exports(limit: 10) { data { id name status createdAt } } }',
  '{ export(id: "exp_0") { id name } }',
];

export interface Response {
  readonly ms: number;
  /** The status, and the code of the first error. */
  readonly outcome: string;
}

/** Two organizations, of which one sends as fast as it can. */
export interface Neighbours {
  readonly origin: string;
  readonly quiet: string;
  readonly noisy: string;
  readonly seconds: number;
}

/** Sends lists and lookups of the quiet organization at a fixed rate. */
export async function sendQuietly({ origin, quiet, seconds }: Neighbours): Promise<Response[]> {
  const token = await tokenOf(quiet);
  const startedAt = performance.now();
  // A request is sent when it is due, whether earlier ones are finished or not.
  const responses = Array.from({ length: seconds * QUIET_RATE }, async (_, index) => {
    await sleep(startedAt + (index * 1_000) / QUIET_RATE - performance.now());
    return send(origin, token, quietQueries[index % quietQueries.length] ?? '');
  });
  return Promise.all(responses);
}

/**
 * Does the same beside connections of the noisy organization, which send requests of `lists` lists
 * with searches that no other request has. Returns the responses to both.
 */
export async function sendBeside(
  neighbours: Neighbours,
  { connections, lists }: { connections: number; lists: number },
): Promise<{ quiet: Response[]; noisy: Response[] }> {
  const token = await tokenOf(neighbours.noisy);
  const noisy: Response[] = [];
  let isOver = false;
  let number = 0;
  const sendOne = async () => {
    noisy.push(await send(neighbours.origin, token, searches(number++, lists)));
  };
  const firsts = Array.from({ length: connections }, sendOne);
  const clients = firsts.map(async (first) => {
    await first;
    while (!isOver) await sendOne();
  });
  await Promise.race(firsts);
  const quiet = await sendQuietly(neighbours);
  isOver = true;
  await Promise.all(clients);
  return { quiet, noisy };
}

export function quantile(responses: readonly Response[], part: number): number {
  const sorted = responses.map(({ ms }) => ms).toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * part) - 1] ?? NaN;
}

/** Counts the responses by their outcome. */
export function outcomes(responses: readonly Response[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of responses) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

function searches(number: number, lists: number): string {
  const fields = Array.from(
    { length: lists },
    (_, index) =>
      `a${index}: exports(limit: 1, filter: { search: "x${number}y${index}" }) { data { id } }`,
  );
  return `{ ${fields.join(' ')} }`;
}

function tokenOf(organization: string): Promise<string> {
  return new SignJWT({ org_id: organization })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1 h')
    .sign(new TextEncoder().encode(TOKEN_SECRET));
}

async function send(origin: string, token: string, query: string): Promise<Response> {
  const startedAt = performance.now();
  const options = { headers: { authorization: `Bearer ${token}` }, timeoutMs: 60_000 };
  const { status, code } = await postQuery(origin, query, options);
  const outcome = code === undefined ? String(status) : `${status} ${code}`;
  return { ms: performance.now() - startedAt, outcome };
}

import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Target } from './bench.js';
import { quantile } from './figures.js';

/** More than a server at half load needs; a request that waits for one of them counts its wait. */
const MAX_CONNECTIONS = 256;

const OVERLOADED = 503;

/** A response, of which `text` may be incomplete when the server is at fault. */
interface Received {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends requests at a fixed rate, whether or not earlier ones have their response. A latency lasts
 * from the time at which the rate intends the request, so a request that starts late counts its
 * delay; one that is rejected by an overloaded server lasts forever. Returns milliseconds.
 */
export async function loadAtRate(
  { contender, requests }: Target,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<{ p99: number; errors: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
  const bodies = requests.map((each) => JSON.stringify(each));
  const count = Math.round(perSecond * seconds);
  const latencies: number[] = [];
  let errors = 0;

  async function sendFrom(from: number, body: string): Promise<void> {
    const { status, text } = await send(`${contender.origin}/graphql`, { agent, body });
    const isRejected = status === OVERLOADED;
    latencies.push(isRejected ? Infinity : performance.now() - from);
    if (!isRejected && (status !== 200 || text.includes('"errors"'))) errors += 1;
  }

  const start = performance.now();
  const sent: Promise<void>[] = [];
  for (let index = 0; index < count; index++) {
    const intended = start + (1_000 * index) / perSecond;
    // A timer is exact to a millisecond: what it leaves over, the request is early.
    const wait = Math.floor(intended - performance.now());
    if (wait > 0) await sleep(wait);
    const from = Math.min(intended, performance.now());
    sent.push(sendFrom(from, bodies[index % bodies.length] ?? ''));
  }
  await Promise.all(sent);
  agent.destroy();
  return { p99: quantile(latencies, 0.99), errors };
}

async function send(
  url: string,
  { agent, body }: { agent: Agent; body: string },
): Promise<Received> {
  return new Promise((resolve) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const onError = (error: Error) => {
      resolve({ status: 0, text: error.message });
    };
    request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', onError).on('end', () => {
        resolve({ status: response.statusCode ?? 0, text });
      });
    })
      .on('error', onError)
      .end(body);
  });
}

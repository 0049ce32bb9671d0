// Sends load to a gateway from a process of its own. Its argument is a LoadTask as JSON; it prints a LoadResult as JSON.
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';

/** Either requests without a pause on several connections, or requests at a rate regardless of the responses. */
export type Phase = { readonly seconds: number } & (
  { readonly connections: number } | { readonly perSecond: number }
);

export interface LoadTask {
  readonly url: string;
  readonly query: string;
  readonly phase: Phase;
}

/** The first second of a phase with a rate is not counted. */
export interface LoadResult {
  /** The number of responses by status; 0 stands for a failed request. */
  readonly statuses: Readonly<Record<number, number>>;
  /** The number of responses with Retry-After. */
  readonly retryAfter: number;
  /** Of the responses with status 200, in milliseconds. */
  readonly p99: number;
  /** Responses with status 200. */
  readonly perSecond: number;
}

const { url, query, phase } = JSON.parse(process.argv[2] ?? '') as LoadTask;
/** More than the gateway admits and queues, so that requests queue there and not here. */
const CONNECTIONS = 600;
const agent = new Agent({ keepAlive: true, maxFreeSockets: CONNECTIONS });
const body = JSON.stringify({ query });
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };

const statuses: Record<number, number> = {};
const durations: number[] = [];
let retryAfter = 0;

async function send(isCounted = true): Promise<void> {
  const startedAt = performance.now();
  const status = await post().catch(() => 0);
  if (!isCounted) return;
  statuses[status] = (statuses[status] ?? 0) + 1;
  if (status === 200) durations.push(performance.now() - startedAt);

  async function post(): Promise<number> {
    const sent = request(url, { method: 'POST', agent, headers }).end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    if (isCounted && response.headers['retry-after'] !== undefined) retryAfter++;
    await once(response.resume(), 'end');
    return response.statusCode ?? 0;
  }
}

async function openConnection(): Promise<void> {
  const sent = request(new URL('/health/live', url), { agent }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  await once(response.resume(), 'end');
}

await Promise.all(Array.from({ length: CONNECTIONS }, openConnection));
const startedAt = performance.now();
const elapsed = () => (performance.now() - startedAt) / 1_000;
const pending = new Set<Promise<void>>();
if ('connections' in phase) {
  const client = async () => {
    while (elapsed() < phase.seconds) await send();
  };
  for (let started = 0; started < phase.connections; started++) pending.add(client());
} else {
  // Poisson arrivals, like those of independent clients: at even intervals no request would meet another.
  let next = 0;
  while (elapsed() < phase.seconds) {
    for (; next < elapsed(); next -= Math.log(1 - Math.random()) / phase.perSecond) {
      const sent = send(next > 1);
      pending.add(sent);
      void sent.then(() => pending.delete(sent));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
await Promise.all(pending);
const counted = elapsed() - ('perSecond' in phase ? 1 : 0);

durations.sort((a, b) => a - b);
const result: LoadResult = {
  statuses,
  retryAfter,
  p99: durations[Math.floor(durations.length * 0.99)] ?? NaN,
  perSecond: durations.length / counted,
};
process.stdout.write(`${JSON.stringify({ level: 30, msg: JSON.stringify(result) })}\n`);
agent.destroy();

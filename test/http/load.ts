// Sends load to a gateway from a process of its own. Its arguments are a URL, a query and a Phase as
// JSON; it prints a LoadResult as JSON.
import { once } from 'node:events';
import { Agent, request, type IncomingMessage, type RequestOptions } from 'node:http';

/** Either requests without a pause on several connections, or requests at a rate regardless of the responses. */
export type Phase = { readonly seconds: number } & (
  { readonly connections: number } | { readonly perSecond: number }
);

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

const [, , url = '', query = '', phaseText = ''] = process.argv;
const phase = JSON.parse(phaseText) as Phase;
/** More than the gateway admits and queues, so that requests queue there and not here. */
const CONNECTIONS = 600;
const agent = new Agent({ keepAlive: true, maxFreeSockets: CONNECTIONS });
const headers = { 'content-type': 'application/json' };

const statuses: Record<number, number> = {};
const durations: number[] = [];
let retryAfter = 0;

/** Sends a request and resolves to its response after the last byte. */
async function exchange(path: string, options: RequestOptions, text = '') {
  const sent = request(new URL(path, url), { agent, ...options }).end(text);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  await once(response.resume(), 'end');
  return response;
}

let sentRequests = 0;
async function send(isCounted = true): Promise<void> {
  const startedAt = performance.now();
  // Equal requests would share an execution.
  const variables = { spaces: ' '.repeat(sentRequests++ % CONNECTIONS) };
  const body = JSON.stringify({ query, variables });
  const response = await exchange(url, { method: 'POST', headers }, body).catch(() => undefined);
  if (!isCounted) return;
  const status = response?.statusCode ?? 0;
  statuses[status] = (statuses[status] ?? 0) + 1;
  if (status === 200) durations.push(performance.now() - startedAt);
  if (response?.headers['retry-after'] !== undefined) retryAfter++;
}

await Promise.all(Array.from({ length: CONNECTIONS }, () => exchange('/health/live', {})));
const startedAt = performance.now();
const elapsed = () => (performance.now() - startedAt) / 1_000;
const pending = new Set<Promise<void>>();
if ('connections' in phase) {
  const client = async () => {
    while (elapsed() < phase.seconds) await send();
  };
  for (let started = 0; started < phase.connections; started++) pending.add(client());
} else {
  // Poisson arrivals, as of independent clients: at even intervals no requests would overlap.
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

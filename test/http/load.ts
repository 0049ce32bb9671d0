// Puts load on a gateway, from a process of its own. Takes what to do as JSON, and writes what came of it as JSON in a line.
import { Agent, request } from 'node:http';

/**
 * What to do for how long: as fast as so many connections can, or so many requests a second, come what may, of which those of
 * the first second are not counted: what counts is the load, not how it begins.
 */
export type Phase = { readonly seconds: number } & (
  { readonly connections: number } | { readonly perSecond: number }
);

/** What came of a phase. */
export interface OperationResult {
  /** How many answers had each status; 0: no answer. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Of all that were not answered with 200: how many said Retry-After. */
  readonly retryAfter: number;
  /** Of those answered with 200, in milliseconds. */
  readonly median: number;
  readonly p99: number;
  /** Of those answered with 200. */
  readonly perSecond: number;
}

const { url, query, phase } = JSON.parse(process.argv[2] ?? '') as {
  url: string;
  query: string;
  phase: Phase;
};
/** Opened beforehand: more than the gateway lets in and lets wait, so that those who ask too much wait there, not here. */
const CONNECTIONS = 600;
const agent = new Agent({ keepAlive: true, maxFreeSockets: CONNECTIONS });
const body = JSON.stringify({ query });
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };

const statuses: Record<number, number> = {};
const took: number[] = [];
let retryAfter = 0;

function ask(isCounted = true): Promise<void> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    function count(status: number): void {
      resolve();
      if (!isCounted) return;
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 200) took.push(performance.now() - startedAt);
    }
    request(url, { method: 'POST', agent, headers }, (answer) => {
      if (isCounted && answer.headers['retry-after'] !== undefined) retryAfter++;
      answer.resume().on('end', () => {
        count(answer.statusCode ?? 0);
      });
    })
      .on('error', () => {
        count(0);
      })
      .end(body);
  });
}

await Promise.all(
  Array.from(
    { length: CONNECTIONS },
    () =>
      new Promise((resolve) => {
        request(new URL('/health/live', url), { agent }, (answer) => {
          answer.resume().on('end', resolve);
        }).end();
      }),
  ),
);
const begun = performance.now();
const elapsed = () => (performance.now() - begun) / 1_000;
const running = new Set<Promise<void>>();
if ('connections' in phase) {
  const client = async () => {
    while (elapsed() < phase.seconds) await ask();
  };
  for (let each = 0; each < phase.connections; each++) running.add(client());
} else {
  // At random, as independent clients ask: in even steps nobody would ever meet another.
  let next = 0;
  while (elapsed() < phase.seconds) {
    for (; next < elapsed(); next -= Math.log(1 - Math.random()) / phase.perSecond) {
      const asked = ask(next > 1);
      running.add(asked);
      void asked.then(() => running.delete(asked));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
await Promise.all(running);
const counted = elapsed() - ('perSecond' in phase ? 1 : 0);

took.sort((a, b) => a - b);
const outcome: OperationResult = {
  statuses,
  retryAfter,
  median: took[Math.floor(took.length * 0.5)] ?? NaN,
  p99: took[Math.floor(took.length * 0.99)] ?? NaN,
  perSecond: took.length / counted,
};
process.stdout.write(`${JSON.stringify({ level: 30, msg: JSON.stringify(outcome) })}\n`);
agent.destroy();

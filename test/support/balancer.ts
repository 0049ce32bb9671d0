import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';

import { errorCode } from '../../src/errors.js';

/** A balancer in front of gateways, as simple as they get: it keeps connections open, and repeats nothing it has sent. */
export interface Balancer {
  readonly origin: string;
  /** How many requests each target has answered, by its origin. */
  readonly served: ReadonlyMap<string, number>;
  /** What went wrong with requests that a target had accepted. */
  readonly failures: readonly string[];
  /** Sends requests to these from now on, each while its `/health/ready` says 200. Comes when that is known of all. */
  setTargets(origins: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const POLL_MS = 200;

export async function startBalancer(): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true });
  const served = new Map<string, number>();
  const failures: string[] = [];
  let targets: readonly string[] = [];
  let ready: readonly string[] = [];
  let turn = 0;

  async function poll(): Promise<void> {
    const polled = targets;
    const states = await Promise.all(
      polled.map((origin) =>
        fetch(`${origin}/health/ready`).then(
          ({ status }) => status === 200,
          () => false,
        ),
      ),
    );
    if (polled === targets) ready = polled.filter((_, index) => states[index]);
  }
  const polling = setInterval(() => void poll(), POLL_MS);

  function forward(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): void {
    const origin = ready[turn++ % ready.length];
    if (origin === undefined) {
      failures.push('no target is ready');
      outgoing.writeHead(502).end();
      return;
    }
    const { method, headers } = incoming;
    const onward = request(`${origin}${incoming.url ?? ''}`, { agent, method, headers });
    onward.on('response', (answer) => {
      served.set(origin, (served.get(origin) ?? 0) + 1);
      // Each of the two connections has its own end.
      delete answer.headers.connection;
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.on('error', (error) => failures.push(`in an answer: ${error.message}`));
    });
    onward.on('error', (error) => {
      if (errorCode(error) === 'ECONNREFUSED') {
        ready = ready.filter((each) => each !== origin);
        forward(incoming, body, outgoing);
        return;
      }
      failures.push(`${errorCode(error) ?? ''}: ${error.message}`);
      if (!outgoing.headersSent) outgoing.writeHead(502);
      outgoing.end();
    });
    onward.end(body);
  }

  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      forward(incoming, Buffer.concat(chunks), outgoing);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No TCP port is free.');

  return {
    origin: `http://127.0.0.1:${address.port}`,
    served,
    failures,
    async setTargets(origins) {
      targets = origins;
      await poll();
    },
    async close() {
      clearInterval(polling);
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

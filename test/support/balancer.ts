import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { errorCode } from '../../src/errors.js';

const POLL_MS = 200;

/** A minimal load balancer with keep-alive. It does not retry a request that a target accepted. */
export async function startBalancer() {
  const agent = new Agent({ keepAlive: true });
  /** The number of responses of each target, by its origin. */
  const served = new Map<string, number>();
  /** The errors of requests that a target had accepted. */
  const failures: string[] = [];
  let targets: readonly string[] = [];
  let ready: readonly string[] = [];
  let turn = 0;
  const tunnels = new Set<Duplex>();

  async function poll(): Promise<void> {
    const polled = targets;
    const responses = await Promise.all(
      polled.map((origin) => fetch(`${origin}/health/ready`).catch(() => null)),
    );
    if (polled === targets) ready = polled.filter((_, at) => responses[at]?.status === 200);
  }

  async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method, headers, url = '' } = incoming;
    const body = await buffer(incoming);
    for (;;) {
      const origin = ready[turn++ % ready.length];
      try {
        if (origin === undefined) throw new Error('no target is ready');
        const upstream = request(`${origin}${url}`, { agent, method, headers }).end(body);
        const [response] = (await once(upstream, 'response')) as [IncomingMessage];
        served.set(origin, (served.get(origin) ?? 0) + 1);
        // A hop-by-hop header, which concerns only the connection to the target.
        delete response.headers.connection;
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        await pipeline(response, outgoing);
        return;
      } catch (error) {
        if (errorCode(error) !== 'ECONNREFUSED') {
          failures.push(String(error));
          if (!outgoing.headersSent) outgoing.writeHead(502);
          outgoing.end();
          return;
        }
        ready = ready.filter((each) => each !== origin);
      }
    }
  }

  /** Connects a WebSocket to a target. A client whose target does not respond must try again. */
  function tunnel({ method, url, rawHeaders }: IncomingMessage, client: Duplex): void {
    const { hostname, port } = new URL(ready[turn++ % ready.length] ?? 'http://127.0.0.1:1');
    const upstream = connect(Number(port), hostname);
    const headers = rawHeaders.map((text, at) => text + (at % 2 === 0 ? ': ' : '\r\n'));
    upstream.write(`${method} ${url} HTTP/1.1\r\n${headers.join('')}\r\n`);
    for (const [from, to] of [[client, upstream] as const, [upstream, client] as const]) {
      from.pipe(to);
      tunnels.add(from);
      from
        .on('error', () => undefined)
        .once('close', () => {
          tunnels.delete(from);
          to.end();
        });
    }
  }

  const server = createServer((incoming, outgoing) => void forward(incoming, outgoing));
  server.on('upgrade', tunnel);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const polling = setInterval(() => void poll(), POLL_MS);
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    failures,
    /** Balances over these targets from now on, while their `/health/ready` responds with 200; resolves after a first poll. */
    async setTargets(origins: readonly string[]) {
      targets = origins;
      await poll();
    },
    async close() {
      clearInterval(polling);
      server.close();
      server.closeAllConnections();
      for (const socket of tunnels) socket.destroy();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { JWK } from 'jose';

/** A server of a key set, whose answer a test may change. */
export interface JwksServer {
  readonly url: string;
  /** How often the set was fetched. */
  fetches: number;
  answer: { status: number; body: string };
  publish(...keys: readonly JWK[]): void;
  listen(): Promise<void>;
  /** Refuses connections from now on, until it listens again. */
  close(): Promise<void>;
}

export async function createJwksServer(): Promise<JwksServer> {
  const server = createServer((_request, response) => {
    jwks.fetches++;
    response.writeHead(jwks.answer.status, { 'content-type': 'application/json' });
    response.end(jwks.answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const jwks: JwksServer = {
    url: `http://127.0.0.1:${port}/jwks.json`,
    fetches: 0,
    answer: { status: 200, body: '{"keys":[]}' },
    publish(...keys) {
      jwks.answer = { status: 200, body: JSON.stringify({ keys }) };
    },
    async listen() {
      if (server.listening) return;
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    async close() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return jwks;
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { JWK } from 'jose';

/** A server of a JSON Web Key Set, whose response a test may change. */
export interface JwksServer {
  readonly url: string;
  /** The number of requests so far. */
  requests: number;
  response: { status: number; body: string };
  publish(...keys: readonly JWK[]): void;
  /** Accepts connections again after `close`. */
  listen(): Promise<void>;
  /** Refuses connections until `listen`. */
  close(): Promise<void>;
}

export async function startJwksServer(): Promise<JwksServer> {
  const server = createServer((_request, response) => {
    jwks.requests++;
    response.writeHead(jwks.response.status).end(jwks.response.body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const jwks: JwksServer = {
    url: `http://127.0.0.1:${port}/jwks.json`,
    requests: 0,
    response: { status: 200, body: '{"keys":[]}' },
    publish(...keys) {
      jwks.response = { status: 200, body: JSON.stringify({ keys }) };
    },
    async listen() {
      if (!server.listening) await once(server.listen(port, '127.0.0.1'), 'listening');
    },
    async close() {
      if (!server.listening) return;
      server.close().closeAllConnections();
      await once(server, 'close');
    },
  };
  return jwks;
}

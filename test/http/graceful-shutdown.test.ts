import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

import { expect, it } from '@jest/globals';

import { GracefulShutdown } from '../../src/http/graceful-shutdown.js';

it('sends a response to its end that a client is still reading', async () => {
  // More than the buffers of the system take.
  const body = Buffer.alloc(64 * 1024 * 1024);
  const server = createServer((request, response) => {
    shutdown.track(request.url ?? '', response);
    response.setHeader('Content-Length', body.length).end(body);
  });
  const shutdown = new GracefulShutdown(server, 0);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const [response] = (await once(get({ port, host: '127.0.0.1' }), 'response')) as [
    IncomingMessage,
  ];
  const closed = shutdown.close(promisify(server.close.bind(server)));
  let received = 0;
  for await (const chunk of response) received += (chunk as Buffer).length;
  expect(received).toBe(body.length);
  await closed;
});

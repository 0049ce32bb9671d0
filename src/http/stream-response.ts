import type { ServerResponse } from 'node:http';

import type { FastifyReply, FastifyRequest } from 'fastify';

import { GatewayError } from '../errors.js';
import type { Heartbeats } from './heartbeats.js';
import type { RecordedStream } from './recorded-stream.js';
import type { StreamEncoding } from './stream-encodings.js';

/** For proxies, which would otherwise compress, buffer or keep a stream. */
export const streamHeaders = {
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
};

/** Sends the results of a subscription until it ends or the client disconnects. */
export function sendStream(
  reply: FastifyReply,
  results: RecordedStream,
  { encoding, heartbeats }: { encoding: StreamEncoding; heartbeats: Heartbeats },
): FastifyReply {
  reply.headers(streamHeaders).type(encoding.contentType).hijack();
  const { raw: response, request } = reply;
  // A client that subscribes again while the gateway closes must not do so on this connection.
  response.shouldKeepAlive = false;
  response.writeHead(200, reply.getHeaders() as Record<string, string>);
  // On their own: V8 keeps a text that was joined from parts, here 4 KiB, until it is written as one.
  response.flushHeaders();
  response.write(encoding.opening);
  releaseRequest(request);
  const stopBeating = heartbeats.start({
    beat() {
      if (response.writableLength === 0) response.write(encoding.heartbeat);
    },
  });
  response.once('close', () => {
    stopBeating();
    results.return();
  });
  sendResults(response, results, encoding).catch((error: unknown) => {
    request.log.error({ err: error }, 'A subscription failed');
    response.destroy();
  });
  return reply;
}

/** A stream may stay open for hours, and needs nothing of its request but what the log tells. */
function releaseRequest(request: FastifyRequest): void {
  request.body = undefined;
  request.raw.headers = {};
  request.raw.rawHeaders = [];
}

async function sendResults(
  response: ServerResponse,
  results: RecordedStream,
  encoding: StreamEncoding,
): Promise<void> {
  try {
    while (await sendNext(response, results, encoding));
    response.end(encoding.completion);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    response.end(encoding.encodeError(error));
  }
}

/**
 * Asks for a result and sends it; false at the end. The next one is asked for once this is written, so
 * that a slow client gets the newest states, and this one need not stay in memory.
 */
async function sendNext(
  response: ServerResponse,
  results: RecordedStream,
  encoding: StreamEncoding,
): Promise<boolean> {
  const next = await results.next();
  if (next.done === true) return false;
  await write(response, encoding.encodeResult(JSON.stringify(next.value)));
  return true;
}

/** Resolves once the system has taken the text, or the client has disconnected. */
function write(response: ServerResponse, text: string): Promise<void> {
  return new Promise((resolve) => {
    response.write(text, () => {
      resolve();
    });
  });
}

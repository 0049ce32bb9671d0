import type { ServerResponse } from 'node:http';

import type { FastifyInstance } from 'fastify';

/**
 * How long clients are still served, and told to go elsewhere, before the server stops to listen: those that poll
 * `/health/ready` hear of it there, …
 */
const NOTICE_TO_BALANCERS_MS = 2_000;
/** … and all others by the answer to the next request on their connection. */
const NOTICE_MS = 300;
/** Balancers ask more often than that. */
const LISTENED_TO_MS = 60_000;
/** How long somebody who has just connected has for his request, once the server listens no more. */
const SILENCE_MS = 500;

/** How a server takes leave of its clients so that none of them loses a request. */
export interface GracefulShutdown {
  /** Whether clients are told to go elsewhere. */
  readonly hasBegun: () => boolean;
  /** Tells clients to go elsewhere from now on; comes when they have had the time to. */
  begin(): Promise<void>;
  /** Stops to listen, and comes when the last request has its answer and its connection is closed. */
  close(): Promise<void>;
}

/** To be called before routes are added. */
export function addGracefulShutdown(server: FastifyInstance): GracefulShutdown {
  let hasBegun = false;
  let isClosing = false;
  let mayHangUp = false;
  let lastRequestAt = -Infinity;
  let readyAskedAt = -Infinity;
  const answers = new Set<ServerResponse>();

  server.addHook('onRequest', (request, { raw }, done) => {
    lastRequestAt = performance.now();
    if (request.url === '/health/ready') readyAskedAt = lastRequestAt;
    if (hasBegun) endAfter(raw);
    answers.add(raw);
    raw.once('close', () => {
      answers.delete(raw);
      if (isClosing) setImmediate(hangUp);
    });
    done();
  });

  /** An answer that had begun before may have left its connection open. */
  function hangUp(): void {
    if (mayHangUp && answers.size === 0) server.server.closeAllConnections();
    else server.server.closeIdleConnections();
  }

  function startToDrain(): void {
    hasBegun = true;
    for (const answer of answers) endAfter(answer);
  }

  return {
    hasBegun: () => hasBegun,
    async begin() {
      startToDrain();
      const now = performance.now();
      if (now - lastRequestAt > LISTENED_TO_MS) return;
      const hasBalancer = now - readyAskedAt < LISTENED_TO_MS;
      const notice = hasBalancer ? NOTICE_TO_BALANCERS_MS : NOTICE_MS;
      await new Promise((resolve) => setTimeout(resolve, notice));
    },
    async close() {
      startToDrain();
      isClosing = true;
      // A browser opens connections for requests it may never have.
      const silence = setTimeout(() => {
        mayHangUp = true;
        hangUp();
      }, SILENCE_MS);
      await server.close();
      clearTimeout(silence);
    },
  };
}

function endAfter(answer: ServerResponse): void {
  if (!answer.headersSent) answer.setHeader('Connection', 'close');
}

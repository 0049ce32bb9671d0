import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';

export interface ManagementRouteOptions {
  /** Throws while the gateway cannot serve requests. */
  readonly checkReady: () => Promise<unknown>;
  readonly metrics: Registry;
}

/** However often balancers and other clients ask, the database is queried once in this time. */
const READY_CHECK_INTERVAL_MS = 1_000;

/** `GET /health/live`, `/health/ready` (503 also while the server drains) and `/metrics`. */
export function addManagementRoutes(
  server: FastifyInstance,
  shutdown: { readonly isDraining: boolean },
  { checkReady, metrics }: ManagementRouteOptions,
): void {
  const isReady = atMostEvery(READY_CHECK_INTERVAL_MS, checkReady);
  server.get('/health/live', async () => ({ status: 'ok' }));
  server.get('/health/ready', async (request, reply) => {
    if (shutdown.isDraining) return reply.code(503).send({ status: 'closing' });
    try {
      await isReady();
      return { status: 'ok' };
    } catch (error) {
      request.log.warn({ err: error }, 'Not ready');
      return reply.code(503).send({ status: 'unavailable' });
    }
  });
  server.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
}

/** Shares a call with those that follow within `ms` of its start or before its end. */
function atMostEvery(ms: number, call: () => Promise<unknown>): () => Promise<unknown> {
  let shared: Promise<unknown> | null = null;
  let startedAt = -Infinity;
  let isRunning = false;
  return () => {
    const now = performance.now();
    if (shared !== null && (isRunning || now - startedAt < ms)) return shared;
    [startedAt, isRunning] = [now, true];
    shared = call().finally(() => {
      isRunning = false;
    });
    return shared;
  };
}

import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';

export interface ManagementRouteOptions {
  /** Throws while the gateway cannot serve requests. */
  readonly checkReady: () => Promise<unknown>;
  readonly metrics: Registry;
}

/** `GET /health/live`, `/health/ready` (503 also while the server drains) and `/metrics`. */
export function addManagementRoutes(
  server: FastifyInstance,
  shutdown: { readonly isDraining: boolean },
  { checkReady, metrics }: ManagementRouteOptions,
): void {
  server.get('/health/live', async () => ({ status: 'ok' }));
  server.get('/health/ready', async (request, reply) => {
    if (shutdown.isDraining) return reply.code(503).send({ status: 'closing' });
    try {
      await checkReady();
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

import type { FastifyInstance } from 'fastify';

/**
 * `GET /health/live`: the process answers. `GET /health/ready`: it can serve; 503 while `checkReady` throws, and once the server
 * has begun to close.
 */
export function addHealthRoutes(
  server: FastifyInstance,
  { isClosing, checkReady }: { isClosing: () => boolean; checkReady: () => Promise<void> },
): void {
  server.get('/health/live', async () => ({ status: 'ok' }));

  server.get('/health/ready', async (request, reply) => {
    if (isClosing()) return reply.code(503).send({ status: 'closing' });
    try {
      await checkReady();
      return { status: 'ok' };
    } catch (error) {
      request.log.warn({ err: error }, 'Not ready');
      return reply.code(503).send({ status: 'unavailable' });
    }
  });
}

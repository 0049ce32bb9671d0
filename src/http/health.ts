import type { FastifyInstance } from 'fastify';

/** `GET /health/live`: the process answers. `GET /health/ready`: it can serve; 503 while `checkReady` throws. */
export function addHealthRoutes(server: FastifyInstance, checkReady: () => Promise<void>): void {
  server.get('/health/live', async () => ({ status: 'ok' }));

  server.get('/health/ready', async (request, reply) => {
    try {
      await checkReady();
      return { status: 'ok' };
    } catch (error) {
      request.log.warn({ err: error }, 'Not ready');
      return reply.code(503).send({ status: 'unavailable' });
    }
  });
}

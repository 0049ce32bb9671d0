import fastifyStatic from '@fastify/static';
import { fastify } from 'fastify';

interface Options {
  /** Of the built page. */
  readonly folder: string;
  readonly port: number;
  /** A token of the user and its lifetime in seconds; null: there is no user, who has to sign in. */
  readonly issueToken: () => Promise<{ access_token: string; expires_in: number } | null>;
}

/**
 * The back end of the page: it serves the built files and gives the page access tokens of its user. A real one
 * knows the user by a session cookie, and gets the token from the issuer that the gateway trusts.
 */
export async function startPageServer({ folder, port, issueToken }: Options) {
  const server = fastify({ forceCloseConnections: true });
  await server.register(fastifyStatic, { root: folder });
  server.post('/token', async (_request, reply) => {
    const token = await issueToken();
    return reply
      .header('Cache-Control', 'no-store')
      .code(token === null ? 401 : 200)
      .send(token);
  });
  const origin = await server.listen({ port, host: '127.0.0.1' });
  return { origin, close: () => server.close() };
}

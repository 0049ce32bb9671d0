import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

import { isOriginOf } from './origins.js';
import { REQUEST_ID_HEADER } from './requests.js';

/** Pages may send headers of any name: without cookies, no header gives them rights of a user. */
const corsOptions = {
  methods: ['GET', 'HEAD', 'POST'],
  exposedHeaders: [
    ...['Content-Disposition', 'Content-Range', 'ETag', 'Retry-After', 'WWW-Authenticate'],
    REQUEST_ID_HEADER,
  ],
  maxAge: 600,
};

/** Clients can make up any number of origins, of any length. */
const MAX_LOGGED_ORIGINS = 100;
const MAX_LOGGED_LENGTH = 200;

/**
 * Lets the pages of `corsOrigins` call the gateway. Logs every other origin once, because browsers
 * do not tell a page why they withhold a response.
 */
export async function addCors(
  server: FastifyInstance,
  { corsOrigins, publicUrl }: { corsOrigins: readonly string[]; publicUrl: string | null },
): Promise<void> {
  const own = publicUrl === null ? [] : [new URL(publicUrl).origin];
  const known = new Set([...own, ...corsOrigins]);
  const logged = new Set<string>();
  server.addHook('onRequest', ({ headers, log }, _reply, done) => {
    const origin = headers.origin?.slice(0, MAX_LOGGED_LENGTH);
    if (origin !== undefined && !known.has(origin) && !isOriginOf(origin, headers.host)) {
      if (logged.size < MAX_LOGGED_ORIGINS && !logged.has(origin)) {
        logged.add(origin);
        const problem = 'is not in CORS_ORIGINS: browsers withhold responses from its pages';
        log.warn({ origin }, `The origin of a request ${problem}`);
      }
    }
    done();
  });
  if (corsOrigins.length > 0) {
    await server.register(cors, { ...corsOptions, origin: [...corsOrigins] });
  }
}

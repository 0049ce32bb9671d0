import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, RouteShorthandOptions } from 'fastify';

import type { Authenticate, Viewer } from '../auth/viewer.js';
import type { Context } from '../graphql/context.js';
import { addEtags } from './etag.js';
import { sendGraphiqlPage, type GraphiqlPage } from './graphiql.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; null until authentication. */
    viewer: Viewer | null;
  }
}

export const GRAPHQL_PATH = '/graphql';

/** `POST /graphql`, GET for queries, and GraphiQL for browsers that ask for a page. */
export async function addGraphqlRoute(
  server: FastifyInstance,
  {
    apollo,
    authenticate,
    contextFor,
    graphiqlPage,
  }: {
    /** Started. */
    apollo: ApolloServer<Context>;
    authenticate: Authenticate;
    contextFor: (viewer: Viewer) => Context;
    /** Null: no GraphiQL here. */
    graphiqlPage: (() => Promise<GraphiqlPage>) | null;
  },
): Promise<void> {
  server.decorateRequest('viewer', null);
  // Who opens the origin alone in a browser means this.
  if (graphiqlPage !== null) server.get('/', (_request, reply) => reply.redirect(GRAPHQL_PATH));

  const options: RouteShorthandOptions = {
    // Before the body is read: nothing is done for strangers.
    async onRequest(request, reply) {
      const wantsPage =
        request.method !== 'POST' && request.headers.accept?.includes('text/html') === true;
      if (wantsPage && graphiqlPage !== null) {
        return sendGraphiqlPage(request, reply, await graphiqlPage());
      }
      // Answers hold people's data and links that work for whoever holds them.
      void reply.header('Cache-Control', 'private, no-store');
      request.viewer = await authenticate(request.headers);
      return undefined;
    },
  };
  const handler = fastifyApolloHandler(apollo, {
    async context({ viewer }) {
      if (viewer === null) throw new Error('A request came here without authentication');
      return contextFor(viewer);
    },
  });
  server.post<{ Reply: string }>(GRAPHQL_PATH, options, handler);
  // Only an answer to a GET can be kept, and so be found unchanged.
  await server.register(async (scope) => {
    addEtags(scope);
    scope.get<{ Reply: string }>(GRAPHQL_PATH, options, handler);
  });
}

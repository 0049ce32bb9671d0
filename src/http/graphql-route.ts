import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';

import type { Authenticate, Viewer } from '../auth/viewer.js';
import type { Context } from '../graphql/context.js';
import { sendGraphiqlPage, type GraphiqlPage } from './graphiql.js';

export const GRAPHQL_PATH = '/graphql';

/** `POST /graphql`, GET for queries, and GraphiQL for browsers that ask for a page. */
export function addGraphqlRoute(
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
): void {
  server.route<{ Reply: string }>({
    method: ['GET', 'POST'],
    url: GRAPHQL_PATH,
    async onRequest(request, reply) {
      const wantsPage =
        request.method !== 'POST' && request.headers.accept?.includes('text/html') === true;
      if (wantsPage && graphiqlPage !== null) {
        return sendGraphiqlPage(request, reply, await graphiqlPage());
      }
      return undefined;
    },
    handler: fastifyApolloHandler(apollo, {
      context: async (request) => contextFor(await authenticate(request.headers)),
    }),
  });
}

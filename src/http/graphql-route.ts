import { HeaderMap, type ApolloServer } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';

import type { Authenticate, Viewer } from '../auth/viewer.js';
import { OverloadedError } from '../errors.js';
import type { Context } from '../graphql/context.js';
import type { LoadShedder } from './load-shedder.js';
import { addEtags } from './etag.js';
import { sendGraphiqlPage, type GraphiqlPage } from './graphiql.js';
import { sendError } from './server.js';

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
    loadShedder,
    authenticate,
    contextFor,
    graphiqlPage,
  }: {
    /** Started. */
    apollo: ApolloServer<Context>;
    loadShedder: LoadShedder;
    authenticate: Authenticate;
    contextFor: (
      viewer: Viewer,
      request: Pick<Context, 'requestId' | 'onOperationResult'>,
    ) => Context;
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
  /** Apollo Server speaks no HTTP itself: it is told what a request says, and tells what to answer. */
  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<string> {
    const { viewer } = request;
    if (viewer === null) throw new Error('A request came here without authentication');
    const onOperationResult: Context['onOperationResult'] = (outcome) => {
      request.outcome = outcome;
    };
    const { status, headers, body } = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: request.method,
        headers: headerMap(request),
        search: searchOf(request.url),
        body: request.body,
      },
      context: async () => contextFor(viewer, { requestId: request.id, onOperationResult }),
    });
    if (body.kind !== 'complete') throw new Error('This schema defers nothing');
    for (const [name, value] of headers) void reply.header(name, value);
    void reply.code(status ?? 200);
    // What Apollo refuses before it looks at the query, it tells no plugin of, nor of a defect of its own.
    const { operation, code = null } = request.outcome ?? {};
    if (reply.statusCode >= 400 && code === null) {
      const guess = reply.statusCode < 500 ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR';
      request.outcome = { operation, code: guess };
    }
    return body.string;
  }
  // Here the body has come whole: who sends it slowly keeps nobody out.
  async function handler(request: FastifyRequest, reply: FastifyReply) {
    // Gone while his credentials were looked at: no place is taken for him.
    if (reply.raw.destroyed) return reply.hijack();
    return loadShedder.run<string | FastifyReply>(() => answer(request, reply), {
      otherwise: () => refuseOverload(reply),
      whileWaiting: (leave) => reply.raw.once('close', leave),
    });
  }
  server.post(GRAPHQL_PATH, options, handler);
  // Only an answer to a GET can be kept, and so be found unchanged.
  await server.register(async (scope) => {
    addEtags(scope);
    scope.get(GRAPHQL_PATH, options, handler);
  });
}

/** The query of a request target, with its question mark. */
function searchOf(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at);
}

function headerMap({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) map.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  return map;
}

const { message, extensions } = new OverloadedError();
const { code, http } = extensions;
const headers = Object.fromEntries(http?.headers ?? []);

/** As an OverloadedError would be answered, without the cost of one: there may be many. */
function refuseOverload(reply: FastifyReply): FastifyReply {
  return sendError(reply.headers(headers), { status: http?.status ?? 503, code, message });
}

import { HeaderMap, type ApolloServer } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { Authenticate } from '../auth/viewer.js';
import { OverloadedError } from '../errors.js';
import type { Context } from '../graphql/context.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import { sendGatewayError } from './error-responses.js';
import { addEtag } from './etag.js';
import { createGraphiql, type GraphiqlOptions } from './graphiql.js';
import type { LoadShedder } from './load-shedder.js';
import { createOperationRunner, type CreateContext } from './operations.js';
import { operationResult } from './requests.js';

export interface GraphqlRouteOptions {
  readonly apollo: ApolloServer<Context>;
  /** Null where every operation may run. */
  readonly trustedDocuments: TrustedDocuments | null;
  readonly loadShedder: LoadShedder;
  readonly authenticate: Authenticate;
  readonly createContext: CreateContext;
  readonly graphiql: GraphiqlOptions | null;
}

export const GRAPHQL_PATH = '/graphql';

/** One instance, because an overload rejects many requests. */
const overloaded = new OverloadedError();

/**
 * `POST /graphql`, GET for queries, and GraphiQL for clients that accept HTML. `prefix` is the path
 * under which clients see the gateway.
 */
export function addGraphqlRoute(
  server: FastifyInstance,
  prefix: string,
  options: GraphqlRouteOptions,
): void {
  const { apollo, trustedDocuments, authenticate, graphiql } = options;
  const runOperation = createOperationRunner(options.loadShedder, options.createContext);
  const sendGraphiql = graphiql && createGraphiql(graphiql);
  if (sendGraphiql) server.get('/', (_request, reply) => reply.redirect(prefix + GRAPHQL_PATH));

  /** Runs before the body is read, so that a client without credentials costs little. */
  async function onRequest(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const acceptsPage =
      request.method !== 'POST' && request.headers.accept?.includes('text/html') === true;
    if (acceptsPage && sendGraphiql) return sendGraphiql(request, reply);
    // Responses hold personal data and links that work for anyone who holds them.
    void reply.header('Cache-Control', 'private, no-store');
    request.viewer = await authenticate(request.headers);
    request.traced?.identify(request.viewer);
    return undefined;
  }

  async function execute(
    context: Context,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<string> {
    const given = {
      method: request.method,
      headers: headerMap(request),
      search: /\?.*/s.exec(request.url)?.[0] ?? '',
      body: request.body,
    };
    const { status, headers, body } = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: trustedDocuments?.resolve(given) ?? given,
      context: () => Promise.resolve(context),
    });
    if (body.kind !== 'complete') throw new Error('The schema has no incremental delivery');
    for (const [name, value] of headers) void reply.header(name, value);
    const isRejected = status === 400;
    void reply.code(isRejected && isReportedWith200(request, headers) ? 200 : (status ?? 200));
    return body.string;
  }

  /** Runs after the body has arrived, so that a slow client does not count as a running request. */
  async function handle(request: FastifyRequest, reply: FastifyReply) {
    // The client disconnected during authentication.
    if (reply.raw.destroyed) return reply.hijack();
    const { viewer } = request;
    if (viewer === null) throw new Error('A request has not been authenticated');
    return runOperation<string | FastifyReply>({
      viewer,
      stream: null,
      record: request,
      onDisconnect: (callback) => reply.raw.once('close', callback),
      execute: (context) => execute(context, request, reply),
      onRejected: () => sendGatewayError(reply, overloaded),
      result: () => operationResult(reply),
    });
  }

  server.post(GRAPHQL_PATH, { onRequest }, handle);
  // Only responses to GET can be stored and revalidated.
  server.get(GRAPHQL_PATH, { onRequest, onSend: addEtag }, handle);
}

/** Errors of the document or its variables, as opposed to those of the HTTP request. */
const DOCUMENT_ERRORS = new Set([
  'BAD_USER_INPUT',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
]);

/**
 * Whether a client asked for application/json, with which GraphQL over HTTP recommends 200 for these
 * errors: such a client cannot tell an error of GraphQL from one of a proxy in front.
 */
function isReportedWith200(request: FastifyRequest, headers: HeaderMap): boolean {
  return (
    DOCUMENT_ERRORS.has(request.operationResult?.code ?? '') &&
    request.headers.accept?.includes('application/json') === true &&
    headers.get('content-type')?.startsWith('application/json') === true
  );
}

function headerMap({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const name in headers) map.set(name, String(headers[name]));
  return map;
}

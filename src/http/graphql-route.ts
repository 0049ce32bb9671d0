import type { ApolloServer } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { Authenticate } from '../auth/viewer.js';
import { OverloadedError } from '../errors.js';
import type { Context } from '../graphql/context.js';
import type { RepeatedOperations } from '../graphql/repeated-operations.js';
import type { ResultStream } from '../graphql/result-stream.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import { sendError, sendGatewayError } from './error-responses.js';
import { addEtag } from './etag.js';
import { createGraphiql, type GraphiqlOptions } from './graphiql.js';
import {
  plainMediaType,
  plainRequest,
  requestHeaders,
  requestWithoutHeaders,
} from './graphql-request.js';
import type { Heartbeats } from './heartbeats.js';
import type { LoadShedder } from './load-shedder.js';
import { createOperationRunner, type CreateContext } from './operations.js';
import { beginStream } from './recorded-stream.js';
import { operationResult, type RequestObserver } from './request-log.js';
import { GRAPHQL_PATH, withoutPrefix, type RequestTracer } from './requests.js';
import { requestedStream, type RequestedStream } from './stream-encodings.js';
import { sendStream, streamHeaders } from './stream-response.js';
import { addWebSockets } from './websocket-route.js';

export interface GraphqlRouteOptions extends RequestObserver {
  readonly apollo: ApolloServer<Context>;
  readonly repeatedOperations: Pick<RepeatedOperations, 'respond'>;
  /** Null where every operation may run. */
  readonly trustedDocuments: TrustedDocuments | null;
  readonly loadShedder: LoadShedder;
  readonly authenticate: Authenticate;
  readonly createContext: CreateContext;
  readonly graphiql: GraphiqlOptions | null;
}

/** One instance, because an overload rejects many requests. */
const overloaded = new OverloadedError();

interface GraphqlRoute extends GraphqlRouteOptions {
  /** The path under which clients see the gateway. */
  readonly prefix: string;
  readonly heartbeats: Heartbeats;
  readonly tracer: RequestTracer | null;
  /** Whether the pages of an origin may open streams. */
  readonly isOwnOrigin: (origin: string, host: string | undefined) => boolean;
}

const foreignPage = {
  status: 403,
  code: 'FORBIDDEN',
  message: 'Pages of this origin may not open streams: add it to CORS_ORIGINS.',
};

/**
 * `POST /graphql`, GET for queries, streams of subscriptions by both, and GraphiQL for clients that
 * accept HTML.
 */
export async function addGraphqlRoute(
  server: FastifyInstance,
  options: GraphqlRoute,
): Promise<void> {
  const { apollo, repeatedOperations, trustedDocuments, authenticate, graphiql } = options;
  const { prefix, heartbeats } = options;
  const runOperation = createOperationRunner(options.loadShedder, options.createContext);
  const { tracer } = options;
  const services = { apollo, trustedDocuments, authenticate, runOperation, tracer };
  const wsHandler = await addWebSockets(server, {
    services: { ...services, observer: options, log: server.log },
    heartbeats,
    maxMessage: server.initialConfig.bodyLimit ?? 0,
    isWebSocketPath: (target) => withoutPrefix(target, prefix).split('?', 1)[0] === GRAPHQL_PATH,
  });
  const sendGraphiql = graphiql && createGraphiql(graphiql);
  if (sendGraphiql) server.get('/', (_request, reply) => reply.redirect(prefix + GRAPHQL_PATH));

  /** Runs before the body is read, so that a client without credentials costs little. */
  async function onRequest(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    if (request.ws) {
      if (isForeignPage(request)) return sendError(reply, foreignPage);
      request.upgradeReply = reply;
      return undefined;
    }
    const acceptsPage =
      request.method !== 'POST' && request.headers.accept?.includes('text/html') === true;
    if (acceptsPage && sendGraphiql) return sendGraphiql(request, reply);
    // Responses hold personal data and links that work for anyone who holds them.
    void reply.header('Cache-Control', 'private, no-store');
    const stream = requestedStream(request.method, request.headers);
    if (stream !== null && isForeignPage(request)) {
      // Its queries work, because they prefer JSON; a subscription fails, as without a stream.
      if (stream.isPreferred) return sendError(reply, foreignPage);
    } else if (stream !== null) {
      request.requestedStream = stream;
      if (stream.isPreferred) request.transport = stream.encoding.transport;
    }
    request.viewer = await authenticate(request.headers);
    request.traced?.identify(request.viewer);
    return undefined;
  }

  /** By GET, a browser asks for a stream without a preflight, and without an origin in some modes. */
  function isForeignPage({ method, headers, ws }: FastifyRequest): boolean {
    const { origin, host } = headers;
    if (origin !== undefined && !options.isOwnOrigin(origin, host)) return true;
    return !ws && method === 'GET' && headers['sec-fetch-site'] === 'cross-site';
  }

  async function execute(
    context: Context,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<string | Buffer> {
    const trusted = trustedDocuments?.resolve(requestWithoutHeaders(request));
    const type = plainMediaType(request);
    const plain = type === null ? null : plainRequest((trusted ?? request).body);
    if (plain) void reply.header('content-type', type);
    const repeated = plain && repeatedOperations.respond(plain, context);
    const { status, headers, body } = await (repeated ??
      executeInApollo(context, request, trusted));
    for (const [name, value] of headers) void reply.header(name, value);
    void reply.code(status === 400 && isReportedWith200(reply) ? 200 : (status ?? 200));
    return body;
  }

  async function executeInApollo(
    context: Context,
    request: FastifyRequest,
    given = requestWithoutHeaders(request),
  ) {
    const { body, ...head } = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { ...given, headers: requestHeaders(request) },
      context: () => Promise.resolve(context),
    });
    if (body.kind !== 'complete') throw new Error('The schema has no incremental delivery');
    return { ...head, body: body.string };
  }

  /** Runs after the body has arrived, so that a slow client does not count as a running request. */
  async function handle(request: FastifyRequest, reply: FastifyReply) {
    // The client disconnected during authentication.
    if (reply.raw.destroyed) return reply.hijack();
    const { viewer, requestedStream } = request;
    if (viewer === null) throw new Error('A request has not been authenticated');
    let results: ResultStream | null = null;
    const response = await runOperation<string | Buffer | FastifyReply>({
      viewer,
      stream: requestedStream && {
        transport: requestedStream.encoding.transport,
        onStream(begun) {
          results = begun;
        },
      },
      record: request,
      onDisconnect: (callback) => reply.raw.once('close', callback),
      execute: (context) => execute(context, request, reply),
      onRejected: () => sendGatewayError(reply, overloaded),
      result: () => operationResult(reply),
    });
    if (requestedStream === null || typeof response !== 'string') return response;
    return sendAsStream(reply, { response, results, requestedStream });
  }

  function sendAsStream(
    reply: FastifyReply,
    { response, results, requestedStream: { encoding, isPreferred } }: StreamedResponse,
  ): FastifyReply {
    if (results === null) {
      // An error before a stream is one of HTTP, after which clients know whether to try again.
      if (!isPreferred || reply.statusCode !== 200) return reply.send(response);
      const { opening, encodeResult, completion } = encoding;
      void reply.headers(streamHeaders).type(encoding.contentType);
      return reply.send(opening + encodeResult(response.trimEnd()) + completion);
    }
    if (reply.raw.destroyed) {
      void results.return();
      return reply.hijack();
    }
    reply.request.transport = encoding.transport;
    const seconds = reply.elapsedTime / 1_000;
    const stream = beginStream(reply.request, results, { observer: options, seconds });
    return sendStream(reply, stream, { encoding, heartbeats });
  }

  server.post(GRAPHQL_PATH, { onRequest }, handle);
  // Only responses to GET can be stored and revalidated.
  server.route({
    ...{ method: 'GET', url: GRAPHQL_PATH, onRequest, onSend: addEtag, handler: handle, wsHandler },
  });
}

interface StreamedResponse {
  /** The response of Apollo Server, which has no meaning beside results. */
  readonly response: string;
  /** Null for a query and for an error. */
  readonly results: ResultStream | null;
  readonly requestedStream: RequestedStream;
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
function isReportedWith200(reply: FastifyReply): boolean {
  const { operationResult, headers } = reply.request;
  return (
    DOCUMENT_ERRORS.has(operationResult?.code ?? '') &&
    headers.accept?.includes('application/json') === true &&
    String(reply.getHeader('content-type')).startsWith('application/json')
  );
}

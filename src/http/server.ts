import cors from '@fastify/cors';
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';

import { GatewayError } from '../errors.js';
import type { OperationResult } from '../graphql/context.js';
import { onFinished } from './on-finished.js';
import { REQUEST_ID_HEADER, requestId, returnRequestIds } from './request-id.js';
import { redactedPath, routePattern } from './request-path.js';
import { securityHeaders } from './security-headers.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What came of it; null where nothing is to be said but its status. */
    outcome: OperationResult | null;
  }
}

/** A request that has its answer. */
export interface CompletedRequest {
  /** The pattern of its path; undefined: there is none for it. */
  readonly route: string | undefined;
  readonly status: number;
  readonly seconds: number;
  readonly outcome: OperationResult | null;
}

/** In bytes: room for a document of as many tokens as are allowed, and for its variables. */
const BODY_LIMIT = 256 * 1024;
/** Those of ApolloGraphQL are how Apollo Client says which application it is. */
const CORS_HEADERS = [
  'Content-Type',
  'Authorization',
  'X-API-Key',
  'Apollo-Require-Preflight',
  'ApolloGraphQL-Client-Name',
  'ApolloGraphQL-Client-Version',
  REQUEST_ID_HEADER,
];
/** How long a request may take to arrive. */
const REQUEST_TIMEOUT_MS = 10_000;

/** An HTTP server without routes: what holds for every route stands here. */
export async function createHttpServer(
  logger: FastifyBaseLogger,
  {
    corsOrigins,
    onRequestCompleted,
  }: {
    corsOrigins: readonly string[];
    onRequestCompleted: (requestCompleted: CompletedRequest) => void;
  },
): Promise<FastifyInstance> {
  const headers = securityHeaders();
  function requestCompleted(request: FastifyRequest, reply: FastifyReply, route?: string): void {
    const { method, url } = request;
    const outcome = reply.raw.writableFinished
      ? request.outcome
      : { operation: request.outcome?.operation, code: 'ABORTED' };
    const { elapsedTime } = reply;
    // As proxies say of a client that has closed its request.
    const status = reply.raw.headersSent ? reply.statusCode : 499;
    const ms = Math.round(elapsedTime * 10) / 10;
    // Where nothing is, the path may be anything.
    const path = route === undefined ? undefined : redactedPath(url);
    request.log.info({ method, path, status, ms, ...(outcome && logOf(outcome)) }, 'request');
    onRequestCompleted({ route, status, seconds: elapsedTime / 1_000, outcome });
  }
  const server = Fastify({
    loggerInstance: logger,
    // One line a request, below, without the query: that of a file link holds its signature.
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: requestId,
    // A file link holds an object key of up to 512 characters, percent-encoded.
    routerOptions: { maxParamLength: 8_192 },
    // Closing must not wait for keep-alive connections that ask nothing.
    forceCloseConnections: 'idle',
    // What has come is served; drain.ts tells clients to go elsewhere before they would hear it by an error.
    return503OnClosing: false,
    bodyLimit: BODY_LIMIT,
    // Who sends a request drop by drop holds a connection; he gets 408 after this.
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1_000 },
    // Paths that cannot be decoded come here and to no hook.
    frameworkErrors(_error, request, reply) {
      void reply.headers(headers).header(REQUEST_ID_HEADER, request.id);
      sendError(reply, {
        status: 400,
        code: 'BAD_REQUEST',
        message: 'This path is not one of a URL.',
      });
      onFinished(reply.raw, () => {
        requestCompleted(request, reply);
      });
    },
  });
  server.decorateRequest('outcome', null);

  returnRequestIds(server);
  server.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headers);
    // Asked now, for a file that is missing takes it away.
    const route = routePattern(request);
    // Not onResponse, which does not come for those who hang up before.
    onFinished(reply.raw, () => {
      requestCompleted(request, reply, route);
    });
    done();
  });
  if (corsOrigins.length > 0) {
    await server.register(cors, {
      origin: [...corsOrigins],
      methods: ['GET', 'HEAD', 'POST'],
      allowedHeaders: CORS_HEADERS,
      exposedHeaders: [REQUEST_ID_HEADER, 'Retry-After'],
      maxAge: 600,
    });
  }

  server.setNotFoundHandler((_request, reply) =>
    sendError(reply, { status: 404, code: 'NOT_FOUND', message: 'Not found.' }),
  );
  server.setErrorHandler<FastifyError & { headers?: Record<string, string> }>(
    (error, request, reply) => {
      if (error instanceof GatewayError) {
        const { code, http } = error.extensions;
        if (error.cause instanceof Error) request.log.warn({ err: error.cause }, error.name);
        else request.log.info({ cause: error.cause }, error.name);
        for (const [name, value] of http?.headers ?? []) void reply.header(name, value);
        if (http?.status === 401) void reply.header('WWW-Authenticate', 'Bearer');
        return sendError(reply, { status: http?.status ?? 400, code, message: error.message });
      }
      const status = error.statusCode ?? 500;
      if (status < 500) {
        // Such as the Content-Range of a range that cannot be satisfied.
        void reply.headers(error.headers ?? {});
        return sendError(reply, { status, code: 'BAD_REQUEST', message: error.message });
      }
      request.log.error({ err: error }, 'A request failed');
      const message = 'Something went wrong on our side.';
      return sendError(reply, { status: 500, code: 'INTERNAL_SERVER_ERROR', message });
    },
  );

  return server;
}

/**
 * Answers with an error and with nothing that a route had made ready for a better answer. Errors outside GraphQL have the
 * form of those inside, so that a client reads one kind.
 */
export function sendError(
  reply: FastifyReply,
  { status, code, message }: { status: number; code: string; message: string },
): FastifyReply {
  reply.request.outcome = { operation: undefined, code };
  return reply
    .removeHeader('Content-Disposition')
    .code(status)
    .type('application/json; charset=utf-8')
    .send({ errors: [{ message, extensions: { code } }] });
}

function logOf({ operation, code }: OperationResult): { operation?: string; code?: string } {
  return {
    ...(operation?.name != null && { operation: operation.name }),
    ...(code !== null && { code }),
  };
}

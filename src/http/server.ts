import { IncomingMessage, ServerResponse, type OutgoingHttpHeaders, type Server } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';

import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
} from 'fastify';
import helmet from 'helmet';

import { isLoopback } from '../config/settings.js';
import { errorCode, StartupError } from '../errors.js';
import type { Logger } from '../logger.js';
import { LOCAL_LINK_PATH } from '../storage/local-url-signer.js';
import type { LocalFiles } from '../storage/open-storage.js';
import { addCompression } from './compression.js';
import { addCors } from './cors.js';
import { sendError, sendThrownError } from './error-responses.js';
import { addFilesRoute } from './files-route.js';
import { GracefulShutdown } from './graceful-shutdown.js';
import { addGraphqlRoute, type GraphqlRouteOptions } from './graphql-route.js';
import { Heartbeats } from './heartbeats.js';
import { addManagementRoutes, type ManagementRouteOptions } from './management-routes.js';
import { createOriginCheck, isForeignHost } from './origins.js';
import { closeWithConnection } from './pipelined-responses.js';
import { completeRequest } from './request-log.js';
import {
  redactedPath,
  REQUEST_ID_HEADER,
  requestId,
  routePattern,
  withoutPrefix,
  type RequestTracer,
} from './requests.js';
import { closeSlowReaders } from './slow-readers.js';

export interface HttpServerOptions extends GraphqlRouteOptions, ManagementRouteOptions {
  readonly logger: Logger;
  /** Null where a bucket serves its own files. */
  readonly localFiles: LocalFiles | null;
  readonly tracer: RequestTracer | null;
  /** Ends all subscriptions, which would otherwise keep the server from closing. */
  readonly endSubscriptions: () => void;
}

/** Limits how long a client may take to send a request; slower ones get 408. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Against clients that read slowly, and those that open connections. Tests set lower limits. */
const CLIENT_LIMITS = {
  /**
   * For a client to read a response. For a file, which may be large: until it reads more of it. The
   * bound by which nginx closes connections.
   */
  readTimeoutMs: 60_000,
  /**
   * Beside one for each subscription. Eight times the requests that run and queue. An idle
   * connection takes 4 KB, one that sends a body up to 256 KiB.
   */
  maxConnections: 4_000,
};
/** Of an open stream within the read timeout, so that nothing between takes it for idle. */
const HEARTBEATS = 3;
/** Between log lines about connections over the limit. */
const DROP_LOG_INTERVAL_MS = 60_000;

const REQUEST_FIELDS = [
  ...['disclosed', 'operationResult', 'requestedStream', 'stream', 'traced', 'transport'],
  'viewer',
];

/** Balancers and Prometheus poll these routes; their spans would outnumber all others. */
const UNTRACED_ROUTES = /^\/(health\/|metrics$)/;

const misdirected = {
  status: 421,
  code: 'MISDIRECTED_REQUEST',
  message:
    'Without authentication, the gateway is reached by IP address, as localhost or at PUBLIC_URL: ' +
    'set PUBLIC_URL to the URL of the request, or AUTH=required.',
};

/** No route has a schema. Fastify would load compilers for them, which take 1 MB. */
const noCompiler = () => () => {
  throw new Error('Routes have no schemas: give Fastify compilers for them');
};

const fastifyOptions = {
  genReqId: requestId,
  schemaController: {
    compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler },
  },
  // completeRequest logs one line a request instead, without the query, which may hold a signature.
  logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
  // Enough for a document with as many tokens as the limit allows, and for its variables.
  bodyLimit: 256 * 1024,
  requestTimeout: REQUEST_TIMEOUT_MS,
  http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1_000 },
  // The path of a link holds an object key of up to 512 characters, percent-encoded.
  routerOptions: { maxParamLength: 8_192 },
  // Idle keep-alive connections must not delay closing; requests that arrive meanwhile are served.
  forceCloseConnections: 'idle',
  return503OnClosing: false,
} as const;

/** The settings of config/server.ts that concern the HTTP server. */
interface HttpServerConfig {
  readonly port: number;
  readonly host: string;
  readonly managementPort: number | null;
  readonly publicUrl: string | null;
  readonly hsts: number | null;
  readonly keepAliveTimeout: number;
  readonly shutdownDelay: number | null;
  readonly trustProxy: boolean;
  readonly corsOrigins: readonly string[];
  readonly liveMaxSubscriptions: number;
  readonly auth: { readonly kind: 'required' | 'off' };
}

export async function createHttpServer(
  config: HttpServerConfig,
  options: HttpServerOptions,
  { readTimeoutMs, maxConnections } = CLIENT_LIMITS,
) {
  const { host, publicUrl, managementPort } = config;
  const logger: FastifyBaseLogger = options.logger;
  // In lower case, as the plugins that add to it expect. The media type of errors varies, too.
  const headers = { ...securityHeaders(config.hsts), vary: 'accept, accept-encoding' };
  const isOpenOnLoopback = config.auth.kind === 'off' && isLoopback(host);
  const prefix = publicUrl === null ? '' : new URL(publicUrl).pathname.replace(/\/$/, '');

  /** A server without routes that counts, logs and protects like every other one. */
  function createServer(): FastifyInstance {
    const server = Fastify({
      ...fastifyOptions,
      // The last proxy only, which appends the address of its client. Fastify then also believes
      // its X-Forwarded-Host, in `request.host`, which nothing may use.
      trustProxy: config.trustProxy && ((_address, hop) => hop === 0),
      keepAliveTimeout: config.keepAliveTimeout * 1000,
      // Of a socket that neither receives nor sends anything.
      connectionTimeout: readTimeoutMs,
      loggerInstance: logger,
      // Proxies differ in whether they remove the prefix.
      rewriteUrl: ({ url = '/' }: IncomingMessage) => withoutPrefix(url, prefix),
      // Called instead of the hooks for a path that cannot be decoded.
      frameworkErrors(_error, _request, reply) {
        begin(reply);
        const message = 'The path is not a valid URL path.';
        sendError(reply, { status: 400, code: 'BAD_REQUEST', message });
      },
    });
    for (const field of REQUEST_FIELDS) server.decorateRequest(field, null);
    server.setErrorHandler(sendThrownError);
    server.setNotFoundHandler((_request, reply) =>
      sendError(reply, { status: 404, code: 'NOT_FOUND', message: 'Not found.' }),
    );
    server.addHook('onRequest', (request, reply, done) => {
      // The route is read now because the 404 of a missing file clears it.
      begin(reply, routePattern(request));
      const requestHost = request.headers.host;
      const isForeign = requestHost !== undefined && isForeignHost(requestHost, publicUrl);
      if (!isOpenOnLoopback || !isForeign) done();
      else sendError(reply, misdirected);
    });
    limitConnections(server.server, maxConnections + config.liveMaxSubscriptions, logger);
    return server;
  }
  function begin(reply: FastifyReply, route?: string): void {
    void reply.headers(headers).header(REQUEST_ID_HEADER, reply.request.id);
    closeWithConnection(reply.raw);
    shutdown.track(reply.request.url, reply.raw);
    // Unlike the onResponse hook, this event also follows a client's disconnect.
    reply.raw.once('close', () => {
      completeRequest(reply, route, options);
    });
  }

  const server = createServer();
  const shutdown = new GracefulShutdown(server.server, config.shutdownDelay);
  const isExempt = ({ req }: ServerResponse) => req.url?.startsWith(LOCAL_LINK_PATH) === true;
  const stopClosing = closeSlowReaders(shutdown.responses, { timeoutMs: readTimeoutMs, isExempt });
  const heartbeats = new Heartbeats(readTimeoutMs / HEARTBEATS);
  // The server stops listening in the same tick: clients connect again to another gateway.
  server.addHook('preClose', (done) => {
    options.endSubscriptions();
    done();
  });
  server.addHook('onClose', async () => {
    stopClosing();
    heartbeats.stop();
  });
  await addCors(server, config);
  await addCompression(server);
  if (options.tracer !== null) traceRequests(server, options.tracer);
  const port = () => (server.server.address() as AddressInfo).port;
  const isOwnOrigin = createOriginCheck(config, port);
  await addGraphqlRoute(server, { ...options, prefix, heartbeats, isOwnOrigin });
  if (options.localFiles !== null) await addFilesRoute(server, options.localFiles);

  const management = managementPort === null ? null : createServer();
  if (management !== null) await addCompression(management);
  addManagementRoutes(management ?? server, shutdown, options);

  let cached = publicUrl;
  const origin = (): string => (cached ??= listeningOrigin(server, host));
  return {
    /** What the gateway's URLs start with; without PUBLIC_URL, unknown until the server listens. */
    origin,
    /** Returns the origin that it listens on. Throws StartupError when it cannot listen there. */
    async listen(): Promise<string> {
      if (management !== null && managementPort !== null) {
        const at = { host, port: managementPort, variable: 'MANAGEMENT_PORT', label: 'Management' };
        await listen(management, at);
      }
      try {
        await listen(server, { host, port: config.port, variable: 'PORT', label: 'Listening' });
      } catch (error) {
        await management?.close();
        throw error;
      }
      const linksUseHost = options.localFiles !== null && publicUrl === null;
      if (linksUseHost && ['0.0.0.0', '::'].includes(host)) {
        const problem = 'which other machines cannot reach: set PUBLIC_URL';
        logger.warn(`Links to files start with ${origin()}, ${problem}.`);
      }
      return listeningOrigin(server, host);
    },
    /** Signals clients to reconnect elsewhere, and resolves after the time that this takes. */
    drain: () => shutdown.drain(),
    /** Stops listening, and resolves when all requests are finished. */
    async close(): Promise<void> {
      await shutdown.close(() => server.close());
      // Last, so that the checks of a platform see the process alive.
      management?.server.closeAllConnections();
      await management?.close();
    },
  };
}

/** Closes new connections while there are `max`. */
function limitConnections(server: Server, max: number, logger: FastifyBaseLogger): void {
  server.maxConnections = max;
  let loggedAt = -Infinity;
  server.on('drop', () => {
    const now = performance.now();
    if (now - loggedAt < DROP_LOG_INTERVAL_MS) return;
    loggedAt = now;
    logger.warn(`There are ${max} connections: new ones are closed until others end.`);
  });
}

/** Helmet's headers. They never vary, and as a hook helmet took 7 % of the time of a lookup. */
function securityHeaders(hsts: number | null): OutgoingHttpHeaders {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  // The only page is GraphiQL, which has its own policy.
  const directives = { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] };
  const addHeaders = helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    // A decision for the whole host, which others may share, and hard to take back.
    strictTransportSecurity: hsts !== null && { maxAge: hsts, includeSubDomains: false },
  });
  addHeaders(request, response, (error) => {
    if (error !== undefined) throw new Error('Helmet rejects its options', { cause: error });
  });
  return response.getHeaders();
}

function traceRequests(server: FastifyInstance, tracer: RequestTracer): void {
  server.addHook('onRequest', (request, _reply, done) => {
    const route = routePattern(request);
    if (route !== undefined && UNTRACED_ROUTES.test(route)) {
      done();
      return;
    }
    const path = redactedPath(request.url);
    request.traced = tracer.start(request, route === undefined ? null : { route, path });
    request.traced.run(done);
  });
}

async function listen(
  server: FastifyInstance,
  { port, host, variable, label }: Record<'host' | 'variable' | 'label', string> & { port: number },
): Promise<void> {
  try {
    await server.listen({ port, host, listenTextResolver: (address) => `${label} ${address}` });
  } catch (error) {
    const problems: Record<string, string> = {
      EADDRINUSE: `${variable} ${port} is taken on ${host}. Stop that process, or set another ${variable}.`,
      EACCES: `${variable} ${port} needs privileges that this process lacks. Set one above 1023.`,
      EADDRNOTAVAIL: `HOST ${host} is not an address of this machine.`,
      ENOTFOUND: `HOST ${host} cannot be resolved.`,
    };
    const problem = problems[errorCode(error) ?? ''];
    throw problem === undefined ? error : new StartupError([problem], { cause: error });
  }
}

function listeningOrigin({ server }: FastifyInstance, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

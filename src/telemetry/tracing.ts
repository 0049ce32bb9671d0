import {
  context,
  diag,
  DiagLogLevel,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { Database } from '../database/database.js';
import { querySummary } from '../database/instrumented-database.js';
import { errorCode } from '../errors.js';
import { onFinished } from '../http/on-finished.js';
import { redactedPath, routePattern } from '../http/request-path.js';
import type { Logger } from '../logger.js';

/** How long the end of the process waits for a collector to take the last spans. */
const FLUSH_MS = 2_000;

/** Spans of what the gateway does, by OpenTelemetry's conventions. */
export interface Tracing {
  /** Gives every request a span, and the operation in it another one. To be called before routes are added. */
  addTo(server: FastifyInstance, graphqlPath: string): void;
  /** The same database, whose statements have spans where they are part of a request. */
  traced(database: Database, system: 'mysql' | 'sqlite'): Database;
  /** Sends what is not sent yet, if that can be done soon. */
  close(): Promise<void>;
}

/**
 * Starts to send traces by OTLP. Where to, how many of them and under which name, OpenTelemetry's packages read from the standard
 * OTEL_* variables themselves. What people send or get is in no span: paths are without their query, statements without their values.
 *
 * This file is the only one that knows these packages, and is loaded only where traces are asked for.
 */
export function startTracing(logger: Logger): Tracing {
  const problems = { error: warn, warn, info: ignore, debug: ignore, verbose: ignore };
  function warn(...said: unknown[]): void {
    // Beside its words it may give what it could not read.
    const words = said.filter((each) => typeof each === 'string');
    logger.warn(`Traces: ${words.join(' ')}`);
  }
  function ignore(): void {
    // They tell of every batch.
  }
  diag.setLogger(problems, DiagLogLevel.WARN);

  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'exports-gateway' }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  // The way of W3C traceparent headers, and the place from where a statement knows the request it is part of.
  provider.register();
  const tracer = provider.getTracer('exports-gateway');

  /** The contexts that what belongs to a request runs in. */
  const requests = new WeakMap<FastifyRequest, Context>();
  const operations = new WeakMap<FastifyRequest, Span>();

  function endOperation(request: FastifyRequest): void {
    const span = operations.get(request);
    if (span === undefined) return;
    operations.delete(request);
    const { operation, code = null } = request.outcome ?? {};
    if (operation !== undefined) {
      const { type, name } = operation;
      span.updateName(type).setAttribute('graphql.operation.type', type);
      if (name !== null) span.setAttribute('graphql.operation.name', name);
    }
    if (code !== null) fail(span, code);
    span.end();
  }

  function endRequest(span: Span, { raw, statusCode, request }: FastifyReply): void {
    if (raw.headersSent) span.setAttribute('http.response.status_code', statusCode);
    if (!raw.writableFinished) fail(span, 'ABORTED');
    else if (statusCode >= 500) fail(span, request.outcome?.code ?? String(statusCode));
    span.end();
  }

  return {
    addTo(server, graphqlPath) {
      server.addHook('onRequest', (request, reply, done) => {
        const { method, url, protocol, id } = request;
        const route = routePattern(request);
        // What balancers and Prometheus ask all the time would be most of all spans.
        if (route !== undefined && /^\/(health\/|metrics$)/.test(route)) {
          done();
          return;
        }
        const caller = propagation.extract(context.active(), request.headers);
        const attributes: Attributes = {
          'http.request.method': method,
          'http.response.header.x-request-id': [id],
          'url.scheme': protocol,
          ...(route !== undefined && { 'http.route': route, 'url.path': redactedPath(url) }),
        };
        const name = route === undefined ? method : `${method} ${route}`;
        const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, caller);
        const within = trace.setSpan(caller, span);
        requests.set(request, within);
        onFinished(reply.raw, () => {
          endOperation(request);
          endRequest(span, reply);
        });
        context.with(within, done);
      });
      // Once more, for a body arrives by events that know nothing of the request.
      server.addHook('preHandler', (request, _reply, done) => {
        const within = requests.get(request) ?? context.active();
        if (request.routeOptions.url !== graphqlPath) {
          context.with(within, done);
          return;
        }
        const span = tracer.startSpan('GraphQL', {}, within);
        operations.set(request, span);
        context.with(trace.setSpan(within, span), done);
      });
      server.addHook('onSend', (request, _reply, _payload, done) => {
        endOperation(request);
        done();
      });
    },

    traced: (database, system) => ({
      async query<Row>(sql: string, parameters?: readonly unknown[]) {
        // Those of the start, and of nobody's request.
        if (trace.getActiveSpan() === undefined) return database.query<Row>(sql, parameters);
        const summary = querySummary(sql);
        const attributes = {
          'db.system.name': system,
          'db.query.summary': summary,
          'db.query.text': sql,
        };
        const span = tracer.startSpan(summary, { kind: SpanKind.CLIENT, attributes });
        try {
          const rows = await database.query<Row>(sql, parameters);
          span.setAttribute('db.response.returned_rows', rows.length);
          return rows;
        } catch (error) {
          const type = error instanceof Error ? (errorCode(error) ?? error.name) : 'unknown';
          fail(span, type);
          throw error;
        } finally {
          span.end();
        }
      },
      indexHint: (name) => database.indexHint(name),
      poolStats: () => database.poolStats(),
      close: () => database.close(),
    }),

    async close() {
      const tooLate = new Promise<'late'>((resolve) => {
        setTimeout(resolve, FLUSH_MS, 'late').unref();
      });
      const flushed = provider.shutdown().catch((error: unknown) => {
        warn(String(error));
      });
      if ((await Promise.race([flushed, tooLate])) === 'late') warn('the last ones are lost.');
    },
  };
}

function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
}

import { setTimeout as wait } from 'node:timers/promises';

import {
  context,
  diag,
  DiagLogLevel,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

import type { Database, QueryOrigin } from '../database/database.js';
import { querySummary } from '../database/instrumented-database.js';
import type { SqlValue } from '../database/sql-format.js';
import { errorCode } from '../errors.js';
import type { OperationResult } from '../graphql/context.js';
import type { RequestTracer, TracedRequest } from '../http/requests.js';
import type { Logger } from '../logger.js';

/** Limits how long the export of the last spans may delay the shutdown. */
const FLUSH_TIMEOUT_MS = 2_000;

/**
 * Exports spans by OTLP, without query strings, SQL parameters and results. Only this file imports
 * OpenTelemetry, which reads its settings from OTEL_*; app.ts loads it when tracing is configured.
 */
export class Tracing implements RequestTracer {
  readonly #provider: NodeTracerProvider;
  readonly #tracer: Tracer;

  constructor(private readonly logger: Logger) {
    diag.setLogger(diagnosticsLogger(logger), DiagLogLevel.WARN);
    this.#provider = new NodeTracerProvider({
      resource: defaultResource()
        .merge(resourceFromAttributes({ 'service.name': 'exports-gateway' }))
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
    });
    // Registers W3C trace context propagation, and the context manager that query spans need.
    this.#provider.register();
    this.#tracer = this.#provider.getTracer('exports-gateway');
  }

  start(...[request, target]: Parameters<RequestTracer['start']>): TracedRequest {
    const { id, method, protocol, headers } = request;
    const parent = propagation.extract(context.active(), headers);
    const attributes = {
      'http.request.method': method,
      'http.response.header.x-request-id': [id],
      'url.scheme': protocol,
      ...(target && { 'http.route': target.route, 'url.path': target.path }),
    };
    const name = target ? `${method} ${target.route}` : method;
    const span = this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
    return tracedRequest(this.#tracer, span, trace.setSpan(parent, span));
  }

  /** The same database, with a span for each query of a traced request. */
  tracedDatabase(database: Database, system: 'mysql' | 'sqlite'): Database {
    return {
      ...database,
      query: async <Row>(sql: string, parameters?: readonly SqlValue[], origin?: QueryOrigin) => {
        if (trace.getActiveSpan() === undefined) {
          return database.query<Row>(sql, parameters, origin);
        }
        const summary = querySummary(sql);
        const attributes = {
          'db.system.name': system,
          'db.query.summary': summary,
          'db.query.text': sql,
          ...viewerAttributes(origin?.organization, origin?.viewer),
        };
        const span = this.#tracer.startSpan(summary, { kind: SpanKind.CLIENT, attributes });
        try {
          const rows = await database.query<Row>(sql, parameters, origin);
          span.setAttribute('db.response.returned_rows', rows.length);
          return rows;
        } catch (error) {
          markFailed(span, errorCode(error) ?? (error instanceof Error ? error.name : 'unknown'));
          throw error;
        } finally {
          span.end();
        }
      },
    };
  }

  async close(): Promise<void> {
    const timeout = wait(FLUSH_TIMEOUT_MS, 'timeout', { ref: false });
    const flushed = this.#provider.shutdown().catch((error: unknown) => {
      this.logger.warn(`Traces: ${String(error)}`);
    });
    if ((await Promise.race([flushed, timeout])) !== 'timeout') return;
    this.logger.warn('Traces: the collector did not accept the last spans in time.');
  }
}

/** OpenTelemetry has a name for the id of a viewer, but none for an organization. */
function viewerAttributes(organization: string | undefined, id: string | null | undefined) {
  return {
    ...(organization !== undefined && { 'exports_gateway.organization': organization }),
    ...(id != null && { 'enduser.id': id }),
  };
}

function tracedRequest(tracer: Tracer, span: Span, within: Context): TracedRequest {
  let attributes: ReturnType<typeof viewerAttributes> = {};
  return {
    identify({ organization, id }) {
      attributes = viewerAttributes(organization, id);
      span.setAttributes(attributes);
    },
    run(callback) {
      context.with(within, callback);
    },
    // The context is explicit because a body arrives by events outside of it.
    async runOperation(operation, result) {
      const operationSpan = tracer.startSpan('GraphQL', { attributes }, within);
      try {
        return await context.with(trace.setSpan(within, operationSpan), operation);
      } finally {
        describeOperation(operationSpan, result());
        operationSpan.end();
      }
    },
    end({ status, errorCode: code }) {
      if (status !== null) span.setAttribute('http.response.status_code', status);
      if (code === 'ABORTED' || (status ?? 0) >= 500) markFailed(span, code ?? String(status));
      span.end();
    },
  };
}

function describeOperation(span: Span, { operation, code }: OperationResult): void {
  if (operation !== undefined) {
    span.updateName(operation.type).setAttribute('graphql.operation.type', operation.type);
    if (operation.name !== null) span.setAttribute('graphql.operation.name', operation.name);
  }
  if (code !== null) markFailed(span, code);
}

function markFailed(span: Span, type: string): void {
  span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
}

/** Logs OpenTelemetry's warnings and errors, without the values that accompany them. */
function diagnosticsLogger(logger: Logger) {
  const warn = (...parts: unknown[]) => {
    logger.warn(`Traces: ${parts.filter((part) => typeof part === 'string').join(' ')}`);
  };
  const ignore = () => undefined;
  return { error: warn, warn, info: ignore, debug: ignore, verbose: ignore };
}

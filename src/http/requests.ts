import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import type { FastifyBaseLogger, FastifyRequest } from 'fastify';

import type { Viewer } from '../auth/viewer.js';
import type { OperationResult } from '../graphql/context.js';
import type { ResultStream, Transport } from '../graphql/result-stream.js';
import type { RecordedStream } from './recorded-stream.js';
import type { RequestedStream } from './stream-encodings.js';

export type Disclosure = ResultStream['disclosed'];

/** What the log, the metrics and the trace tell of an operation. */
export interface OperationRecord {
  readonly id: string;
  /** The address of the client. */
  readonly ip: string;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'debug'>;
  /** What GraphQL or an error response reported; null for every other response. */
  operationResult: OperationResult | null;
  /** The files whose links and previews it contains; null outside of the GraphQL route. */
  disclosed: Disclosure | null;
  /** Null where the request is not traced. */
  traced: TracedRequest | null;
  /** Null until the GraphQL route has authenticated the client. */
  viewer: Viewer | null;
  /** Null for a single response. */
  transport: Transport | null;
  /** Null unless it is a subscription that has begun. */
  stream: RecordedStream | null;
}

declare module 'fastify' {
  interface FastifyRequest extends OperationRecord {
    /** Null for a request that takes a single response. */
    requestedStream: RequestedStream | null;
  }
}

export interface RequestTracer {
  /** `target` is null where no route matches, because such a path may contain secrets. */
  start(
    request: { id: string; method: string; protocol: string; headers: IncomingHttpHeaders },
    target: { route: string; path: string } | null,
  ): TracedRequest;
}

export interface TracedRequest {
  /** Runs a callback and everything asynchronous that it starts as part of this request. */
  run(callback: () => void): void;
  /** Adds the viewer to the spans that follow and to that of the request. */
  identify(viewer: Viewer): void;
  /** Runs the GraphQL operation of this request; calls `result` once it has ended. */
  runOperation<Response>(
    operation: () => Promise<Response>,
    result: () => OperationResult,
  ): Promise<Response>;
  /** `status` is null when the client disconnected before the response. */
  end(response: { status: number | null; errorCode: string | null }): void;
}

export const GRAPHQL_PATH = '/graphql';
export const REQUEST_ID_HEADER = 'X-Request-Id';

/** Matches the ids of proxies and clouds, and no text that could forge part of a log line. */
const VALID_REQUEST_ID = /^[\w.:=+/-]{1,128}$/;

/** The id that the client sent if it is safe to log, else a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && VALID_REQUEST_ID.test(given) ? given : randomUUID();
}

/** The target of a request below the path of PUBLIC_URL, which a proxy may have removed. */
export function withoutPrefix(target: string, prefix: string): string {
  if (prefix === '') return target;
  if (target === prefix) return '/';
  return target.startsWith(`${prefix}/`) ? target.slice(prefix.length) : target;
}

/** Enough for the longest object key. */
const MAX_PATH_LENGTH = 600;

/** Removes credentials and the query, even where its `?` is percent-encoded, also repeatedly. */
export function redactedPath(target: string): string {
  const [path = ''] = target
    .replace(/^[a-z]+:\/\/[^/?#]*/i, '')
    .split(/[?#]|%(?:25)*(?:3f|23)/i, 1);
  return path.slice(0, MAX_PATH_LENGTH);
}

/** The pattern of the matched route; undefined where none matches. Preflights match a wildcard. */
export function routePattern({ routeOptions: { url } }: FastifyRequest): string | undefined {
  return url === '*' ? undefined : url;
}

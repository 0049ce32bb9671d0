import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Viewer } from '../auth/viewer.js';
import type { Context, OperationResult } from '../graphql/context.js';

type DisclosedFiles = Context['links']['disclosed'];

/** What the log, the metrics and the trace tell of an operation. */
export interface OperationRecord {
  readonly id: string;
  /** What GraphQL or an error response reported; null for every other response. */
  operationResult: OperationResult | null;
  /** The files whose links the response contains; null outside of the GraphQL route. */
  disclosedFiles: DisclosedFiles | null;
  /** Null where the request is not traced. */
  traced: TracedRequest | null;
  /** Null until the GraphQL route has authenticated the client. */
  viewer: Viewer | null;
}

declare module 'fastify' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- only declarations merge
  interface FastifyRequest extends OperationRecord {}
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

/** A request whose response was sent, or whose client disconnected. */
export interface CompletedRequest {
  readonly route: string | undefined;
  readonly status: number;
  readonly seconds: number;
  readonly operationResult: OperationResult;
  readonly disclosedFiles: DisclosedFiles;
}

export const REQUEST_ID_HEADER = 'X-Request-Id';

/** Matches the ids of proxies and clouds, and no text that could forge part of a log line. */
const VALID_REQUEST_ID = /^[\w.:=+/-]{1,128}$/;

/** The id that the client sent if it is safe to log, else a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && VALID_REQUEST_ID.test(given) ? given : randomUUID();
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

/** Adds the code for an error status: Apollo rejects malformed requests without a plugin call. */
export function operationResult({ request, statusCode }: FastifyReply): OperationResult {
  const { operation, code = null } = request.operationResult ?? {};
  if (code !== null || statusCode < 400) return { operation, code };
  if (statusCode === 400) return { operation, code: 'BAD_REQUEST' };
  return { operation, code: statusCode === 500 ? 'INTERNAL_SERVER_ERROR' : 'UNKNOWN' };
}

/** Logs a request, a successful health check only at level debug, and ends its trace. */
export function completeRequest(reply: FastifyReply, route: string | undefined): CompletedRequest {
  const { request, raw, elapsedTime } = reply;
  const reported = operationResult(reply);
  // A socket that closes early discards the rest of a response, which counts as finished, too.
  const isSent = raw.writableFinished && !request.raw.socket.destroyed;
  const code = isSent ? reported.code : 'ABORTED';
  // 499 is nginx's status for a client that disconnected before the response.
  const status = raw.headersSent ? reply.statusCode : 499;
  const fields = {
    method: request.method,
    path: route === undefined ? undefined : redactedPath(request.url),
    status,
    organization: request.viewer?.organization,
    viewer: request.viewer?.id ?? undefined,
    ms: Math.round(elapsedTime * 10) / 10,
    operation: reported.operation?.name ?? undefined,
    code: code ?? undefined,
  };
  const isPassedCheck = route?.startsWith('/health/') === true && status < 400;
  request.log[isPassedCheck ? 'debug' : 'info'](fields, 'request');
  request.traced?.end({ status: raw.headersSent ? status : null, errorCode: code });
  const disclosedFiles = (raw.headersSent && request.disclosedFiles) || [];
  if (disclosedFiles.length > 0) logDisclosure(request, disclosedFiles);
  return {
    route,
    status,
    seconds: elapsedTime / 1_000,
    operationResult: { ...reported, code },
    disclosedFiles,
  };
}

/** More ids would make a line too long for some log systems. */
const MAX_LOGGED_IDS = 100;

/** The line of the audit: links work for anyone, so it shows which viewer received which. */
function logDisclosure(request: FastifyRequest, files: DisclosedFiles): void {
  const exportIds = new Set<string>();
  const kinds = new Set<string>();
  for (const { exportId, kind } of files) {
    exportIds.add(exportId);
    kinds.add(kind);
  }
  const fields = {
    organization: request.viewer?.organization,
    viewer: request.viewer?.id ?? undefined,
    clientAddress: request.ip,
    exportIds: [...exportIds].slice(0, MAX_LOGGED_IDS),
    exports: exportIds.size,
    kinds: [...kinds],
  };
  request.log.info(fields, 'links disclosed');
}

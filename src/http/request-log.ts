import type { FastifyReply } from 'fastify';

import type { OperationResult } from '../graphql/context.js';
import { redactedPath, type Disclosure, type OperationRecord } from './requests.js';

/**
 * A request or an operation of a WebSocket whose response was sent, whose stream has begun, or whose
 * client has disconnected.
 */
export interface CompletedRequest {
  readonly route: string | undefined;
  readonly status: number;
  readonly seconds: number;
  readonly operationResult: OperationResult;
  /** Null where the client received no files. */
  readonly disclosed: Disclosure | null;
}

export interface RequestObserver {
  readonly onRequestCompleted: (request: CompletedRequest) => void;
  /** For each result of a stream, after its request has been reported. */
  readonly onDisclosed: (disclosed: Disclosure) => void;
}

/** Adds the code for an error status: Apollo rejects malformed requests without a plugin call. */
export function operationResult({ request, statusCode }: FastifyReply): OperationResult {
  const { operation, code = null } = request.operationResult ?? {};
  if (code !== null || statusCode < 400) return { operation, code };
  if (statusCode === 400) return { operation, code: 'BAD_REQUEST' };
  return { operation, code: statusCode === 500 ? 'INTERNAL_SERVER_ERROR' : 'UNKNOWN' };
}

/** Reports a request whose response was sent, or whose client disconnected. */
export function completeRequest(
  reply: FastifyReply,
  route: string | undefined,
  { onRequestCompleted }: RequestObserver,
): void {
  const { request, raw, elapsedTime } = reply;
  const isUpgraded = reply.statusCode === 101;
  // A socket that closes early discards the rest of a response, which counts as finished, too.
  const isSent = isUpgraded || (raw.writableFinished && !request.raw.socket.destroyed);
  const result = operationResult(reply);
  const completion = {
    route,
    method: request.method,
    path: route === undefined ? undefined : redactedPath(request.url),
    status: isUpgraded || raw.headersSent ? reply.statusCode : null,
    ms: elapsedTime,
    result: isSent ? result : { ...result, code: 'ABORTED' },
  };
  completeOperation(request, completion, onRequestCompleted);
}

interface Completion {
  readonly route: string | undefined;
  readonly method?: string;
  readonly path: string | undefined;
  /** Null when the client disconnected before the response. */
  readonly status: number | null;
  readonly ms: number;
  readonly result: OperationResult;
}

/** Logs an operation, a successful health check only at level debug, and reports it. */
export function completeOperation(
  record: OperationRecord,
  { route, method, path, status, ms, result }: Completion,
  onCompleted: (request: CompletedRequest) => void,
): void {
  const { viewer, transport, stream } = record;
  // 499 is nginx's status for a client that disconnected before the response.
  const reported = status ?? 499;
  const fields = {
    method,
    path,
    status: reported,
    organization: viewer?.organization,
    viewer: viewer?.id ?? undefined,
    ms: Math.round(ms * 10) / 10,
    operation: result.operation?.name ?? undefined,
    code: result.code ?? undefined,
    transport: transport ?? undefined,
    events: stream?.events,
  };
  const isPassedCheck = route?.startsWith('/health/') === true && reported < 400;
  record.log[isPassedCheck ? 'debug' : 'info'](fields, 'request');
  // The rest was reported when the stream began, and with each of its results.
  if (stream !== null) return;
  record.traced?.end({ status, errorCode: result.code });
  const disclosed = status === null ? null : record.disclosed;
  if (disclosed !== null) logDisclosure(record, disclosed);
  const seconds = ms / 1_000;
  onCompleted({ route, status: reported, seconds, operationResult: result, disclosed });
}

/** More ids would make a line too long for some log systems. */
const MAX_LOGGED_IDS = 100;

/**
 * The lines of the audit, one for links and one for previews: links work for anyone, so they show
 * which viewer received what.
 */
export function logDisclosure(record: OperationRecord, { links, previews }: Disclosure): void {
  if (links.length > 0) logFiles(record, links, 'links disclosed');
  if (previews.length > 0) logFiles(record, previews, 'previews disclosed');
}

function logFiles(
  { viewer, ip, log }: OperationRecord,
  files: Disclosure['links'],
  message: string,
): void {
  const exportIds = new Set<string>();
  const kinds = new Set<string>();
  for (const { exportId, kind } of files) {
    exportIds.add(exportId);
    kinds.add(kind);
  }
  const fields = {
    organization: viewer?.organization,
    viewer: viewer?.id ?? undefined,
    clientAddress: ip,
    exportIds: [...exportIds].slice(0, MAX_LOGGED_IDS),
    exports: exportIds.size,
    kinds: [...kinds],
  };
  log.info(fields, message);
}

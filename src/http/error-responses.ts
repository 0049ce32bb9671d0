import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';

import { GatewayError } from '../errors.js';
import { LOCAL_LINK_PATH } from '../storage/local-url-signer.js';
import { ERROR_PAGE_POLICY, errorPage } from './error-page.js';

/**
 * Sends an error without the Content-Disposition of a download: in the form of GraphQL errors, or
 * as a page where a browser opens a link to a file.
 */
export function sendError(
  reply: FastifyReply,
  { status, code, message }: { status: number; code: string; message: string },
): FastifyReply {
  reply.request.operationResult = { operation: undefined, code };
  const type = preferredMediaType(reply.request);
  void reply.removeHeader('Content-Disposition').code(status).type(type);
  if (type !== HTML) return reply.send({ errors: [{ message, extensions: { code } }] });
  return reply.header('Content-Security-Policy', ERROR_PAGE_POLICY).send(errorPage(message));
}

/** As Apollo Server negotiates them; the first one where the client has no preference. */
export const JSON_MEDIA_TYPES = ['application/json', 'application/graphql-response+json'].map(
  (type) => `${type}; charset=utf-8`,
);
const HTML = 'text/html; charset=utf-8';
const FILE_MEDIA_TYPES = [...JSON_MEDIA_TYPES, HTML];

/** Of an error response. */
export function preferredMediaType({ raw, url }: FastifyRequest): string {
  const types = url.startsWith(LOCAL_LINK_PATH) ? FILE_MEDIA_TYPES : JSON_MEDIA_TYPES;
  return new Negotiator(raw).mediaType(types) ?? 'application/json; charset=utf-8';
}

export function sendGatewayError(
  reply: FastifyReply,
  { message, extensions: { code, http } }: GatewayError,
): FastifyReply {
  for (const [name, value] of http?.headers ?? []) void reply.header(name, value);
  return sendError(reply, { status: http?.status ?? 400, code, message });
}

/** Logs what the client is not told. */
export function logGatewayError(log: FastifyBaseLogger, { cause, name }: GatewayError): void {
  if (cause instanceof Error) log.warn({ err: cause }, name);
  else log.info({ cause }, name);
}

/** Sends an error that a hook or a route threw. Only the log has the message of a defect. */
export function sendThrownError(
  error: FastifyError & { headers?: Record<string, string> },
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof GatewayError) {
    logGatewayError(request.log, error);
    return sendGatewayError(reply, error);
  }
  const { statusCode: status = 500, message, headers = {} } = error;
  if (status < 500) {
    // Such as the Content-Range of a range that cannot be satisfied.
    return sendError(reply.headers(headers), { status, code: 'BAD_REQUEST', message });
  }
  request.log.error({ err: error }, 'A request failed');
  const masked = 'Something went wrong on our side.';
  return sendError(reply, { status: 500, code: 'INTERNAL_SERVER_ERROR', message: masked });
}

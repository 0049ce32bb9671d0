import { createHash } from 'node:crypto';

import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * An onSend hook that adds an ETag, and sends 304 where the client has the same response already. It skips responses that
 * must not be stored: an error keeps its status whatever If-None-Match says.
 */
export async function addEtag(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  const isStorable = reply.getHeader('cache-control') === 'private, no-cache';
  if (!isStorable || typeof payload !== 'string') return payload;
  // A strong ETag identifies bytes and their media type, which depends on the Accept header.
  const type = String(reply.getHeader('content-type'));
  const digest = createHash('sha256').update(`${type}\n${payload}`).digest('base64url');
  const etag = `"${digest}"`;
  void reply.header('ETag', etag);
  if (!matchesEtag(request, etag)) return payload;
  void reply.code(304);
  return null;
}

/** Whether If-None-Match contains an ETag, also in a list or weakened by a proxy. */
export function matchesEtag({ headers }: FastifyRequest, etag: string): boolean {
  return headers['if-none-match']?.includes(etag) === true;
}

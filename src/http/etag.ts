import { createHash } from 'node:crypto';

import type { FastifyReply, FastifyRequest } from 'fastify';

/** An onSend hook that adds an ETag to a response that may be stored, and sends 304 for a match. */
export async function addEtag(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  const isStorable = reply.getHeader('cache-control') === 'private, no-cache';
  if (!isStorable || typeof payload !== 'string') return payload;
  // Weak, because compression changes the bytes. Its media type depends on the Accept header.
  const type = String(reply.getHeader('content-type'));
  const etag = `"${createHash('sha256').update(`${type}\n${payload}`).digest('base64url')}"`;
  void reply.header('ETag', `W/${etag}`);
  if (!matchesEtag(request, etag)) return payload;
  void reply.code(304);
  return null;
}

/** Whether If-None-Match contains an ETag, including in a list or weakened by a proxy. */
export function matchesEtag({ headers }: FastifyRequest, etag: string): boolean {
  return headers['if-none-match']?.includes(etag) === true;
}

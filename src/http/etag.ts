import { createHash } from 'node:crypto';

import type { FastifyInstance, FastifyRequest } from 'fastify';

/**
 * Gives the answers of a scope an ETag, and sends 304 in place of those that the client has already. Only answers that may be kept
 * at all: of the others nobody can have one, and an error must keep its status whatever a client says it has.
 */
export function addEtags(scope: FastifyInstance): void {
  scope.addHook('onSend', async (request, reply, payload) => {
    const isKept = reply.getHeader('cache-control') === 'private, no-cache';
    if (!isKept || typeof payload !== 'string') return payload;
    // A strong ETag names bytes and how they are to be read: the type follows the Accept header.
    const type = String(reply.getHeader('content-type'));
    const digest = createHash('sha256').update(`${type}\n${payload}`).digest('base64url');
    const etag = `"${digest}"`;
    void reply.header('ETag', etag);
    if (!matchesEtag(request, etag)) return payload;
    void reply.code(304);
    return null;
  });
}

/** Whether the client has what this ETag names. Also finds it in a list, and where a proxy has made it a weak one. */
export function matchesEtag({ headers }: FastifyRequest, etag: string): boolean {
  return headers['if-none-match']?.includes(etag) === true;
}

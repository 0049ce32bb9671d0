import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

import { contentTypeFor, contentDispositionFor } from '../storage/download-headers.js';
import { LOCAL_LINK_PATH, type LocalUrlSigner } from '../storage/local-url-signer.js';
import { sendError } from './server.js';

/** `GET /files/…`: downloads by signed links to files below `directory`, an absolute path. */
export async function addFilesRoute(
  server: FastifyInstance,
  { links, directory }: { links: LocalUrlSigner; directory: string },
): Promise<void> {
  await server.register(fastifyStatic, {
    root: directory,
    serve: false,
    index: false,
    cacheControl: false,
    contentType: false,
  });

  server.get(`${LOCAL_LINK_PATH}*`, async (request, reply) => {
    const link = links.verify(request.url);
    reply.headers({
      'Cache-Control': 'private, no-store',
      'Content-Security-Policy': "default-src 'none'; sandbox",
    });
    switch (link.verdict) {
      case 'invalid':
        return sendError(reply, {
          status: 403,
          code: 'FORBIDDEN',
          message: 'This link is not valid.',
        });
      case 'expired': {
        const message = 'This link has expired. Ask for a new one.';
        return sendError(reply, { status: 410, code: 'LINK_EXPIRED', message });
      }
      case 'valid':
        return reply
          .header('Content-Disposition', contentDispositionFor(link.file.fileName))
          .type(contentTypeFor(link.file.fileName))
          .sendFile(link.file.objectKey, directory);
    }
  });
}

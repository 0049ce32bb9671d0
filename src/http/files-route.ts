import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

import { contentTypeOf, dispositionOf } from '../files/download-headers.js';
import { LOCAL_LINK_PATH, type LocalLinks } from '../files/local-links.js';
import { refuse } from './server.js';

/** `GET /files/…`: downloads by signed links to files below `directory`, an absolute path. */
export async function addFilesRoute(
  server: FastifyInstance,
  { links, directory }: { links: LocalLinks; directory: string },
): Promise<void> {
  await server.register(fastifyStatic, {
    root: directory,
    serve: false,
    index: false,
    cacheControl: false,
    contentType: false,
  });

  server.get(`${LOCAL_LINK_PATH}*`, async (request, reply) => {
    const link = links.check(request.url);
    reply.headers({
      'Cache-Control': 'private, no-store',
      'Content-Security-Policy': "default-src 'none'; sandbox",
    });
    switch (link.verdict) {
      case 'forged':
        return refuse(reply, {
          status: 403,
          code: 'FORBIDDEN',
          message: 'This link is not valid.',
        });
      case 'expired': {
        const message = 'This link has expired. Ask for a new one.';
        return refuse(reply, { status: 410, code: 'LINK_EXPIRED', message });
      }
      case 'genuine':
        return reply
          .header('Content-Disposition', dispositionOf(link.file.fileName))
          .type(contentTypeOf(link.file.fileName))
          .sendFile(link.file.objectKey, directory);
    }
  });
}

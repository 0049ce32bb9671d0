import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

import type { LocalFiles } from '../storage/create-url-signer.js';
import { contentDispositionFor, contentTypeFor } from '../storage/download-headers.js';
import { LOCAL_LINK_PATH } from '../storage/local-url-signer.js';
import { sendError } from './error-responses.js';

const invalidLink = { status: 403, code: 'FORBIDDEN', message: 'This link is not valid.' };
const expiredLink = {
  status: 410,
  code: 'LINK_EXPIRED',
  message: 'This link has expired. Ask for a new one.',
};

/** `GET /files/…`: downloads local files by signed links. */
export async function addFilesRoute(
  server: FastifyInstance,
  { signer, directory }: LocalFiles,
): Promise<void> {
  await server.register(fastifyStatic, {
    root: directory,
    serve: false,
    index: false,
    cacheControl: false,
    contentType: false,
  });

  server.get(`${LOCAL_LINK_PATH}*`, async (request, reply) => {
    const link = signer.verify(request.url);
    reply.headers({
      'Cache-Control': 'private, no-store',
      'Content-Security-Policy': "default-src 'none'; sandbox",
    });
    if (link.verdict !== 'valid') {
      return sendError(reply, link.verdict === 'expired' ? expiredLink : invalidLink);
    }
    const { fileName, objectKey } = link.file;
    return reply
      .header('Content-Disposition', contentDispositionFor(fileName))
      .type(contentTypeFor(fileName))
      .sendFile(objectKey, directory);
  });
}

import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

import { contentDispositionFor, contentTypeFor } from '../storage/download-headers.js';
import { LOCAL_LINK_PATH } from '../storage/local-url-signer.js';
import type { LocalFiles } from '../storage/open-storage.js';
import { uncompressed } from './compression.js';
import { sendError } from './error-responses.js';

const invalidLink = {
  status: 403,
  code: 'FORBIDDEN',
  message: 'This link is incomplete or was altered. Request a new one.',
};
const expiredLink = {
  status: 410,
  code: 'LINK_EXPIRED',
  message: 'This link has expired. Request a new one.',
};

/** `GET /files/…`: downloads local files by signed links. */
export async function addFilesRoute(
  server: FastifyInstance,
  { verify, directory }: LocalFiles,
): Promise<void> {
  const options = { serve: false, index: false, cacheControl: false, contentType: false } as const;
  await server.register(fastifyStatic, { root: directory, ...options });
  server.get(`${LOCAL_LINK_PATH}*`, uncompressed, async (request, reply) => {
    const link = await verify(request.url);
    reply.headers({
      'Cache-Control': 'private, no-store',
      'Content-Security-Policy': "default-src 'none'; sandbox",
    });
    if (link.verdict !== 'valid') {
      return sendError(reply, link.verdict === 'expired' ? expiredLink : invalidLink);
    }
    const { fileName, objectKey } = link.file;
    void reply.header('Content-Disposition', contentDispositionFor(fileName));
    return reply.type(contentTypeFor(fileName)).sendFile(objectKey, directory);
  });
}

import { constants } from 'node:zlib';

import compress from '@fastify/compress';
import type { FastifyInstance } from 'fastify';

/** The route option of responses that are never compressed, such as files and streams. */
export const uncompressed = { compress: false } as const;

/**
 * Compresses JSON and metrics of more than 1 KiB. The levels are the fastest: higher ones save a
 * tenth of the bytes more, and cost as much CPU as the response itself (docs/performance.md).
 */
export async function addCompression(server: FastifyInstance): Promise<void> {
  await server.register(compress, {
    encodings: ['zstd', 'br', 'gzip'],
    threshold: 1_025,
    // At once, whatever the size: a stream has no length, and waits for clients that read slowly.
    syncThreshold: Infinity,
    customTypes: /^(application\/([\w-]+\+)?json|text\/plain)(;|$)/,
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } },
    zlibOptions: { level: 1 },
    // The gateway accepts no compressed requests, which could be small and expand to any size.
    globalDecompression: false,
  });
}

import type { FastifyRequest } from 'fastify';

/** Room for the longest object key. */
const MAX_LENGTH = 600;

/**
 * The path of a request target, for logs and traces: without what may come before it, which may hold a password, and without its
 * query, which may hold the signature of a link; also where somebody has encoded the question mark, once or more.
 */
export function redactedPath(target: string): string {
  const [path = ''] = target
    .replace(/^[a-z]+:\/\/[^/?#]*/i, '')
    .split(/[?#]|%(?:25)*(?:3f|23)/i, 1);
  return path.slice(0, MAX_LENGTH);
}

/** The pattern of the path that a request is answered at; undefined: there is nothing at it. A preflight is answered at any. */
export function routePattern({ routeOptions: { url } }: FastifyRequest): string | undefined {
  return url === '*' ? undefined : url;
}

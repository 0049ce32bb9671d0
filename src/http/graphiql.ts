import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import type { FastifyReply, FastifyRequest } from 'fastify';

import { matchesEtag } from './etag.js';
import { graphiqlDocument, type GraphiqlPageOptions } from './graphiql-page.js';

export interface GraphiqlPage {
  html: Buffer;
  gzip: Buffer;
  /** SHA-256 of `html`, in base64url. */
  digest: string;
  contentSecurityPolicy: string;
}

/** Takes about half a second, to build 9 MB and compress them to 2.4: too long for the start. */
export async function renderGraphiqlPage(options: GraphiqlPageOptions): Promise<GraphiqlPage> {
  const document = await graphiqlDocument(options);
  const html = Buffer.from(document.html);
  return {
    html,
    gzip: await promisify(gzip)(html),
    digest: createHash('sha256').update(html).digest('base64url'),
    contentSecurityPolicy: contentSecurityPolicy(document.script),
  };
}

/**
 * The page's one script runs, by its hash, and nothing else does. Styles must be inline: Monaco
 * writes a style element and hundreds of style attributes, and nothing that CSS could load or
 * send to is allowed.
 */
function contentSecurityPolicy(script: string): string {
  const scriptHash = createHash('sha256').update(script).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'sha256-${scriptHash}'`,
    'worker-src blob:',
    "connect-src 'self'",
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/**
 * Answers with the page, or with 304 where the client has it already. Browsers seldom do: a POST
 * to an address, and so every query, makes them forget what they have of it.
 */
export function sendGraphiqlPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: GraphiqlPage,
): FastifyReply {
  const zipped = acceptsGzip(request.headers['accept-encoding']);
  // A strong ETag names bytes, so each encoding has its own.
  const etag = zipped ? `"${page.digest}-gzip"` : `"${page.digest}"`;
  void reply.headers({
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': page.contentSecurityPolicy,
    ETag: etag,
    'Referrer-Policy': 'no-referrer',
    Vary: 'Accept, Accept-Encoding',
    'X-Content-Type-Options': 'nosniff',
  });
  if (matchesEtag(request, etag)) return reply.code(304).send();
  if (zipped) void reply.header('Content-Encoding', 'gzip');
  return reply.type('text/html; charset=utf-8').send(zipped ? page.gzip : page.html);
}

/** `gzip;q=0` refuses it. */
function acceptsGzip(acceptEncoding: string | string[] = ''): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(acceptEncoding.toString());
}

import { HeaderMap } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import Negotiator from 'negotiator';

import { COST_HEADER } from '../graphql/limits.js';
import type { PlainRequest } from '../graphql/repeated-operations.js';
import type { RequestWithoutHeaders } from '../graphql/trusted-documents.js';
import { JSON_MEDIA_TYPES, preferredMediaType } from './error-responses.js';

/** A request as Apollo Server takes it, without the copy of its headers that few requests need. */
export function requestWithoutHeaders(request: FastifyRequest): RequestWithoutHeaders {
  const { method, requestedStream, body } = request;
  const search = /\?.*/s.exec(request.url)?.[0] ?? '';
  if (requestedStream === null || method === 'POST') return { method, search, body };
  // It takes subscriptions by POST only.
  return { method: 'POST', search: '', body: bodyOf(new URLSearchParams(search)) };
}

/** The headers of a request as Apollo Server takes it. */
export function requestHeaders(request: FastifyRequest): HeaderMap {
  const headers = new HeaderMap();
  for (const name in request.headers) headers.set(name, String(request.headers[name]));
  if (request.requestedStream === null) return headers;
  // Apollo Server knows no streams: its response is JSON, which is sent as such when it is an error.
  headers.set('accept', preferredMediaType(request));
  // Instead of its prevention of CSRF, the origin was checked.
  if (request.method !== 'POST') headers.set('content-type', 'application/json');
  return headers;
}

/** Returns null for a body that only Apollo Server handles: a mistake, a persisted query, or none. */
export function plainRequest(body: unknown): PlainRequest | null {
  if (!isRecord(body)) return null;
  const { query, operationName = null, variables, extensions } = body;
  if (typeof query !== 'string') return null;
  if (operationName !== null && typeof operationName !== 'string') return null;
  // Apollo Client names itself in the extensions.
  const [values, others] = [variables ?? {}, extensions ?? {}];
  if (!isRecord(values) || !isRecord(others) || 'persistedQuery' in others) return null;
  return { query, operationName, variables: values };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const JSON_CONTENT_TYPE = /^application\/json(; ?charset=utf-8)?$/i;
const MAX_ACCEPT_LENGTH = 200;
/** By the Accept header; null where the client accepts none. */
const mediaTypes = new LRUCache<string, { readonly type: string | null }>({ max: 100 });

/** Returns the media type of a plain response; null where Apollo Server must respond. */
export function plainMediaType({ headers, requestedStream }: FastifyRequest): string | null {
  const { accept = '*/*', 'content-type': contentType = '' } = headers;
  // A query is a single response also for a client that takes streams, unless it prefers them.
  if (requestedStream?.isPreferred === true || COST_HEADER in headers) return null;
  if (!JSON_CONTENT_TYPE.test(contentType)) return null;
  if (accept.length > MAX_ACCEPT_LENGTH) return null;
  let known = mediaTypes.get(accept);
  if (known === undefined) {
    known = { type: new Negotiator({ headers: { accept } }).mediaType(JSON_MEDIA_TYPES) ?? null };
    mediaTypes.set(accept, known);
  }
  return known.type;
}

/** The body with the parameters of a URL. Apollo Server rejects those that are not valid JSON. */
function bodyOf(parameters: URLSearchParams): Record<string, unknown> {
  const body: Record<string, unknown> = Object.fromEntries(parameters);
  for (const name of ['variables', 'extensions']) {
    const text = parameters.get(name);
    if (text === null) continue;
    try {
      body[name] = JSON.parse(text);
    } catch {
      // Stays text.
    }
  }
  return body;
}

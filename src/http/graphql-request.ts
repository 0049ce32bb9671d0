import { HeaderMap, type HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyRequest } from 'fastify';

import { preferredMediaType } from './error-responses.js';

/** A request as Apollo Server takes it. */
export function graphqlRequest(request: FastifyRequest): HTTPGraphQLRequest {
  const { method, body } = request;
  const headers = headerMap(request);
  const search = /\?.*/s.exec(request.url)?.[0] ?? '';
  if (request.requestedStream === null) return { method, headers, search, body };
  // Apollo Server knows no streams: its response is JSON, which is sent as such when it is an error.
  headers.set('accept', preferredMediaType(request));
  if (method === 'POST') return { method, headers, search, body };
  // It takes subscriptions by POST only. Instead of its prevention of CSRF, the origin was checked.
  headers.set('content-type', 'application/json');
  return { method: 'POST', headers, search: '', body: bodyOf(new URLSearchParams(search)) };
}

function headerMap({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const name in headers) map.set(name, String(headers[name]));
  return map;
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

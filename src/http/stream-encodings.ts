import type { IncomingHttpHeaders } from 'node:http';

import Negotiator from 'negotiator';

import type { GatewayError } from '../errors.js';
import type { Transport } from '../graphql/result-stream.js';
import { JSON_MEDIA_TYPES } from './error-responses.js';

/** How a response carries the results of a subscription. Results are JSON without line breaks. */
export interface StreamEncoding {
  readonly transport: Transport;
  readonly contentType: string;
  /** Sent with the headers: some clients wait for the first byte of the body. */
  readonly opening: string;
  readonly heartbeat: string;
  readonly encodeResult: (json: string) => string;
  /** The end of a finished subscription, after which clients do not connect again. */
  readonly completion: string;
  /** The end of any other one. */
  readonly encodeError: (error: GatewayError) => string;
}

/**
 * Server-Sent Events in the distinct connections mode of graphql-sse. Own code, because the handler
 * of graphql-sse asks for the next result before its client has read the last one, without a bound.
 */
const sse: StreamEncoding = {
  transport: 'sse',
  contentType: 'text/event-stream; charset=utf-8',
  opening: ':\n\n',
  heartbeat: ': keep-alive\n\n',
  encodeResult: (json) => `event: next\ndata: ${json}\n\n`,
  completion: 'event: complete\ndata:\n\n',
  encodeError: () => '',
};

const part = (json: string) =>
  // Its boundary follows at once, because clients parse a part when they see the next boundary.
  `\r\nContent-Type: application/json; charset=utf-8\r\n\r\n${json}\r\n--graphql`;

/** Apollo's multipart protocol for subscriptions over HTTP. */
const multipart: StreamEncoding = {
  transport: 'multipart',
  contentType: 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"',
  opening: '\r\n--graphql',
  heartbeat: part('{}'),
  encodeResult: (json) => part(`{"payload":${json}}`),
  completion: '--\r\n',
  encodeError: ({ message, extensions: { code } }) =>
    `${part(JSON.stringify({ payload: null, errors: [{ message, extensions: { code } }] }))}--\r\n`,
};

const SSE_TYPE = 'text/event-stream';
const MULTIPART_TYPE = 'multipart/mixed;subscriptionspec=1.0';
const NAMES = new Map([
  [SSE_TYPE, /text\/event-stream/],
  [MULTIPART_TYPE, /subscriptionspec/],
]);
const ENCODINGS = new Map([
  [SSE_TYPE, sse],
  [MULTIPART_TYPE, multipart],
]);

/** Those that a method may ask for: by GET a page could ask for multipart without a preflight. */
const STREAM_TYPES = new Map([
  ['GET', [SSE_TYPE]],
  ['POST', [SSE_TYPE, MULTIPART_TYPE]],
]);

export interface RequestedStream {
  readonly encoding: StreamEncoding;
  /** Whether a query is to come as a stream, too: the client prefers it to JSON. */
  readonly isPreferred: boolean;
}

/** The stream that a request asks for; null for one that takes a single response. */
export function requestedStream(
  method: string,
  { accept }: IncomingHttpHeaders,
): RequestedStream | null {
  if (accept === undefined || !/event-stream|subscriptionspec/i.test(accept)) return null;
  const accepted = accept.toLowerCase().replace(/;\s*boundary=("[^"]*"|[^;,]*)/g, '');
  // By name: neither a wildcard nor the multipart of @defer asks for a stream.
  const types = STREAM_TYPES.get(method)?.filter((type) => NAMES.get(type)?.test(accepted)) ?? [];
  const negotiator = new Negotiator({ headers: { accept: accepted } });
  const preferred = negotiator.mediaTypes([...types, ...JSON_MEDIA_TYPES]);
  const encodings = preferred.map((type) => ENCODINGS.get(type));
  const encoding = encodings.find((each) => each !== undefined);
  if (encoding === undefined) return null;
  const isPreferred = encodings[0] === encoding;
  // urql names streams last for its queries, which are to stay cacheable by GET.
  return isPreferred || method !== 'GET' ? { encoding, isPreferred } : null;
}

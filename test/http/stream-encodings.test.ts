import { expect, it } from '@jest/globals';

import { requestedStream } from '../../src/http/stream-encodings.js';

const multipart = 'multipart/mixed;subscriptionSpec=1.0';
// Of HttpLink of Apollo Client.
const httpLink =
  'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9';

it.each<
  [
    method: string,
    accept: string | undefined,
    transport: string | null,
    isPreferred: boolean | undefined,
  ]
>([
  ['POST', 'text/event-stream', 'sse', true],
  ['GET', 'text/event-stream', 'sse', true],
  ['POST', 'Text/Event-Stream; charset=utf-8, */*', 'sse', true],
  ['POST', 'application/json, text/event-stream', 'sse', false],
  ['POST', 'text/event-stream;q=0.5, application/json', 'sse', false],
  ['POST', multipart, 'multipart', true],
  ['POST', 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"', 'multipart', true],
  ['POST', httpLink, 'multipart', true],
  ['POST', `application/json, ${multipart};q=0.9`, 'multipart', false],
  ['POST', `${multipart}, text/event-stream`, 'multipart', true],
  ['GET', multipart, null, undefined],
  ['HEAD', 'text/event-stream', null, undefined],
  ['POST', 'multipart/mixed', null, undefined],
  ['POST', 'multipart/mixed;deferSpec=20220824, application/json', null, undefined],
  ['POST', 'text/event-stream;q=0', null, undefined],
  ['POST', 'application/json', null, undefined],
  ['POST', '*/*', null, undefined],
  ['POST', undefined, null, undefined],
])('a %s that accepts %s asks for a stream by %s', (method, accept, transport, isPreferred) => {
  const requested = requestedStream(method, accept === undefined ? {} : { accept });
  expect(requested?.encoding.transport ?? null).toBe(transport);
  expect(requested?.isPreferred).toBe(isPreferred);
});

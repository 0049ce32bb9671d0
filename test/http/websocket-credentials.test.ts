import { expect, it } from '@jest/globals';

import { webSocketCredentials } from '../../src/http/websocket-credentials.js';

const bearer = 'Bearer a.b.c';

it.each<
  [headers: Record<string, string>, parameters: Record<string, unknown>, credentials: object]
>([
  [{}, {}, {}],
  [{ 'x-api-key': 'a', cookie: 'b' }, {}, { 'x-api-key': 'a' }],
  [{}, { 'X-API-Key': 'a', other: 1 }, { 'x-api-key': 'a' }],
  [{}, { 'x-api-KEY': 'a' }, { 'x-api-key': 'a' }],
  [{}, { Authorization: bearer }, { authorization: bearer }],
  [{}, { authorization: null, 'x-api-key': undefined }, {}],
  [{ authorization: bearer }, { AUTHORIZATION: bearer }, { authorization: bearer }],
  // What a proxy in front asks for.
  [{ authorization: 'Basic YQ==' }, { Authorization: bearer }, { authorization: bearer }],
  // Authentication decides about both, as over HTTP.
  [{ 'x-api-key': 'a' }, { Authorization: bearer }, { 'x-api-key': 'a', authorization: bearer }],
])('the headers %j with connectionParams %j mean %j', (headers, parameters, credentials) => {
  expect(webSocketCredentials(headers, parameters)).toEqual(credentials);
});

it.each<[headers: Record<string, string>, parameters: Record<string, unknown>, failure: string]>([
  [{ 'x-api-key': 'a' }, { 'X-API-Key': 'b' }, 'ambiguous'],
  [{ authorization: bearer }, { Authorization: 'Bearer d' }, 'ambiguous'],
  [{}, { 'X-API-Key': 'a', 'x-api-key': 'a' }, 'malformed'],
  [{}, { 'X-API-Key': 1 }, 'malformed'],
  [{}, { Authorization: [bearer] }, 'malformed'],
])('the headers %j with connectionParams %j are refused as %s', (headers, parameters, failure) => {
  expect(() => webSocketCredentials(headers, parameters)).toThrow(
    expect.objectContaining({ failure }),
  );
});

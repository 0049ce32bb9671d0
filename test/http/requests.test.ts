import { describe, expect, it } from '@jest/globals';
import type { FastifyReply } from 'fastify';

import { operationResult } from '../../src/http/request-log.js';
import { redactedPath, requestId } from '../../src/http/requests.js';

describe('the id of a request', () => {
  it.each([
    ...['a', 'a:b/c+d=_.-', 'x'.repeat(128), 'Root=1-67891233-abcdef012345678912345678'],
    '7f3c1a52-5b0e-4a7e-9a51-3a1f6b1f1c55',
  ])('is the valid one that the client sent: %s', (id) => {
    expect(requestId({ headers: { 'x-request-id': id } })).toBe(id);
  });

  it.each([
    ...['', 'x'.repeat(129), 'a b', 'a"b', '{"level":60}', 'someone@example.com', 'größe'],
    ...['a, b', ['a', 'b'], undefined],
  ])('is a new UUID instead of an invalid one: %j', (id) => {
    const headers = { 'x-request-id': id };
    const [first, second] = [requestId({ headers }), requestId({ headers })];
    expect(first).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(first).not.toBe(second);
  });
});

describe('the redacted path of a request target', () => {
  it.each([
    ['/graphql?query={secret}', '/graphql'],
    ['/files/a%20b/c.csv?signature=secret', '/files/a%20b/c.csv'],
    ['/files/a%3Fsignature=secret', '/files/a'],
    ['/files/a%25253fsignature=secret', '/files/a'],
    ['/files/a#secret', '/files/a'],
    ['/files/a%2523secret', '/files/a'],
    ['http://user:secret@host/files/a', '/files/a'],
    [`/${'x'.repeat(1_000)}`, `/${'x'.repeat(599)}`],
    ['', ''],
  ])('of %s is %s', (target, path) => {
    expect(redactedPath(target)).toBe(path);
  });
});

it.each([
  [200, null],
  [400, 'BAD_REQUEST'],
  [405, 'UNKNOWN'],
  [500, 'INTERNAL_SERVER_ERROR'],
])('a response with status %i that reports no error has the code %s', (statusCode, code) => {
  const reply = { statusCode, request: { operationResult: null } } as unknown as FastifyReply;
  expect(operationResult(reply)).toEqual({ operation: undefined, code });
});

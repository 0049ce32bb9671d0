import { describe, expect, it } from '@jest/globals';

import { embedded } from '../support/engines.js';
import { useGateway, type RawRequest } from '../support/gateway.js';
import { sendRejected } from '../support/no-internals.js';

const gateway = useGateway(embedded);

async function rejection(request: RawRequest) {
  const { status, codes } = await sendRejected(gateway, request);
  return { status, codes };
}

/** A test per text, named by its beginning. */
const titled = (texts: readonly string[]) =>
  texts.map((text) => ({ text, title: JSON.stringify(text).slice(0, 60) }));

describe('a body that is no GraphQL request', () => {
  it.each(
    titled([
      ...['', ' ', '{', '{"query"', "{'query':'{__typename}'}", '{"query":"{__typename}"}{}'],
      ...['\ufeff\0', 'query { __typename }', 'null', 'true', '1', '"{__typename}"', '{}', '[]'],
      ...['[{"query":"{__typename}"}]', '['.repeat(100_000), '{"variables":{}}'],
      ...['null', '""', '1', '["{__typename}"]', '{"a":1}'].map((query) => `{"query":${query}}`),
      ...[
        ...['"variables":"{}"', '"variables":[]', '"variables":1', '"operationName":1'],
        ...['"extensions":"x"', '"__proto__":{"a":1}', '"variables":{"__proto__":{"a":1}}'],
      ].map((member) => `{"query":"{__typename}",${member}}`),
    ]),
  )('is rejected with 400 BAD_REQUEST: $title', async ({ text }) => {
    expect(await rejection({ body: text })).toEqual({ status: 400, codes: ['BAD_REQUEST'] });
  });

  it.each([
    { contentType: 'text/plain', status: 400 },
    { contentType: 'application/x-www-form-urlencoded', status: 415 },
    { contentType: 'multipart/form-data; boundary=x', status: 415 },
    { contentType: 'application/xml', status: 415 },
    { contentType: 'application/graphql', status: 415 },
  ])('is rejected with $status as $contentType', async ({ contentType, status }) => {
    const headers = ['content-type', contentType];
    const body = { query: '{__typename}' };
    expect(await rejection({ body, headers })).toEqual({ status, codes: ['BAD_REQUEST'] });
  });

  it('is rejected with 413 when it is larger than 256 KiB', async () => {
    const body = { query: '{__typename}', x: 'x'.repeat(256 * 1024) };
    expect(await rejection({ body })).toEqual({ status: 413, codes: ['BAD_REQUEST'] });
  });
});

describe('a document that cannot be executed', () => {
  const rejected = (query: string) => rejection({ body: { query } });

  it.each(
    titled([
      ...['{', '}', '#', ' ', '{}', 'SELECT * FROM exports', '{ export(id: "x) { id } }'],
      ...['"\\ud800"', '"\ud800"', '"\0") { id } \0 }'].map((id) => `{ export(id: ${id}) { id } }`),
      ...['{ exports(page: 01) { data { id } } }', '{ exports() { data { id } } }'],
    ]),
  )('is rejected with GRAPHQL_PARSE_FAILED: $title', async ({ text }) => {
    expect(await rejected(text)).toEqual({ status: 400, codes: ['GRAPHQL_PARSE_FAILED'] });
  });

  it.each(
    titled([
      ...['{ nothing }', '{ ...F } fragment F on Query { ...F }', '{ __typename @nothing }'],
      ...['fragment F on Query { __typename }', '{ export(id: "a", id: "b") { id } }'],
      '{ a: export(id: "a") { id } a: export(id: "b") { id } }',
      ...['query A { __typename } query A { __typename }', 'query A { __typename } { __typename }'],
      'query ($id: Nothing) { export(id: $id) { id } }',
      ...['query ($id: String!) { export(id: $id) { id } }', '{ export(id: $id) { id } }'],
      `{${' a { '.repeat(99)} b ${'}'.repeat(99)} }`,
      'query ($on: Boolean) { __typename @include(if: $on) }',
      ...['mutation { deleteExports }', 'subscription { exports }'],
    ]),
  )('is rejected with GRAPHQL_VALIDATION_FAILED: $title', async ({ text }) => {
    expect(await rejected(text)).toEqual({ status: 400, codes: ['GRAPHQL_VALIDATION_FAILED'] });
  });

  it('is rejected when null decides whether a field is selected', async () => {
    const query = 'query ($on: Boolean = true) { __typename @include(if: $on) }';
    const body = { query, variables: { on: null } };
    expect(await rejection({ body })).toEqual({ status: 400, codes: ['BAD_USER_INPUT'] });
  });
});

it('reads bytes that are not UTF-8 as replacement characters', async () => {
  const bytes = '\xff\xfe\xed\xa0\x80';
  const body = Buffer.from(`{"query":"{ export(id: \\"${bytes}\\") { id } }"}`, 'latin1');
  const { status, text, statements } = await gateway.send({ body });
  expect([status, text, statements]).toEqual([200, '{"data":{"export":null}}\n', []]);
});

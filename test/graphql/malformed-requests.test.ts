import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { post, refusalOf } from '../exports/post.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';

describe.each(engines)('a malformed request on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await provide();
    gateway = await startGateway(database);
  });

  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  /** The beginning of what is sent, for the name of a test. */
  const shown = <Sent extends { body: string }>(sent: Sent) => ({
    ...sent,
    shown: JSON.stringify(sent.body).slice(1, 61),
  });

  describe('whose body is not a request', () => {
    it.each(
      [
        { body: '', status: 400 },
        { body: ' ', status: 400 },
        { body: '{', status: 400 },
        { body: '{"query"', status: 400 },
        { body: "{'query':'{__typename}'}", status: 400 },
        { body: '{"query":"{__typename}"}{}', status: 400 },
        { body: '\ufeff\0', status: 400 },
        { body: 'query { __typename }', status: 400 },
        { body: 'null', status: 400 },
        { body: 'true', status: 400 },
        { body: '1', status: 400 },
        { body: '"{__typename}"', status: 400 },
        { body: '{}', status: 400 },
        { body: '[]', status: 400 },
        { body: '[{"query":"{__typename}"}]', status: 400 },
        { body: '['.repeat(100_000), status: 400 },
        { body: '{"query":null}', status: 400 },
        { body: '{"query":""}', status: 400 },
        { body: '{"query":1}', status: 400 },
        { body: '{"query":["{__typename}"]}', status: 400 },
        { body: '{"query":{"a":1}}', status: 400 },
        { body: '{"variables":{}}', status: 400 },
        { body: '{"query":"{__typename}","variables":"{}"}', status: 400 },
        { body: '{"query":"{__typename}","variables":[]}', status: 400 },
        { body: '{"query":"{__typename}","variables":1}', status: 400 },
        { body: '{"query":"{__typename}","operationName":1}', status: 400 },
        { body: '{"query":"{__typename}","extensions":"x"}', status: 400 },
        { body: '{"query":"{__typename}","__proto__":{"a":1}}', status: 400 },
        { body: '{"query":"{__typename}","variables":{"__proto__":{"a":1}}}', status: 400 },
        { body: `{"query":"{__typename}","x":"${'x'.repeat(1_100_000)}"}`, status: 413 },
      ].map(shown),
    )('is refused with $status: $shown', async ({ body, status }) => {
      const answer = await post(gateway, body);
      expect(answer.status).toBe(status);
      expect(refusalOf(answer)).toMatchObject([{ extensions: { code: 'BAD_REQUEST' } }]);
    });

    it.each([
      { contentType: 'text/plain', status: 400 },
      { contentType: 'application/x-www-form-urlencoded', status: 415 },
      { contentType: 'multipart/form-data; boundary=x', status: 415 },
      { contentType: 'application/xml', status: 415 },
      { contentType: 'application/graphql', status: 415 },
    ])('but $contentType is refused with $status', async ({ contentType, status }) => {
      const answer = await post(gateway, '{"query":"{__typename}"}', contentType);
      expect(answer.status).toBe(status);
      refusalOf(answer);
    });
  });

  describe('whose document cannot be executed', () => {
    it.each(
      [
        { body: '{', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '}', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '#', code: 'GRAPHQL_PARSE_FAILED' },
        { body: ' ', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '{}', code: 'GRAPHQL_PARSE_FAILED' },
        { body: 'SELECT * FROM exports', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '{ export(id: "x) { id } }', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '{ export(id: "\\ud800") { id } }', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '{ export(id: "\ud800") { id } }', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '{ export(id: "\0") { id } \0 }', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '{ exports(page: 01) { data { id } } }', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '{ exports() { data { id } } }', code: 'GRAPHQL_PARSE_FAILED' },
        { body: '{ nothing }', code: 'GRAPHQL_VALIDATION_FAILED' },
        { body: '{ ...F } fragment F on Query { ...F }', code: 'GRAPHQL_VALIDATION_FAILED' },
        { body: 'fragment F on Query { __typename }', code: 'GRAPHQL_VALIDATION_FAILED' },
        { body: '{ export(id: "a", id: "b") { id } }', code: 'GRAPHQL_VALIDATION_FAILED' },
        {
          body: '{ a: export(id: "a") { id } a: export(id: "b") { id } }',
          code: 'GRAPHQL_VALIDATION_FAILED',
        },
        {
          body: 'query A { __typename } query A { __typename }',
          code: 'GRAPHQL_VALIDATION_FAILED',
        },
        { body: 'query A { __typename } { __typename }', code: 'GRAPHQL_VALIDATION_FAILED' },
        {
          body: 'query ($id: Nothing) { export(id: $id) { id } }',
          code: 'GRAPHQL_VALIDATION_FAILED',
        },
        {
          body: 'query ($id: String!) { export(id: $id) { id } }',
          code: 'GRAPHQL_VALIDATION_FAILED',
        },
        { body: '{ export(id: $id) { id } }', code: 'GRAPHQL_VALIDATION_FAILED' },
        { body: '{ __typename @nothing }', code: 'GRAPHQL_VALIDATION_FAILED' },
        {
          body: `{${' a { '.repeat(200)} b ${'}'.repeat(200)} }`,
          code: 'GRAPHQL_VALIDATION_FAILED',
        },
      ].map(shown),
    )('is refused with $code: $shown', async ({ body, code }) => {
      const answer = await post(gateway, JSON.stringify({ query: body }));
      expect(answer.status).toBe(400);
      for (const { extensions } of refusalOf(answer)) expect(extensions.code).toBe(code);
    });

    it('but has several operations is refused unless one of them is named', async () => {
      const query = 'query A { a: __typename } query B { b: __typename }';
      for (const operationName of [undefined, null, '', 'C', 'a']) {
        const answer = await post(gateway, JSON.stringify({ query, operationName }));
        expect(answer.status).toBe(400);
        expect(refusalOf(answer)).toMatchObject([
          { extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } },
        ]);
      }
      const named = await post(gateway, JSON.stringify({ query, operationName: 'B' }));
      expect(JSON.parse(named.text)).toEqual({ data: { b: 'Query' } });
    });

    it.each(['mutation { deleteExports }', 'subscription { exports }'])(
      'because there is nothing of its kind is refused: %s',
      async (query) => {
        const answer = await post(gateway, JSON.stringify({ query }));
        expect(refusalOf(answer)).toHaveLength(1);
      },
    );

    it('because null decides whether a field is there is refused', async () => {
      const query = 'query ($on: Boolean) { __typename @include(if: $on) }';
      refusalOf(await post(gateway, JSON.stringify({ query, variables: { on: null } })));
    });

    it('is not held to be a defect: the log has no error of it', async () => {
      const before = gateway.log.length;
      await post(gateway, JSON.stringify({ query: '{ nothing }' }));
      await post(gateway, JSON.stringify({ query: '{' }));
      await post(
        gateway,
        JSON.stringify({ query: 'query ($p: Int!) { exports(page: $p) { data { id } } }' }),
      );
      await post(gateway, '{');
      const errors = gateway.log.slice(before).filter(({ level }) => Number(level) >= 50);
      expect(errors).toEqual([]);
    });
  });

  it('with bytes that are no UTF-8 is answered as if they were replacement characters', async () => {
    const body = Buffer.concat([
      Buffer.from('{"query":"{ export(id: \\"'),
      Buffer.from([0xff, 0xfe, 0xed, 0xa0, 0x80]),
      Buffer.from('\\") { id } }"}'),
    ]);
    expect(await post(gateway, body)).toMatchObject({
      status: 200,
      text: '{"data":{"export":null}}\n',
      statements: [],
    });
  });
});

import { ApolloServer } from '@apollo/server';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, getOperationAST, parse } from 'graphql';

import { ServiceUnavailableError } from '../../src/errors.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { CompiledOperations } from '../../src/graphql/compiled-operations.js';
import type { Context } from '../../src/graphql/context.js';
import type { FormatError } from '../../src/graphql/format-error.js';
import { jitExecution } from '../../src/graphql/jit-execution.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';

const plain =
  'id name resource status countBatches countTotal countProcessed progress estimatedCompletionAt createdAt updatedAt startedAt completedAt expiresAt isExpired failureReason failureCode requestedBy';
const files = 'files { id kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }';
const flags = 'includeJson: true, includeCsv: true';
const entity = (type: string, id?: string) => ({ __typename: type, id });
const [one, two] = [exportId(1), exportId(2)];

/** Documents of every kind, each alone or with its variables. */
const documents: Record<string, string | readonly [string, Record<string, unknown>]> = {
  'an export and an unknown id': `{ export(id: "${one}") { ${plain} jsonUrl ${files} } none: export(id: "exp_none") { id } }`,
  'an export with files': `{ export(id: "${one}", ${flags}) { ${files} jsonUrl csvUrl csvErrorUrl csvSanitizedUrl } }`,
  'a list with everything': `{ exports(limit: 3, ${flags}) { __typename data { __typename ${plain} ${files} jsonUrl }
    pagination { __typename page limit hasMore totalCount totalPages endCursor } } }`,
  'aliases and repeated fields': `{
    a: exports(limit: 1) { x: data { i: id id } y: data { n: name } p: pagination { t: totalCount totalCount } }
    a: exports(limit: 1) { x: data { status } } b: export(id: "${two}", ${flags}) { u: csvUrl csvUrl } }`,
  fragments: [
    `query ($id: ID!) { one: export(id: $id) { ...f } exports(limit: 2) { data { ...f ... { status } ... on Export { name } } } }
     fragment f on Export { id ...g } fragment g on Export { resource createdAt }`,
    { id: exportId(3) },
  ],
  'entities, some of which do not exist': [
    `query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Export { id name ${files} } } }`,
    {
      r: [
        entity('Export', one),
        entity('Export', 'exp_none'),
        ...[entity('Export'), entity('Shipment', '1'), entity('Export', two)],
      ],
    },
  ],
  'exports by ids': `{ exportsByIds(ids: ["x", "${two}", "x"]) { id csvUrl } }`,
  'an error beside data': `{ bad: exports(page: 0) { data { id } } good: export(id: "${one}") { id } }`,
  'a null variable for a non-null argument': [
    'query ($n: Int = 3) { exports(limit: $n) { data { id } } }',
    { n: null },
  ],
  'defaults of variables': `query ($n: Int! = 2, $s: [ExportStatus!] = [COMPLETED], $d: ExportSortDirection! = DESC) {
    exports(limit: $n, direction: $d, filter: { statuses: $s }) { data { id status } } }`,
  'given variables with defaults, one of them null': [
    `query ($n: Int! = 2, $d: ExportSortDirection = DESC, $s: [ExportStatus!] = [FAILED]) {
       exports(limit: $n, direction: $d, filter: { statuses: $s }) { data { id } } }`,
    { n: 1, d: 'ASC', s: null },
  ],
  'absent variables': `query ($n: Int, $r: ExportResource, $s: [ExportStatus!], $t: String, $a: String) {
    exports(limit: $n, after: $a, filter: { resource: $r, statuses: $s, search: $t }) { data { id } } }`,
  'coerced variables': [
    `query ($s: ExportStatus!, $f: ExportFilter, $id: ID!, $l: [ExportStatus!]) {
       a: exports(filter: { statuses: [$s, FAILED] }) { data { id } }
       b: exports(filter: $f) { data { id } } c: export(id: $id) { id } d: export(id: 5) { id }
       e: exports(filter: { statuses: $l }) { data { id } } f: exports(filter: { statuses: QUEUED }) { data { id } } }`,
    { s: 'COMPLETED', f: { statuses: 'FAILED', search: 'EXPORT' }, id: 7, l: 'FAILED' },
  ],
  'invalid variables': [
    'query ($n: Int!, $r: ExportResource) { exports(limit: $n, filter: { resource: $r }) { data { id } } }',
    { n: '3', r: 'NOTHING' },
  ],
  '@skip and @include':
    'query ($yes: Boolean! = true) { exports(limit: 2) { data { id @skip(if: $yes) name @include(if: $yes) } } }',
  'entities, the last or the last two of unknown types': [
    `query ($r: [_Any!]!, $s: [_Any!]!) { r: _entities(representations: $r) { __typename }
       s: _entities(representations: $s) { __typename ... on Export { id } } }`,
    {
      r: [entity('Export', one), entity('A')],
      s: [entity('Export', one), entity('A'), entity('B')],
    },
  ],
  'a representation with a variable in it': [
    'query ($id: ID!) { _entities(representations: [{ __typename: "Export", id: $id }]) { ... on Export { name } } }',
    { id: one },
  ],
  'an alias that joins the names of another path': `{ jsonUrl_e: export(id: "${one}") { name } e: export(id: "${one}", ${flags}) { jsonUrl } }`,
  'names that JavaScript reserves':
    'query ($__proto__: Int = 1) { __proto__: exports(limit: $__proto__) { __proto__: data { id } } }',
  'absent variables with names of Object.prototype': `query ($constructor: String, $toString: ExportFilter) {
    exports(after: $constructor, filter: $toString) { data { id } } }`,
  'more fields than are compiled': `{ ${[...Array(60).keys()].map((n) => `a${n}: export(id: "${exportId(n % 5)}") { ...f }`).join(' ')} }
    fragment f on Export { ${plain} }`,
  introspection: '{ __schema { queryType { name } } __typename }',
};

describe('a repeated operation', () => {
  const gateway = useGateway(embedded, {
    exports: [0, 1, 2, 3, 4].map((index) =>
      exportRow(index, {
        ...(index === 3 && { status: ExportStatus.FAILED, failureReason: 'é "quoted" 😀' }),
        ...(index === 2 && { expiresAt: new Date('2026-01-01T00:00:00.000Z') }),
        startedAt: index % 2 ? new Date('2026-11-01T10:00:00.000Z') : null,
      }),
    ),
    files: [1, 2, 4].flatMap((index) =>
      Object.values(ExportFileKind).map((kind) => fileRow(index, kind, { sizeBytes: 2 ** 40 })),
    ),
  });

  /** The response without the expiry of links. */
  async function send(body: object) {
    const { status, text, statements, ...response } = await gateway.send({ body });
    const headers = { ...response.headers };
    const stable = text
      .replace(/expires=\d+&signature=[\w-]+/g, 'expires=…')
      .replace(/"urlExpiresAt":"[^"]+"/g, '"urlExpiresAt":"…"');
    delete headers['content-length'];
    return { status, headers, text: stable, statements: [...statements].sort() };
  }

  it.each(Object.entries(documents))('has the response of its first use: %s', async (_, entry) => {
    const [query, variables] = typeof entry === 'string' ? [entry] : entry;
    const first = await send({ query, variables });
    expect(first.text).not.toContain('INTERNAL_SERVER_ERROR');
    for (let use = 2; use <= 3; use += 1) expect(await send({ query, variables })).toEqual(first);
  });

  it('uses the variables of each request', async () => {
    const query = 'query ($id: ID!) { export(id: $id) { name } }';
    for (const index of [0, 1, 2, 3]) {
      const { text } = await send({ query, variables: { id: exportId(index) } });
      expect(text).toBe(`{"data":{"export":{"name":"Export ${index}"}}}\n`);
    }
  });

  it('is the one that operationName selects', async () => {
    const query = `query A { export(id: "${one}") { id } } query B { export(id: "${two}") { name } }`;
    for (const operationName of ['A', 'B', 'A', 'B', 'C', 'a', '', null, undefined]) {
      const { status, text } = await send({ query, operationName });
      if (operationName === 'A') expect(text).toContain(`{"id":"${one}"}`);
      else if (operationName === 'B') expect(text).toContain('{"name":"Export 2"}');
      else expect([status, text]).toEqual([400, expect.stringContaining('OPERATION_RESOLUTION')]);
    }
  });

  it.each(['query A { __typename }', '{ exports(limit: 1) { data { id } } }'])(
    'is not found by an empty operationName: %s',
    async (query) => {
      for (let use = 1; use <= 3; use += 1) {
        const { status, text } = await send({ query, operationName: '' });
        expect([status, text]).toEqual([400, expect.stringMatching(/"Unknown operation named/)]);
      }
    },
  );
});

describe('jitExecution', () => {
  const schema = buildSchema('type Query { one: Int unavailable: Int }');
  const { unavailable } = schema.getQueryType()?.getFields() ?? {};
  if (unavailable) {
    unavailable.resolve = () => {
      throw new ServiceUnavailableError({});
    };
  }
  const thrown: unknown[] = [];
  const formatError: FormatError = (formatted, error) => {
    thrown.push(error);
    return formatted;
  };
  const plugin = jitExecution(new CompiledOperations(schema), formatError);
  const apollo = new ApolloServer<Context>({ schema, plugins: [plugin], formatError });
  const contextValue = {} as Context;

  it.each([
    { query: '{ one }', compiledAt: 2 },
    { query: `{ ...f ...f } fragment f on Query { ${'one '.repeat(250)} }`, compiledAt: 2 },
    { query: `{ ...f ...f one } fragment f on Query { ${'one '.repeat(250)} }`, compiledAt: null },
    { query: '{ one @skip(if: false) }', compiledAt: null },
  ])('compiles at use $compiledAt: $query', async ({ query, compiledAt }) => {
    const document = parse(query);
    const request = { document, operation: getOperationAST(document), request: {}, contextValue };
    const hooks = await plugin.requestDidStart?.(request as never);
    for (let use = 1; use <= 3; use += 1) {
      const response = await hooks?.responseForOperation?.(request as never);
      if (compiledAt === null || use < compiledAt) expect(response).toBeNull();
      else
        expect(response?.body).toEqual({ kind: 'single', singleResult: { data: { one: null } } });
    }
  });

  it('sets the HTTP status and headers of an error, as Apollo Server does', async () => {
    for (let use = 1; use <= 2; use += 1) {
      const query = '{ one unavailable }';
      const { http, body } = await apollo.executeOperation({ query }, { contextValue });
      expect([http.status, http.headers.get('retry-after')]).toEqual([503, '1']);
      const errors = [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }];
      expect(body).toMatchObject({ singleResult: { data: { one: null }, errors } });
    }
  });

  it('formats what a compiled operation throws and responds with status 500', async () => {
    const defect = new Error('A defect');
    const variables = {
      get one(): never {
        throw defect;
      },
    };
    const send = (request: object) =>
      apollo.executeOperation({ query: '{ one }', ...request }, { contextValue });
    await send({});
    await send({});
    thrown.length = 0;
    const { http, body } = await send({ variables });
    expect(thrown).toEqual([expect.objectContaining({ originalError: defect })]);
    const errors = [{ message: 'A defect', extensions: { code: 'INTERNAL_SERVER_ERROR' } }];
    expect([http.status, body]).toEqual([500, { kind: 'single', singleResult: { errors } }]);
  });
});

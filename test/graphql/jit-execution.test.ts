import { ApolloServer } from '@apollo/server';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import type { Context } from '../../src/graphql/context.js';
import { jitExecution } from '../../src/graphql/jit-execution.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

const plain =
  'id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt expiresAt failureReason requestedBy';
const files = 'files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }';
const flags = 'includeJson: true, includeCsv: true';

/** Documents of every kind. The first time, graphql-js executes them; from then on, they are compiled. */
const documents: readonly { what: string; query: string; variables?: Record<string, unknown> }[] = [
  { what: 'an export', query: `{ export(id: "${exportId(1)}") { ${plain} } }` },
  { what: 'nobody’s export', query: '{ export(id: "exp_none") { id } }' },
  {
    what: 'an export with files',
    query: `{ export(id: "${exportId(1)}", ${flags}) { ${files} jsonUrl csvUrl csvErrorUrl csvSanitizedUrl } }`,
  },
  { what: 'links without flags', query: `{ export(id: "${exportId(1)}") { jsonUrl ${files} } }` },
  {
    what: 'a list with everything',
    query: `{ exports(limit: 3, ${flags}) { __typename data { __typename ${plain} ${files} jsonUrl }
              pagination { __typename page limit hasMore totalCount totalPages endCursor } } }`,
  },
  {
    what: 'aliases of all kinds, and fields asked for twice',
    query: `{ a: exports(limit: 1) { x: data { i: id id } y: data { n: name } p: pagination { t: totalCount totalCount } }
              a: exports(limit: 1) { x: data { status } } b: export(id: "${exportId(2)}", ${flags}) { u: csvUrl csvUrl } }`,
  },
  {
    what: 'fragments',
    query: `query ($id: ID!) { one: export(id: $id) { ...f } exports(limit: 2) { data { ...f ... { status } ... on Export { name } } } }
            fragment f on Export { id ...g } fragment g on Export { resource createdAt }`,
    variables: { id: exportId(3) },
  },
  {
    what: 'entities, some of them none',
    query: `query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Export { id name ${files} } } }`,
    variables: {
      r: [
        { __typename: 'Export', id: exportId(1) },
        { __typename: 'Export', id: 'exp_none' },
        { __typename: 'Export' },
        { __typename: 'Shipment', id: '1' },
        { __typename: 'Export', id: exportId(2) },
      ],
    },
  },
  {
    what: 'exports by their ids',
    query: '{ exportsByIds(ids: ["x", "' + exportId(2) + '", "x"]) { id csvUrl } }',
  },
  { what: 'an argument out of range', query: '{ exports(limit: 101) { data { id } } }' },
  {
    what: 'an error beside data',
    query: `{ bad: exports(page: 0) { data { id } } good: export(id: "${exportId(1)}") { id } }`,
  },
  {
    what: 'a variable that is null where none may be',
    query: 'query ($n: Int = 3) { exports(limit: $n) { data { id } } }',
    variables: { n: null },
  },
  {
    what: 'defaults of variables',
    query: `query ($n: Int! = 2, $s: [ExportStatus!] = [COMPLETED], $d: SortDirection! = DESC) {
              exports(limit: $n, direction: $d, filter: { statuses: $s }) { data { id status } } }`,
  },
  {
    what: 'defaults of variables that are given',
    query:
      'query ($n: Int! = 2, $d: SortDirection = DESC) { exports(limit: $n, direction: $d) { data { id } } }',
    variables: { n: 1, d: 'ASC' },
  },
  {
    what: 'a default in place of which null is given',
    query:
      'query ($s: [ExportStatus!] = [FAILED]) { exports(filter: { statuses: $s }) { data { id } } }',
    variables: { s: null },
  },
  {
    what: 'variables that are left out, in arguments, objects and lists',
    query: `query ($n: Int, $r: ExportResource, $s: [ExportStatus!], $t: String, $a: String) {
              exports(limit: $n, after: $a, filter: { resource: $r, statuses: $s, search: $t }) { data { id } } }`,
  },
  {
    what: 'variables in lists, one value in the place of a list, a whole filter, an id that is a number',
    query: `query ($s: ExportStatus!, $f: ExportFilter, $id: ID!, $l: [ExportStatus!]) {
              a: exports(filter: { statuses: [$s, FAILED] }) { data { id } }
              b: exports(filter: $f) { data { id } } c: export(id: $id) { id } d: export(id: 5) { id }
              e: exports(filter: { statuses: $l }) { data { id } } f: exports(filter: { statuses: QUEUED }) { data { id } } }`,
    variables: { s: 'COMPLETED', f: { statuses: 'FAILED', search: 'EXPORT' }, id: 7, l: 'FAILED' },
  },
  {
    what: 'a wrong variable',
    query:
      'query ($n: Int!, $r: ExportResource) { exports(limit: $n, filter: { resource: $r }) { data { id } } }',
    variables: { n: '3', r: 'NOTHING' },
  },
  {
    what: '@skip and @include',
    query: `query ($yes: Boolean! = true) { exports(limit: 2) { data { id @skip(if: $yes) name @include(if: $yes) } } }`,
  },
  {
    what: 'entities, the last of which is none',
    query: 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }',
    variables: { r: [{ __typename: 'Export', id: exportId(1) }, { __typename: 'Shipment' }] },
  },
  {
    what: 'an entity written out around a variable',
    query: `query ($id: ID!) { _entities(representations: [{ __typename: "Export", id: $id }]) { ... on Export { name } } }`,
    variables: { id: exportId(1) },
  },
  {
    what: 'an alias that joins the names of another place',
    query: `{ jsonUrl_e: export(id: "${exportId(1)}") { name } e: export(id: "${exportId(1)}", ${flags}) { jsonUrl } }`,
  },
  {
    what: 'a name that JavaScript keeps for itself',
    query: `query ($__proto__: Int = 1) { __proto__: exports(limit: $__proto__) { __proto__: data { id } } }`,
  },
  {
    what: 'variables that are left out, named like what every object has',
    query: `query ($constructor: String, $toString: ExportFilter) {
              exports(after: $constructor, filter: $toString) { data { id } } }`,
  },
  {
    what: 'entities, the last two of which are none',
    query:
      'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Export { id } } }',
    variables: {
      r: [{ __typename: 'Export', id: exportId(1) }, { __typename: 'A' }, { __typename: 'B' }],
    },
  },
  {
    what: 'more fields than are worth compiling',
    query: `{ ${[...Array(60).keys()].map((n) => `a${n}: export(id: "${exportId(n % 5)}") { ...f }`).join(' ')} }
            fragment f on Export { ${plain} }`,
  },
  { what: 'the schema', query: '{ __schema { queryType { name } } __typename }' },
];

describe('a document that comes again', () => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = (await engines[0]?.provide()) as EngineDatabase;
    gateway = await startGateway(database);
    await insertRows(gateway.source, {
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
  });

  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  /** The status and the text of an answer, in which links differ by no more than when they were made. */
  async function ask(body: object): Promise<string> {
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return `${response.status} ${text
      .replace(/expires=\d+&signature=[\w-]+/g, 'expires=…')
      .replace(/"urlExpiresAt":"[^"]+"/g, '"urlExpiresAt":"…"')}`;
  }

  it.each(documents)('is answered to the byte as the first time: $what', async (document) => {
    const { query, variables } = document;
    const first = await ask({ query, variables });
    expect(first).not.toContain('INTERNAL_SERVER_ERROR');
    expect([await ask({ query, variables }), await ask({ query, variables })]).toEqual([
      first,
      first,
    ]);
  });

  it('is answered with the variables of each time', async () => {
    const query = 'query ($id: ID!) { export(id: $id) { id name } }';
    for (const index of [0, 1, 2, 3]) {
      expect(await ask({ query, variables: { id: exportId(index) } })).toBe(
        `200 {"data":{"export":{"id":"${exportId(index)}","name":"Export ${index}"}}}\n`,
      );
    }
  });

  it('is answered with the operation of each time', async () => {
    const query = `query A { export(id: "${exportId(1)}") { id } } query B { export(id: "${exportId(2)}") { name } }`;
    for (const operationName of ['A', 'B', 'A', 'B', 'C', undefined]) {
      const answer = await ask({ query, operationName });
      if (operationName === 'A') expect(answer).toContain(`{"id":"${exportId(1)}"}`);
      else if (operationName === 'B') expect(answer).toContain('{"name":"Export 2"}');
      else expect(answer).toMatch(/^400 .*OPERATION_RESOLUTION_FAILURE/);
    }
  });

  it.each(['query A { __typename }', '{ exports(limit: 1) { data { id } } }'])(
    'has no operation of an empty name: %s',
    async (query) => {
      for (let time = 0; time < 3; time += 1) {
        expect(await ask({ query, operationName: '' })).toMatch(
          /^400 .*"Unknown operation named .*OPERATION_RESOLUTION_FAILURE/,
        );
      }
    },
  );

  it('is executed once, if there are errors in its answer, too', async () => {
    const query = `{ bad: exports(page: 0) { data { id } } good: export(id: "${exportId(1)}") { id } }`;
    for (let time = 0; time < 3; time += 1) {
      const { errors, statements } = await gateway.query(query);
      expect(errors).toHaveLength(1);
      expect(statements).toHaveLength(1);
    }
  });

  it('tells an outage as the first time', async () => {
    const query = `{ exports(limit: 1) { data { id } } export(id: "${exportId(1)}") { id } }`;
    await gateway.source.query('ALTER TABLE exports RENAME TO exports_gone');
    const answers = [await ask({ query }), await ask({ query }), await ask({ query })];
    await gateway.source.query('ALTER TABLE exports_gone RENAME TO exports');
    const errors = answers.map((answer) => {
      const body = JSON.parse(answer.slice(4)) as { data: unknown; errors: { path: unknown[] }[] };
      const sorted = [...body.errors].sort((a, b) => String(a.path).localeCompare(String(b.path)));
      return { data: body.data, errors: sorted };
    });
    expect(errors[0]).toMatchObject({
      data: { exports: null, export: null },
      errors: [
        { path: ['export'], extensions: { code: 'INTERNAL_SERVER_ERROR' } },
        { path: ['exports'], extensions: { code: 'INTERNAL_SERVER_ERROR' } },
      ],
    });
    expect(errors.slice(1)).toEqual([errors[0], errors[0]]);
  });
});

it('lets Apollo know what a compiled document throws, as if it were not compiled', async () => {
  const { gateway, plugin } = jitExecution(buildSchema('type Query { one: Int }'));
  const thrown: unknown[] = [];
  const apollo = new ApolloServer<Context>({
    gateway,
    plugins: [plugin],
    formatError(formatted, error) {
      thrown.push(error);
      return formatted;
    },
  });
  await apollo.start();
  const contextValue = {} as Context;
  for (let time = 0; time < 2; time += 1) {
    await apollo.executeOperation({ query: '{ one }' }, { contextValue });
  }
  const defect = new Error('A defect');
  const variables = {
    get one(): never {
      throw defect;
    },
  };
  await apollo.executeOperation({ query: '{ one }', variables }, { contextValue });
  await apollo.stop();
  expect(thrown).toEqual([defect]);
});

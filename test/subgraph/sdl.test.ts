import { readFile } from 'node:fs/promises';

import { stitchingDirectives } from '@graphql-tools/stitching-directives';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  Kind,
  lexicographicSortSchema,
  parse,
  print,
  printSchema,
  type DirectiveNode,
  type IntrospectionQuery,
} from 'graphql';

import { readConfig } from '../../src/config/config.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';
import { refusal } from '../auth/credentials.js';
import { entriesOf, type Entry } from '../graphql/schema-entries.js';
import { apiOf, composed, read, serviceSdl, supergraphOf } from './supergraph.js';

const url = 'http://127.0.0.1/graphql';

/** Where a text uses a directive of a name, as `Type` or `Type.field`, each with the directive as it is written. */
function usesOf(sdl: string, name: string): Record<string, string> {
  const uses: Record<string, string> = {};
  for (const definition of parse(sdl).definitions) {
    if (!('name' in definition)) continue;
    const note = (place: string, directives: readonly DirectiveNode[] | undefined) => {
      for (const each of directives ?? []) if (each.name.value === name) uses[place] = print(each);
    };
    const type = definition.name.value;
    if ('directives' in definition) note(type, definition.directives);
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) continue;
    for (const field of definition.fields ?? []) {
      note(`${type}.${field.name.value}`, field.directives);
    }
  }
  return uses;
}

/** All that a text says, but for what is there for gateways in front alone. */
function apiIn(sdl: string): Entry[] {
  // Its directives may be ones that only routers know.
  const entries = entriesOf(buildSchema(sdl, { assumeValidSDL: true }));
  return entries.filter(({ says }) => !/^(\w+ |Query\.)?_/.test(says));
}

let database: EngineDatabase;
let gateway: Gateway;
let sdl: string;
let stitchingSdl: string;
let file: string;

beforeAll(async () => {
  const [embedded] = engines;
  if (embedded === undefined) throw new Error('No engine');
  database = await embedded.provide();
  gateway = await startGateway(database);
  await insertRows(gateway.source, { exports: [exportRow(0)] });
  sdl = await serviceSdl(`${gateway.origin}/graphql`);
  const { data } = await gateway.query<{ _sdl: string }>('{ _sdl }');
  stitchingSdl = data._sdl;
  file = await readFile('schema.graphql', 'utf8');
});
afterAll(async () => {
  await gateway.close();
  await database.dispose();
});

const ours = (text = sdl) => ({ name: 'exports', url, sdl: text });
const other = (text: string, imported = '"@key", "@shareable"') => ({
  name: 'other',
  url,
  sdl: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: [${imported}])
        ${text}`,
});
const codesOf = ({ errors = [] }: ReturnType<typeof composed>) =>
  errors.map(({ extensions }) => extensions['code']);

describe('_service.sdl', () => {
  it('says by @link that it is of Federation 2, and imports just what it uses', () => {
    const [extension] = parse(sdl).definitions;
    expect(extension && print(extension)).toBe(
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable", "@tag", "@inaccessible"])',
    );
    for (const name of ['key', 'shareable', 'tag', 'inaccessible']) {
      expect(Object.keys(usesOf(sdl, name))).not.toEqual([]);
    }
  });

  it('has each directive where it belongs', () => {
    expect(usesOf(sdl, 'key')).toEqual({ Export: '@key(fields: "id")' });
    expect(Object.keys(usesOf(sdl, 'shareable'))).toEqual(['ExportConnection', 'ExportPagination']);
    expect(usesOf(sdl, 'tag')).toEqual({ 'Export.requestedBy': '@tag(name: "personal-data")' });
    expect(Object.keys(usesOf(sdl, 'inaccessible'))).toEqual(['Query.exportsByIds']);
  });

  it('has neither what every subgraph has nor what is of stitching', () => {
    expect(sdl).not.toMatch(/_Any|_Entity|_Service|_entities|_service|_sdl|@merge|\bdirective\b/);
  });

  it('is read without introspection, and answers as little without credentials as everything', async () => {
    const { auth } = readConfig({ AUTH: 'required', JWT_SECRET: 'x'.repeat(40) });
    const closed = await startGateway(database, { config: { introspection: false } });
    const locked = await startGateway(database, { config: { introspection: false, auth } });
    try {
      expect(await serviceSdl(`${closed.origin}/graphql`)).toBe(sdl);
      expect((await closed.query('{ _sdl }')).data).toEqual({ _sdl: stitchingSdl });
      expect((await closed.query('{ __schema { queryType { name } } }')).status).toBe(400);
      for (const query of [
        '{ _service { sdl } }',
        '{ _sdl }',
        '{ _entities(representations: []) { __typename } }',
      ]) {
        const response = await fetch(`${locked.origin}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query }),
        });
        expect([response.status, await response.text()]).toEqual([401, refusal]);
      }
    } finally {
      await closed.close();
      await locked.close();
    }
  });
});

describe('_sdl', () => {
  it('is complete in itself, and well-formed by the rules of stitching', () => {
    const { stitchingDirectivesValidator } = stitchingDirectives();
    const schema = stitchingDirectivesValidator(buildSchema(stitchingSdl));
    expect(Object.keys(schema.getQueryType()?.getFields() ?? {}).sort()).toEqual([
      'export',
      'exports',
      'exportsByIds',
    ]);
  });

  it('says by which key an export is known, and where to ask for many', () => {
    expect(usesOf(stitchingSdl, 'key')).toEqual({ Export: '@key(selectionSet: "{ id }")' });
    expect(usesOf(stitchingSdl, 'merge')).toEqual({
      'Query.exportsByIds': '@merge(keyField: "id", keyArg: "ids")',
    });
  });

  it('has no word of federation', () => {
    expect(stitchingSdl).not.toMatch(/@link|@shareable|@tag|@inaccessible|fields:|_Any|_entities/);
  });
});

describe('the three texts of the schema', () => {
  it('say the same in the same words', () => {
    const api = apiIn(file);
    expect(api.length).toBeGreaterThan(50);
    expect(apiIn(stitchingSdl)).toEqual(api);
    expect(apiIn(sdl)).toEqual(api);
  });

  it('have one API: composed from the file or from _service, the graph is the same', async () => {
    const fromService = printSchema(await apiOf(supergraphOf([ours()])));
    expect(printSchema(await apiOf(supergraphOf([ours(file)])))).toBe(fromService);
    expect(fromService).toContain('A page of the exports, the oldest first unless told otherwise.');
    expect(fromService).not.toMatch(/exportsByIds|_sdl|_entities|_service/);
  });

  it('say what is served', async () => {
    const served = buildClientSchema(
      await read<IntrospectionQuery>(`${gateway.origin}/graphql`, getIntrospectionQuery()),
    );
    expect(entriesOf(lexicographicSortSchema(served))).toEqual(entriesOf(buildSchema(file)));
  });
});

/** The cases of Apollo's suite for subgraph libraries, as far as they are of what this subgraph uses. */
describe('as a subgraph of Apollo Federation 2', () => {
  it('@key: other subgraphs may refer to an export by its id', () => {
    const composition = composed([
      ours(),
      other(
        'type Query { newest: Export } type Export @key(fields: "id", resolvable: false) { id: ID! }',
      ),
    ]);
    expect([composition.errors, composition.hints]).toEqual([undefined, []]);
  });

  it('@key: and not by what is no key of it', () => {
    const composition = composed([
      ours(),
      other(
        'type Query { newest: Export } type Export @key(fields: "name") { name: String! @shareable }',
      ),
    ]);
    expect(composition.errors).not.toBeUndefined();
  });

  it('@shareable: another subgraph may give a list of exports, too', () => {
    const types = (shareable: string) => `
      type Query { exportsOfShipment(id: ID!): ExportConnection }
      type ExportConnection ${shareable} { data: [Export!]! pagination: ExportPagination! }
      type ExportPagination ${shareable} {
        page: Int! limit: Int! hasMore: Boolean! totalCount: Int! totalPages: Int! endCursor: String
      }
      type Export @key(fields: "id", resolvable: false) { id: ID! }`;
    expect(composed([ours(), other(types('@shareable'))]).errors).toBeUndefined();
    // It takes both sides, and so would fail if ours did not say it.
    const unshared = composed([
      ours(sdl.replaceAll(' @shareable', '')),
      other(types('@shareable')),
    ]);
    expect(new Set(codesOf(unshared))).toEqual(new Set(['INVALID_FIELD_SHARING']));
  });

  it('enums: another subgraph may use one of the same values', () => {
    const composition = composed([
      ours(),
      other('type Query { direction: SortDirection } enum SortDirection { ASC DESC }'),
    ]);
    expect([composition.errors, composition.hints]).toEqual([undefined, []]);
  });

  it('@tag: reaches the supergraph, for a contract to leave it out', () => {
    expect(supergraphOf([ours()])).toMatch(/requestedBy: String @tag\(name: "personal-data"\)/);
  });

  it('@inaccessible: is no part of the graph, and answers who asks the subgraph', async () => {
    const supergraph = supergraphOf([ours()]);
    expect(usesOf(supergraph, 'inaccessible')).toEqual({ 'Query.exportsByIds': '@inaccessible' });
    const api = await apiOf(supergraph);
    expect(Object.keys(api.getQueryType()?.getFields() ?? {}).sort()).toEqual([
      'export',
      'exports',
    ]);
    const { data } = await gateway.query<{ exportsByIds: object[] }>(
      `{ exportsByIds(ids: ["${exportId(0)}"]) { name } }`,
    );
    expect(data).toEqual({ exportsByIds: [{ name: 'Export 0' }] });
  });

  it('tracing: none, for the header that would slow down all other requests', async () => {
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'apollo-federation-include-trace': 'ftv1' },
      body: JSON.stringify({ query: '{ __typename }' }),
    });
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
  });

  it('a router’s introspection: _service and _entities have the types that the specification gives them', async () => {
    const { data } = await gateway.query<{
      __schema: { queryType: { fields: { name: string; type: object }[] } };
      any: object;
      entity: object;
      service: object;
    }>(`{
      __schema { queryType { fields { name type { ...t } args { name type { ...t } } } } }
      any: __type(name: "_Any") { kind }
      entity: __type(name: "_Entity") { kind possibleTypes { name } }
      service: __type(name: "_Service") { kind fields { name type { ...t } } }
    } fragment t on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`);
    const fields = Object.fromEntries(
      data.__schema.queryType.fields.map((field) => [field.name, JSON.stringify(field)]),
    );
    const nonNull = (inner: string) => `{"kind":"NON_NULL","name":null,"ofType":${inner}}`;
    const list = (inner: string) => `{"kind":"LIST","name":null,"ofType":${inner}}`;
    const named = (kind: string, name: string, isLeaf = false) =>
      `{"kind":"${kind}","name":"${name}"${isLeaf ? '' : ',"ofType":null'}}`;
    expect(fields['_service']).toContain(`"type":${nonNull(named('OBJECT', '_Service'))}`);
    expect(fields['_entities']).toContain(`"type":${nonNull(list(named('UNION', '_Entity')))}`);
    expect(fields['_entities']).toContain(
      `"args":[{"name":"representations","type":${nonNull(list(nonNull(named('SCALAR', '_Any', true))))}}]`,
    );
    expect(data.any).toEqual({ kind: 'SCALAR' });
    expect(data.entity).toEqual({ kind: 'UNION', possibleTypes: [{ name: 'Export' }] });
    expect(JSON.stringify(data.service)).toContain(nonNull(named('SCALAR', 'String')));
  });
});

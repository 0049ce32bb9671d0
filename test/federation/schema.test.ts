import { readFile } from 'node:fs/promises';

import { filterSchema } from '@graphql-tools/utils';
import { stitchingDirectives } from '@graphql-tools/stitching-directives';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  lexicographicSortSchema,
  parse,
  print,
  printSchema,
  visit,
  validateSchema,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';

import { entriesOf } from '../graphql/schema-entries.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';
import { compose, composeSupergraph, type Subgraph } from './graphs.js';
import { authRequired, own, link, shipmentsTypes } from './subgraphs.js';

/** The uses of a directive in an SDL: by `Type` or `Type.field`, its text. */
function directiveUses(sdl: string, name: string): Record<string, string> {
  const uses: Record<string, string> = {};
  visit(parse(sdl), {
    Directive(node, _key, _parent, _path, ancestors) {
      if (node.name.value !== name) return;
      const path = ancestors.flatMap((each) => ('name' in each ? [each.name.value] : []));
      uses[path.join('.')] = print(node);
    },
  });
  return uses;
}

/** Everything that an SDL defines. Only routers have the definitions of some of its directives. */
const entriesIn = (sdl: string) => entriesOf(buildSchema(sdl, { assumeValidSDL: true }));

const clientSchema = (subgraph: Subgraph) =>
  composeSupergraph([subgraph]).schema.toAPISchema().toGraphQLJSSchema();
const queryFieldNames = (schema: GraphQLSchema) =>
  Object.keys(schema.getQueryType()?.getFields() ?? {}).sort();

const gateway = useGateway(embedded, { exports: [exportRow(0)] });
const closed = useGateway(embedded, { config: { auth: authRequired, introspection: false } });

const file = await readFile('schema.graphql', 'utf8');
let sdl: string;
let stitchingSdl: string;
beforeAll(async () => {
  const query = '{ _service { sdl } _sdl }';
  const { data } = await gateway.query<{ _service: { sdl: string }; _sdl: string }>(query);
  [sdl, stitchingSdl] = [data._service.sdl, data._sdl];
});

const ours = (text = sdl) => ({ name: 'exports', url: 'http://exports', sdl: text });
const other = (types: string) => ({ name: 'other', url: 'http://other', sdl: link + types });
const newest = 'type Query { newest: Export }';

describe('_service.sdl', () => {
  it('links to Federation 2 and imports exactly the directives that it uses', () => {
    const [extension] = parse(sdl).definitions;
    expect(extension && print(extension)).toBe(
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.4", import: ["@key", "@shareable", "@tag", "@inaccessible"])',
    );
  });

  it.each([
    ['key', { Export: '@key(fields: "id")' }],
    ['shareable', { PageInfo: '@shareable' }],
    ['tag', { 'Export.requestedBy': '@tag(name: "personal-data")' }],
    ['inaccessible', { 'Query.exportsByIds': '@inaccessible' }],
  ])('has @%s only where it belongs', (name, uses) => {
    expect(directiveUses(sdl, name)).toEqual(uses);
  });

  it('omits the definitions of federation and everything of stitching', () => {
    expect(sdl).not.toMatch(/_Any|_Entity|_Service|_entities|_service|_sdl|@merge|\bdirective\b/);
  });

  it('needs no introspection', async () => {
    const { data } = await closed.query('{ _service { sdl } _sdl }', {}, own);
    expect(data).toEqual({ _service: { sdl }, _sdl: stitchingSdl });
    expect((await closed.query('{ __schema { queryType { name } } }', {}, own)).status).toBe(400);
  });

  it.each(['_service { sdl }', '_sdl', '_entities(representations: []) { __typename }'])(
    'needs credentials like every field: %s',
    async (field) => {
      const refused = await closed.send({ body: { query: `{ ${field} }` } });
      const { text } = await closed.send({ body: { query: '{ exports { data { id } } }' } });
      expect([refused.status, refused.text]).toEqual([401, text]);
    },
  );
});

describe('_sdl', () => {
  it('is a complete schema with valid stitching directives', () => {
    const schema = stitchingDirectives().stitchingDirectivesValidator(buildSchema(stitchingSdl));
    expect(queryFieldNames(schema)).toEqual(['export', 'exports', 'exportsByIds']);
  });

  it.each([
    ['key', { Export: '@key(selectionSet: "{ id }")' }],
    ['merge', { 'Query.exportsByIds': '@merge(keyField: "id", keyArg: "ids")' }],
  ])('has @%s for the lookup of exports', (name, uses) => {
    expect(directiveUses(stitchingSdl, name)).toEqual(uses);
  });

  it('contains nothing of federation', () => {
    expect(stitchingSdl).not.toMatch(/@link|@shareable|@tag|@inaccessible|fields:|_Any|_entities/);
  });
});

describe('schema.graphql', () => {
  it('is the served schema without the types and fields of federation and stitching', async () => {
    const query = getIntrospectionQuery({ specifiedByUrl: true });
    const { data } = await gateway.query<IntrospectionQuery>(query);
    const schema = filterSchema({
      schema: buildClientSchema(data),
      rootFieldFilter: (_type, field) => !field.startsWith('_'),
      typeFilter: (type) => !type.startsWith('_'),
    });
    const print = (each: GraphQLSchema) => printSchema(lexicographicSortSchema(each));
    expect(print(buildSchema(file))).toBe(print(schema));
  });

  it('has only directives of GraphQL itself, so that every tool reads it', () => {
    expect(validateSchema(buildSchema(file))).toEqual([]);
    const directives = [...file.matchAll(/@\w+/g)].map(([name]) => name);
    expect(new Set(directives)).toEqual(new Set(['@specifiedBy']));
    expect(file).not.toMatch(/^extend |^directive |\b_[A-Za-z]/m);
  });

  it('defines the same API as _sdl and _service.sdl, with the same descriptions', () => {
    const api = entriesIn(file);
    expect(api.length).toBeGreaterThan(50);
    expect([entriesIn(stitchingSdl), entriesIn(sdl)]).toEqual([api, api]);
  });
});

/** The cases of Apollo's test suite for subgraph libraries that apply here. */
describe('a subgraph of Apollo Federation 2', () => {
  const errorCodes = (...subgraphs: Subgraph[]) => [
    ...new Set(compose(subgraphs).errors?.map(({ extensions }) => extensions['code'])),
  ];
  const reference = 'type Export @key(fields: "id", resolvable: false) { id: ID! }';

  it.each([
    ['refers to exports', newest + reference],
    [
      'uses the same enum',
      'type Query { a: ExportSortDirection } enum ExportSortDirection { ASC DESC }',
    ],
    ['adds shipments to exports', shipmentsTypes],
  ])('composes without hints with a subgraph that %s', (_what, types) => {
    const { errors, hints } = compose([ours(), other(types)]);
    expect([errors, hints]).toEqual([undefined, []]);
  });

  it('does not compose with a subgraph that refers to exports by a field other than their key', () => {
    const types = `${newest} type Export @key(fields: "name") { name: String! @shareable }`;
    expect(errorCodes(ours(), other(types))).not.toEqual([]);
  });

  it('shares PageInfo, and no other type, with another subgraph', () => {
    const sharing = other(`
      type Query { shipments: ShipmentConnection }
      type ShipmentConnection { pageInfo: PageInfo! }
      type PageInfo @shareable {
        hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String
      }`);
    const { errors, hints } = compose([ours(), sharing]);
    expect([errors, hints]).toEqual([undefined, []]);
    const unshared = ours(sdl.replaceAll(' @shareable', ''));
    expect(errorCodes(unshared, sharing)).toEqual(['INVALID_FIELD_SHARING']);
  });

  it('composes without hints to a schema for clients of the router', () => {
    const { errors, hints } = compose([ours()]);
    expect([errors, hints]).toEqual([undefined, []]);
    const schema = printSchema(clientSchema(ours()));
    expect(schema).toContain('A page of the exports, by default the oldest first.');
    expect(schema).not.toMatch(/exportsByIds|_sdl|_entities|_service/);
  });

  it('passes @tag to the supergraph, so that a contract can exclude the field', () => {
    const field = 'requestedBy: String @tag(name: "personal-data")';
    expect(composeSupergraph([ours()]).supergraphSdl).toContain(field);
  });

  it('hides an @inaccessible field from the graph, but serves it directly', async () => {
    expect(queryFieldNames(clientSchema(ours()))).toEqual(['export', 'exports']);
    const { data } = await gateway.query(`{ exportsByIds(ids: ["${exportId(0)}"]) { name } }`);
    expect(data).toEqual({ exportsByIds: [{ name: 'Export 0' }] });
  });

  it('ignores the header that requests a trace', async () => {
    const { text } = await gateway.send({
      headers: ['apollo-federation-include-trace', 'ftv1'],
      body: { query: '{ __typename }' },
    });
    expect(JSON.parse(text)).toEqual({ data: { __typename: 'Query' } });
  });
});

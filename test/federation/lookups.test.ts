import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId } from '../support/rows.js';
import { FOREIGN, indexes, OWN_EXPORTS, tenantRows, UNKNOWN, WITH_ALL_FILES } from './subgraphs.js';

// The two queries that gateways in front use to load exports by id.
const entity = (id: unknown) => ({ __typename: 'Export', id });
const entities = {
  field: '_entities',
  document: (selection: string) =>
    `query ($refs: [_Any!]!) { found: _entities(representations: $refs) { ... on Export { ${selection} } } }`,
  variables: (ids: readonly string[]): object => ({ refs: ids.map(entity) }),
};
const exportsByIds = {
  field: 'exportsByIds',
  document: (selection: string) =>
    `query ($ids: [ID!]!) { found: exportsByIds(ids: $ids) { ${selection} } }`,
  variables: (ids: readonly string[]): object => ({ ids }),
};

const urls = ['jsonUrl', 'csvUrl', 'csvErrorUrl', 'csvSanitizedUrl'];
const everything = `id name resource status countBatches countTotal countProcessed progress estimatedCompletionAt createdAt updatedAt startedAt
  completedAt expiresAt isExpired failureReason failureCode requestedBy ${urls.join(' ')}
  files { id kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }`;

const gateway = useGateway(embedded, tenantRows);
const query = (document: string, variables: object = {}) =>
  gateway.queryCountingLinks<{
    readonly found: readonly (Readonly<Record<string, unknown>> | null)[];
    readonly single?: unknown;
  }>(document, { ...variables });

describe.each([entities, exportsByIds])('$field', ({ document, variables }) => {
  const lookUp = (ids: readonly string[], selection: string) =>
    query(document(selection), variables(ids));

  it('returns 100 exports in the order of their ids with one statement and no links', async () => {
    const order = indexes(100).map((index) => (index * 37) % 101);
    expect(await lookUp(order.map(exportId), 'name')).toEqual({
      status: 200,
      data: { found: order.map((index) => ({ name: `Export ${index}` })) },
      errors: undefined,
      statements: [expect.stringContaining(' e.id IN (')],
      linksSigned: 0,
    });
  });

  it('returns 100 exports with all fields and links in two statements, without flags', async () => {
    const ids = indexes(WITH_ALL_FILES).map(exportId);
    const { data, errors, statements, linksSigned } = await lookUp(ids, everything);
    expect([errors, statements.length, linksSigned]).toEqual([undefined, 2, 100 * (4 + 4)]);
    const linkedFiles = data.found.flatMap((found) =>
      urls.map((field) => new URL(String(found?.[field])).pathname),
    );
    const kinds = Object.values(ExportFileKind);
    expect(linkedFiles).toEqual(
      ids.flatMap((id) => kinds.map((kind) => `/files/exports/${id}/${kind}`)),
    );
  });

  it('returns null in place for an unknown id, an empty one and one of another organization', async () => {
    const ids = [1, UNKNOWN, 2, FOREIGN, UNKNOWN].map(exportId);
    const { data, errors } = await lookUp([...ids, ''], 'id jsonUrl');
    const [one, two] = [1, 2].map((index) => expect.objectContaining({ id: exportId(index) }));
    expect([data.found, errors]).toEqual([[one, null, two, null, null, null], undefined]);
  });

  it('reads an id that is requested twice once, and returns it twice', async () => {
    const ids = [3, 4, 3].map(exportId);
    const { data, statements } = await lookUp(ids, 'id csvUrl');
    expect(data.found.map((found) => found?.['id'])).toEqual(ids);
    // Of the organization and both ids.
    expect(statements.map((sql) => sql.match(/\?/g)?.length)).toEqual([3, 3]);
  });

  it('returns an empty list without a statement for no ids', async () => {
    expect(await lookUp([], 'id')).toMatchObject({ data: { found: [] }, statements: [] });
  });
});

it('_entities and export(id) share their statements, and each has its own flags', async () => {
  const { data, statements } = await query(
    `query ($refs: [_Any!]!) {
       found: _entities(representations: $refs) { __typename ... on Export { id jsonUrl } }
       single: export(id: "${exportId(6)}") { id jsonUrl }
     }`,
    entities.variables([5, 6].map(exportId)),
  );
  expect(data).toEqual({
    found: [5, 6].map((index) => ({ ...entity(exportId(index)), jsonUrl: expect.any(String) })),
    single: { id: exportId(6), jsonUrl: null },
  });
  expect(statements).toHaveLength(2);
});

it('_entities reads 2,000 representations by 1,000 in a statement', async () => {
  const { data, errors, statements } = await query(
    entities.document('name status csvUrl'),
    entities.variables(indexes(2_000).map(exportId)),
  );
  expect(errors).toBeUndefined();
  expect(data.found.filter((found) => found !== null)).toHaveLength(OWN_EXPORTS);
  // Two of exports and one of the files.
  expect(statements).toHaveLength(3);
});

it.each([
  { flags: '', fields: urls },
  { flags: ', includeCsv: false', fields: ['jsonUrl'] },
  { flags: ', includeJson: false', fields: ['csvUrl', 'csvErrorUrl', 'csvSanitizedUrl'] },
  { flags: ', includeCsv: false, includeJson: false', fields: [] },
])('exportsByIds(ids$flags) returns the links $fields', async ({ flags, fields }) => {
  const { data, statements, linksSigned } = await query(
    `{ found: exportsByIds(ids: ["${exportId(0)}"]${flags}) { ${urls.join(' ')} } }`,
  );
  expect(urls.filter((field) => data.found[0]?.[field] !== null)).toEqual(fields);
  expect([statements.length, linksSigned]).toEqual([fields.length > 0 ? 2 : 1, fields.length]);
});

const extensions = { code: 'BAD_USER_INPUT' };

it('_entities accepts representations in the document, with variables and extra fields', async () => {
  const { data, errors } = await query(
    `query ($id: ID!) {
       found: _entities(representations: [
         { __typename: "Export", id: $id }
         { __typename: "Export", id: "${exportId(8)}", name: "?" }
       ]) { ... on Export { id name } }
     }`,
    { id: exportId(7) },
  );
  expect(errors).toBeUndefined();
  expect(data.found).toMatchObject([{ name: 'Export 7' }, { name: 'Export 8' }]);
});

const id = exportId(0);
it.each([
  { what: 'of an unknown type', bad: { __typename: 'Shipment', id }, field: '__typename' },
  { what: 'of a type without key', bad: { __typename: 'Query', id }, field: '__typename' },
  { what: 'of a type in lower case', bad: { __typename: 'export', id }, field: '__typename' },
  { what: 'without a type', bad: { id }, field: '__typename' },
  { what: 'without an id', bad: { __typename: 'Export' }, field: 'id' },
  { what: 'with a null id', bad: entity(null), field: 'id' },
  { what: 'with a numeric id', bad: entity(7), field: 'id' },
  { what: 'with a list of ids', bad: entity([id]), field: 'id' },
  { what: 'that is a string', bad: id, field: '__typename' },
  { what: 'that is a number', bad: 7, field: '__typename' },
  { what: 'that is a list', bad: [entity(id)], field: '__typename' },
  { what: 'that is empty', bad: {}, field: '__typename' },
])('_entities rejects in place, before any SQL, one $what', async ({ bad, field }) => {
  const resolve = (...refs: unknown[]) => query(entities.document('id'), { refs });
  const message = expect.stringMatching(`^representations\\[0\\]\\.${field} must be `);
  expect(await resolve(bad)).toMatchObject({
    status: 200,
    data: { found: [null] },
    errors: [{ message, path: ['found', 0], extensions }],
    statements: [],
  });
  expect(await resolve(entity(id), bad, entity(exportId(2)))).toMatchObject({
    data: { found: [{ id }, null, { id: exportId(2) }] },
    errors: [{ path: ['found', 1], extensions }],
    statements: [expect.any(String)],
  });
});

it.each([
  { what: 'null representations', refs: null },
  { what: 'a null representation', refs: [null] },
  { what: 'missing representations', refs: undefined },
])('_entities rejects $what with status 400 before any SQL', async ({ refs }) => {
  const response = await query(entities.document('id'), { refs });
  expect(response).toMatchObject({ status: 400, errors: [{ extensions }], statements: [] });
});

it('exportsByIds rejects 101 ids before any SQL and names the argument', async () => {
  const ids = indexes(101).map(exportId);
  const message = 'ids must be at most 100, not 101.';
  expect(await query(exportsByIds.document('id'), { ids })).toMatchObject({
    data: null,
    errors: [{ message, path: ['found'], extensions }],
    statements: [],
  });
});

import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { embedded, engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId } from '../support/rows.js';
import {
  FOREIGN,
  indexes,
  OWN_EXPORTS,
  tenantRows,
  UNKNOWN,
  WITH_ALL_FILES,
} from './tenant-isolation.js';

const entity = (id: unknown) => ({ __typename: 'Export', id });

// The two queries that gateways in front use to load exports by id.
const entities = {
  field: '_entities',
  document: (selection: string) =>
    `query ($refs: [_Any!]!) { found: _entities(representations: $refs) { ... on Export { ${selection} } } }`,
  variables: (ids: readonly string[]) => ({ refs: ids.map(entity) }),
};
const exportsByIds = {
  field: 'exportsByIds',
  document: (selection: string) =>
    `query ($ids: [ID!]!) { found: exportsByIds(ids: $ids) { ${selection} } }`,
  variables: (ids: readonly string[]) => ({ ids }),
};

interface Found {
  readonly found: readonly (Readonly<Record<string, unknown>> | null)[];
}

const urls = 'jsonUrl csvUrl csvErrorUrl csvSanitizedUrl';
const everything =
  'id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt ' +
  `expiresAt failureReason requestedBy ${urls} ` +
  'files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }';

describe.each(engines)('on $engine', (engine) => {
  const gateway = useGateway(engine, tenantRows);

  describe.each([entities, exportsByIds])('$field', ({ document, variables }) => {
    const lookUp = (ids: readonly string[], selection: string) =>
      gateway.query<Found>(document(selection), variables(ids));

    it('returns 100 exports in the order of their ids with one statement and no links', async () => {
      const order = indexes(100).map((index) => (index * 37) % 101);
      const lookup = await lookUp(order.map(exportId), 'name');
      expect(lookup.errors).toBeUndefined();
      expect(lookup.data.found).toEqual(order.map((index) => ({ name: `Export ${index}` })));
      expect(lookup.statements).toEqual([expect.stringContaining(' e.id IN (')]);
      expect(lookup.linksSigned).toBe(0);
    });

    it('returns 100 exports with all fields and links in two statements, without flags', async () => {
      const ids = indexes(WITH_ALL_FILES).map(exportId);
      const { data, errors, statements, linksSigned } = await lookUp(ids, everything);
      expect(errors).toBeUndefined();
      const linkedFiles = data.found.flatMap((found) =>
        urls.split(' ').map((field) => new URL(String(found?.[field])).pathname),
      );
      const kinds = Object.values(ExportFileKind);
      expect(linkedFiles).toEqual(
        ids.flatMap((id) => kinds.map((kind) => `/files/exports/${id}/${kind}`)),
      );
      expect(statements).toHaveLength(2);
      expect(linksSigned).toBe(100 * (4 + 4));
    });

    it('returns null in place for an unknown id, an empty one and one of another organization', async () => {
      const ids = [1, UNKNOWN, 2, FOREIGN, UNKNOWN].map(exportId);
      const { data, errors } = await lookUp([...ids, ''], 'id jsonUrl');
      expect(errors).toBeUndefined();
      const [one, two] = [1, 2].map((index) => expect.objectContaining({ id: exportId(index) }));
      expect(data.found).toEqual([one, null, two, null, null, null]);
    });

    it('reads an id that is requested twice once, and returns it twice', async () => {
      const ids = [3, 4, 3].map(exportId);
      const { data, statements } = await lookUp(ids, 'id csvUrl');
      expect(data.found.map((found) => found?.['id'])).toEqual(ids);
      expect(statements).toHaveLength(2);
      for (const sql of statements) expect(sql.match(/\?/g)?.length).toBeLessThanOrEqual(6);
    });

    it('returns an empty list without a statement for no ids', async () => {
      const { data, statements } = await lookUp([], 'id');
      expect([data, statements]).toEqual([{ found: [] }, []]);
    });
  });

  it('_entities and export(id) share their statements, and each has its own flags', async () => {
    const { data, statements } = await gateway.query<Found & { single: { jsonUrl: null } }>(
      `query ($refs: [_Any!]!) {
         found: _entities(representations: $refs) { __typename ... on Export { id jsonUrl } }
         single: export(id: "${exportId(6)}") { id jsonUrl }
       }`,
      { refs: [5, 6].map(exportId).map(entity) },
    );
    expect(data).toEqual({
      found: [5, 6].map((index) => ({ ...entity(exportId(index)), jsonUrl: expect.any(String) })),
      single: { id: exportId(6), jsonUrl: null },
    });
    expect(statements).toHaveLength(2);
  });

  it('_entities returns 2,000 representations with few fields in two statements', async () => {
    const { data, errors, statements } = await gateway.query<Found>(
      entities.document('name status csvUrl'),
      entities.variables(indexes(2_000).map(exportId)),
    );
    expect(errors).toBeUndefined();
    expect(data.found.filter((found) => found !== null)).toHaveLength(OWN_EXPORTS);
    expect(statements).toHaveLength(2);
  });

  it.each([
    { flags: '', fields: ['jsonUrl', 'csvUrl', 'csvErrorUrl', 'csvSanitizedUrl'] },
    { flags: ', includeCsv: false', fields: ['jsonUrl'] },
    { flags: ', includeJson: false', fields: ['csvUrl', 'csvErrorUrl', 'csvSanitizedUrl'] },
    { flags: ', includeCsv: false, includeJson: false', fields: [] },
  ])('exportsByIds(ids$flags) returns the links $fields', async ({ flags, fields }) => {
    const { data, statements, linksSigned } = await gateway.query<Found>(
      `{ found: exportsByIds(ids: ["${exportId(0)}"]${flags}) { ${urls} } }`,
    );
    const links = Object.entries(data.found[0] ?? {}).filter(([, link]) => link !== null);
    expect(links.map(([field]) => field)).toEqual(fields);
    expect([statements.length, linksSigned]).toEqual([links.length > 0 ? 2 : 1, links.length]);
  });
});

describe('arguments', () => {
  const gateway = useGateway(embedded, tenantRows);
  const resolve = (refs: unknown, selection = 'id') =>
    gateway.query<Found>(entities.document(selection), { refs });

  it('_entities accepts representations in the document, with variables and extra fields', async () => {
    const { data, errors } = await gateway.query<Found>(
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
    const alone = await resolve([bad]);
    expect([alone.status, alone.data, alone.statements]).toEqual([200, { found: [null] }, []]);
    const message = expect.stringMatching(`^representations\\[0\\]\\.${field} must be `);
    const extensions = { code: 'BAD_USER_INPUT' };
    expect(alone.errors).toMatchObject([{ message, path: ['found', 0], extensions }]);

    const { data, errors, statements } = await resolve([entity(id), bad, entity(exportId(2))]);
    expect(data.found).toEqual([{ id }, null, { id: exportId(2) }]);
    expect(errors).toMatchObject([{ path: ['found', 1], extensions }]);
    expect(statements).toHaveLength(1);
  });

  it.each([
    { what: 'null representations', refs: null },
    { what: 'a null representation', refs: [null] },
    { what: 'missing representations', refs: undefined },
    {
      what: '200 representations that cost too much, each with its selection',
      refs: indexes(200).map(exportId).map(entity),
      error: {
        message: expect.stringContaining(`The query costs ${20 + 200 * 98}`),
        extensions: { code: 'QUERY_TOO_COMPLEX' },
      },
    },
  ])('_entities rejects $what with status 400 before any SQL', async ({ refs, error }) => {
    const { status, errors, statements } = await resolve(refs, everything);
    expect([status, statements]).toEqual([400, []]);
    expect(errors).toMatchObject([error ?? { extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  it('exportsByIds rejects 101 ids before any SQL and names the argument', async () => {
    const { data, errors, statements } = await gateway.query(
      exportsByIds.document('id'),
      exportsByIds.variables(indexes(101).map(exportId)),
    );
    expect([data, statements]).toEqual([null, []]);
    const message = 'ids must be at most 100, not 101.';
    const extensions = { code: 'BAD_USER_INPUT' };
    expect(errors).toMatchObject([{ message, path: ['found'], extensions }]);
  });
});

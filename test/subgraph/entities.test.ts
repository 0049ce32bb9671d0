import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import type { Gateway } from '../support/gateway.js';
import { exportId } from '../support/rows.js';
import { FOREIGN, ROWS, startWithOwnAndForeign, UNKNOWN } from './tenant-isolation.js';

const kinds = Object.values(ExportFileKind);

const everything =
  'id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt expiresAt failureReason ' +
  'requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl ' +
  'files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }';

const exportOf = (index: number) => ({ __typename: 'Export', id: exportId(index) });

interface Entities {
  readonly _entities: readonly (Record<string, unknown> | null)[];
}

describe.each(engines)('_entities on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await provide();
    gateway = await startWithOwnAndForeign(database);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  const ask = (representations: unknown, selection: string) =>
    gateway.query<Entities>(
      `query ($representations: [_Any!]!) {
         _entities(representations: $representations) { ... on Export { ${selection} } } }`,
      { representations },
    );

  it('look up 100 in one statement, in their order', async () => {
    const indexes = [...Array(100).keys()].map((index) => ROWS - 1 - index);
    const { data, errors, statements } = await ask(indexes.map(exportOf), 'id name');
    expect(errors).toBeUndefined();
    expect(data._entities).toEqual(
      indexes.map((index) => ({ id: exportId(index), name: `Export ${index}` })),
    );
    expect(statements).toEqual([expect.stringContaining(' e.id IN (')]);
  });

  it('look up 100 with everything in two statements; the selection alone asks for links', async () => {
    const indexes = [...Array(100).keys()];
    const { data, errors, statements, linksSigned } = await ask(indexes.map(exportOf), everything);
    expect(errors).toBeUndefined();
    expect(statements).toHaveLength(2);
    expect(linksSigned).toBe(100 * (4 + 4));
    for (const [index, entity] of data._entities.entries()) {
      const { jsonUrl, csvUrl, csvErrorUrl, csvSanitizedUrl } = entity ?? {};
      expect(
        [jsonUrl, csvUrl, csvErrorUrl, csvSanitizedUrl].map((url) => new URL(String(url)).pathname),
      ).toEqual(kinds.map((kind) => `/files/exports/${exportId(index)}/${kind}`));
    }
  });

  it('sign and read nothing for links that are not selected', async () => {
    const { statements, linksSigned } = await ask([exportOf(0)], 'name');
    expect([statements.length, linksSigned]).toEqual([1, 0]);
  });

  it('are null in place for an id of nobody and for one of another organization', async () => {
    const { data, errors } = await ask(
      [exportOf(1), exportOf(UNKNOWN), exportOf(2), exportOf(FOREIGN), { ...exportOf(1), id: '' }],
      'id jsonUrl',
    );
    expect(errors).toBeUndefined();
    expect(data._entities).toEqual([
      expect.objectContaining({ id: exportId(1) }),
      null,
      expect.objectContaining({ id: exportId(2) }),
      null,
      null,
    ]);
  });

  it('answer one that is asked for twice twice, and read it once', async () => {
    const { data, statements } = await ask([exportOf(3), exportOf(4), exportOf(3)], 'id csvUrl');
    expect(data._entities.map((entity) => entity?.['id'])).toEqual([3, 4, 3].map(exportId));
    expect(statements).toHaveLength(2);
    for (const sql of statements) expect(sql.match(/\?/g)?.length).toBeLessThanOrEqual(6);
  });

  it('share their statement with look-ups beside them', async () => {
    const { data, statements } = await gateway.query<
      Entities & Record<'plain', { jsonUrl: string | null }>
    >(
      `query ($representations: [_Any!]!) {
         _entities(representations: $representations) { __typename ... on Export { id jsonUrl } }
         plain: export(id: "${exportId(6)}") { id jsonUrl }
       }`,
      { representations: [exportOf(5), exportOf(6)] },
    );
    expect(data._entities).toEqual(
      [5, 6].map((index) => ({
        __typename: 'Export',
        id: exportId(index),
        jsonUrl: expect.any(String),
      })),
    );
    // Flags belong to their place in the answer.
    expect(data.plain.jsonUrl).toBeNull();
    expect(statements).toHaveLength(2);
  });

  it('may stand in the document, with variables in them', async () => {
    const { data, errors } = await gateway.query<Entities>(
      `query ($id: ID!) {
         _entities(representations: [{ __typename: "Export", id: $id }, { __typename: "Export", id: "${exportId(8)}", name: "?" }]) {
           ... on Export { id name } } }`,
      { id: exportId(7) },
    );
    expect(errors).toBeUndefined();
    expect(data._entities).toEqual(
      [7, 8].map((index) => ({ id: exportId(index), name: `Export ${index}` })),
    );
  });

  const id = exportId(0);
  it.each([
    { what: 'of a type that is unknown', bad: { __typename: 'Shipment', id }, names: '__typename' },
    { what: 'of a type that is no entity', bad: { __typename: 'Query', id }, names: '__typename' },
    { what: 'of a type in other letters', bad: { __typename: 'export', id }, names: '__typename' },
    { what: 'without a type', bad: { id }, names: '__typename' },
    { what: 'without an id', bad: { __typename: 'Export' }, names: 'id' },
    { what: 'with a null id', bad: { __typename: 'Export', id: null }, names: 'id' },
    { what: 'with a number for an id', bad: { __typename: 'Export', id: 7 }, names: 'id' },
    { what: 'with a list of ids', bad: { __typename: 'Export', id: [id] }, names: 'id' },
    { what: 'that is a text', bad: id, names: '__typename' },
    { what: 'that is a number', bad: 7, names: '__typename' },
    { what: 'that is a list', bad: [exportOf(0)], names: '__typename' },
    { what: 'that is empty', bad: {}, names: '__typename' },
  ])('refuse in place, before any SQL, one $what', async ({ bad, names }) => {
    const alone = await ask([bad], 'id');
    expect(alone.status).toBe(200);
    expect(alone.data).toEqual({ _entities: [null] });
    expect(alone.errors).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(`^representations\\[0\\]\\.${names} must be `),
        path: ['_entities', 0],
        extensions: { code: 'BAD_USER_INPUT' },
      }),
    ]);
    expect(alone.statements).toEqual([]);

    const among = await ask([exportOf(1), bad, exportOf(2)], 'id');
    expect(among.data._entities).toEqual([{ id: exportId(1) }, null, { id: exportId(2) }]);
    expect(among.errors?.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['_entities', 1], 'BAD_USER_INPUT'],
    ]);
    expect(among.statements).toHaveLength(1);
  });

  it.each([{ bad: null }, { bad: [null] }, { bad: undefined }])(
    'refuse $bad for representations as every variable of a wrong type',
    async ({ bad }) => {
      const { status, errors, statements } = await ask(bad, 'id');
      expect([status, errors?.map(({ extensions }) => extensions.code), statements]).toEqual([
        400,
        ['BAD_USER_INPUT'],
        [],
      ]);
    },
  );

  it('are none, without a statement, when none is asked for', async () => {
    const { data, statements } = await ask([], 'id');
    expect([data, statements]).toEqual([{ _entities: [] }, []]);
  });

  it('look up 2,000 of few fields in one statement, as a router may ask for at once', async () => {
    const indexes = [...Array(2_000).keys()];
    const { data, errors, statements } = await ask(indexes.map(exportOf), 'name status csvUrl');
    expect(errors).toBeUndefined();
    expect(data._entities.filter((entity) => entity !== null)).toHaveLength(ROWS);
    expect(statements).toHaveLength(2);
  });

  it('cost their selection once for each', async () => {
    const { status, errors, statements } = await ask(
      [...Array(200).keys()].map(exportOf),
      everything,
    );
    expect([status, statements]).toEqual([400, []]);
    expect(errors).toMatchObject([
      {
        message: expect.stringContaining(`The query costs ${20 + 200 * 98}`),
        extensions: { code: 'QUERY_TOO_COMPLEX' },
      },
    ]);
  });
});

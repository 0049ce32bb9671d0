import { beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus, type Export } from '../../src/exports/export.js';
import { engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRows, fileRow } from '../support/rows.js';
import { apiKeyRow, keyNamed, listExports, signToken, tokensAccepted } from './credentials.js';

const organizations = ['org_a', 'org_b'] as const;
/** To MySQL, `ann` and `ann ` are equal. */
const requesters = ['ann', 'bob', 'ann ', 'Ann', null] as const;

/** Rows alternate between organizations and requesters, so a leak shows on every page of a list. */
const rows = exportRows(40, (index) => ({
  organizationId: index % 2 === 0 ? 'org_a' : 'org_b',
  requestedBy: requesters[Math.floor(index / 2) % requesters.length] ?? null,
  name: `Sheep of ${index % 2 === 0 ? 'org_a' : 'org_b'}`,
  countTotal: index,
  status: index % 3 === 0 ? ExportStatus.FAILED : ExportStatus.COMPLETED,
}));

interface ViewerCase {
  readonly name: string;
  readonly headers: readonly string[];
  readonly sees: (row: Export) => boolean;
}

const keyOf = (organization: string): ViewerCase => ({
  name: `the key of ${organization}`,
  headers: ['X-API-Key', keyNamed(organization)],
  sees: (row) => row.organizationId === organization,
});

async function tokenOf(organization: string, requester: string | null): Promise<ViewerCase> {
  const rights = requester === null ? { scope: 'openid exports:all' } : { sub: requester };
  const token = await signToken({ org_id: organization, ...rights });
  return {
    name: requester === null ? `all of ${organization}` : `${requester} of ${organization}`,
    headers: ['Authorization', `Bearer ${token}`],
    sees: (row) =>
      row.organizationId === organization && [row.requestedBy, null].includes(requester),
  };
}

const [keyOfA, keyOfB] = [keyOf('org_a'), keyOf('org_b')];
const ann = await tokenOf('org_a', 'ann');
const bob = await tokenOf('org_a', 'bob');
const viewers = [
  ...[keyOfA, keyOfB, await tokenOf('org_a', null), ann, bob, await tokenOf('org_b', 'ann')],
  ...[await tokenOf('org_a', 'ann '), await tokenOf('org_a', 'Ann'), await tokenOf('org_a', 'eve')],
];
const idsFor = ({ sees }: ViewerCase) => rows.filter(sees).map(({ id }) => id);

interface Page {
  exports: {
    data: { id: string; jsonUrl: string }[];
    pagination: { totalCount: number; hasMore: boolean; endCursor: string };
  };
}

describe.each(engines)('viewers of two organizations on $engine', (engine) => {
  const gateway = useGateway(engine, {
    config: tokensAccepted({ JWT_REQUESTER_CLAIM: 'sub', JWT_ALL_EXPORTS_SCOPE: 'exports:all' }),
    keys: organizations.map((organization) => apiKeyRow(keyNamed(organization), organization)),
    exports: rows,
    files: rows.flatMap((_, index) => [
      fileRow(index, ExportFileKind.JSON),
      fileRow(index, ExportFileKind.CSV),
    ]),
  });
  let logStart: number;
  beforeAll(async () => {
    for (const index of [0, 1]) {
      const { objectKey } = fileRow(index, ExportFileKind.JSON);
      await gateway.store(objectKey, rows[index]?.organizationId ?? '');
    }
    logStart = gateway.log.length;
    // Cached keys cost no statement in the tests below.
    for (const { headers } of [keyOfA, keyOfB]) await listExports(gateway, headers);
  });

  const send = ({ headers }: ViewerCase, query: string, variables: object = {}) =>
    gateway.send({ headers, body: { query, variables } });
  async function read<Data = Page>(...request: Parameters<typeof send>): Promise<Data> {
    const { status, text } = await send(...request);
    const { data, errors } = JSON.parse(text) as { data: Data; errors?: unknown };
    expect([status, errors]).toEqual([200, undefined]);
    return data;
  }

  it.each([
    { viewer: keyOfA, foreign: exportId(1), owner: keyOfB },
    { viewer: ann, foreign: exportId(2), owner: bob },
    { viewer: ann, foreign: exportId(4), owner: keyOfA },
  ])(
    'get the same responses and statements for an unknown and an invisible id: $viewer.name $foreign',
    async ({ viewer, foreign, owner }) => {
      const fields = 'id name jsonUrl csvUrl csvErrorUrl files { kind state fileName url }';
      const query = `query ($id: ID!, $ids: [ID!]!, $refs: [_Any!]!) {
        other: export(id: $id, includeJson: true) { ${fields} }
        own: export(id: "${exportId(0)}", includeJson: true) { id jsonUrl }
        exportsByIds(ids: $ids) { ${fields} }
        _entities(representations: $refs) { ... on Export { ${fields} } } }`;
      const variables = (id: string) => {
        const ids = [id, exportId(0)];
        return { id, ids, refs: ids.map((each) => ({ __typename: 'Export', id: each })) };
      };
      const invisible = await send(viewer, query, variables(foreign));
      const missing = await send(viewer, query, variables(exportId(9_999)));
      const withoutSignature = (text: string) => text.replace(/expires=[^"]+/g, '');
      expect(withoutSignature(invisible.text)).toBe(withoutSignature(missing.text));
      for (const field of [
        '"other":null,"own":{',
        '"exportsByIds":[null,{',
        '"_entities":[null,{',
      ]) {
        expect(invisible.text).toContain(field);
      }
      expect(invisible.statements).toEqual(missing.statements);
      expect(invisible.statements).toHaveLength(2);
      const visible = await read<{ other: object }>(owner, query, variables(foreign));
      expect(visible.other).toMatchObject({ id: foreign });
    },
  );

  it.each<[filter: object | null, matches: (row: Export) => boolean]>([
    [null, () => true],
    [{ search: 'sheep' }, () => true],
    [{ search: 'of org_b' }, ({ organizationId }) => organizationId === 'org_b'],
    [{ statuses: ['FAILED', 'COMPLETED'] }, () => true],
    [{ statuses: ['FAILED'] }, ({ status }) => status === ExportStatus.FAILED],
    [{ resource: 'CONTACT' }, () => true],
  ])(
    'list and count only the exports that they see, with the filter %j',
    async (filter, matches) => {
      const query = `query ($filter: ExportFilter, $orderBy: ExportOrderBy!, $direction: ExportSortDirection!) {
      exports(filter: $filter, limit: 100, orderBy: $orderBy, direction: $direction) {
        data { id } pagination { totalCount hasMore } } }`;
      const expected = viewers.map(({ sees }) => {
        const ids = rows.filter((row) => sees(row) && matches(row)).map(({ id }) => id);
        return { ids, pagination: { totalCount: ids.length, hasMore: false } };
      });
      for (const orderBy of ['CREATED_AT', 'UPDATED_AT', 'COUNT_BATCHES', 'COUNT_TOTAL']) {
        for (const direction of ['ASC', 'DESC']) {
          // At the same time, so that viewers would share a statement if they could.
          const variables = { filter, orderBy, direction };
          const pages = await Promise.all(viewers.map((viewer) => read(viewer, query, variables)));
          const found = pages.map(({ exports: { data, pagination } }) => {
            return { ids: data.map(({ id }) => id).sort(), pagination };
          });
          expect(found).toEqual(expected);
        }
      }
    },
  );

  it('look up only the exports that they see, at the same time', async () => {
    const query = `query ($ids: [ID!]!) { exportsByIds(ids: $ids) { id jsonUrl } }`;
    const ids = rows.map(({ id }) => id);
    const found = await Promise.all(
      viewers.map((viewer) =>
        read<{ exportsByIds: ({ id: string } | null)[] }>(viewer, query, { ids }),
      ),
    );
    for (const [index, { exportsByIds }] of found.entries()) {
      const visible = rows.map((row) => (viewers[index]?.sees(row) === true ? row.id : undefined));
      expect(exportsByIds.map((each) => each?.id)).toEqual(visible);
    }
  });

  it('cannot use the cursor of a viewer who sees other exports', async () => {
    const query = `query ($after: String) {
      exports(after: $after, limit: 1) { data { id } pagination { endCursor } } }`;
    for (const viewer of viewers) {
      if (idsFor(viewer).length === 0) continue;
      const { endCursor } = (await read(viewer, query)).exports.pagination;
      for (const other of viewers) {
        const { text, statements } = await send(other, query, { after: endCursor });
        if (String(idsFor(other)) === String(idsFor(viewer))) continue;
        expect(text).toMatch(/^{"errors":\[{"message":"after must be .*"code":"BAD_USER_INPUT"/);
        expect([text, statements]).toEqual([expect.stringContaining('"exports":null'), []]);
      }
    }
  });

  it('get links to files of exports that they see, and no link names an organization', async () => {
    const query = '{ exports(limit: 100, includeJson: true) { data { id jsonUrl } } }';
    for (const viewer of viewers) {
      const { data } = (await read(viewer, query)).exports;
      expect(data.map(({ id }) => id)).toEqual(idsFor(viewer));
      for (const { id, jsonUrl } of data) {
        expect(jsonUrl).toContain(`/exports/${id}/json?`);
        expect(jsonUrl).not.toContain('org_');
      }
    }
    for (const [organization, viewer] of [
      ['org_a', keyOfA],
      ['org_b', keyOfB],
    ] as const) {
      const [link = ''] = (await read(viewer, query)).exports.data.map(({ jsonUrl }) => jsonUrl);
      expect(await (await fetch(link)).text()).toBe(organization);
      // An API key does not replace the signature.
      const headers = { 'x-api-key': keyNamed(organization) };
      for (const query of [/\?.*/, /(?<=signature=).+/]) {
        expect((await fetch(link.replace(query, ''), { headers })).status).toBe(403);
      }
    }
  });

  it('restrict every statement that reads exports or files', () => {
    const statements = gateway.log
      .slice(logStart)
      .flatMap(({ msg, sql }) => (msg === 'statement' ? [String(sql)] : []))
      .filter((sql) => sql.includes('export'));
    expect(statements.length).toBeGreaterThan(100);
    for (const sql of statements) expect(sql).toMatch(/\bWHERE (e\.)?organization_id = \?/);
    const kinds = [/ e\.id IN \(/, /COUNT\(\*\)/, /JOIN export_files/, /ORDER BY/, /LOWER|LIKE/];
    const restricted =
      /organization_id = \? AND \S*requested_by( USING utf8mb4\) AS BINARY\))? = \?/;
    for (const requester of [restricted, /./]) {
      const own = statements.filter((sql) => requester.test(sql));
      for (const kind of kinds) expect(own.some((sql) => kind.test(sql))).toBe(true);
    }
  });
});

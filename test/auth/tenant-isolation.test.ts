import { beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { engines } from '../support/engines.js';
import { keysRequired, useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { apiKeyRow, keyNamed, listExports } from './credentials.js';

const organizations = ['org_a', 'org_b'] as const;
type Organization = (typeof organizations)[number];

const indexes = [...Array(24).keys()];
/** Rows alternate between the organizations, so a leak shows on every page of a list. */
const owner = (index: number): Organization => (index % 2 === 0 ? 'org_a' : 'org_b');
const ids = (organization: Organization) =>
  indexes.filter((index) => owner(index) === organization).map(exportId);
const ownOfA = exportId(0);
const ownOfB = exportId(1);

interface Page {
  exports: {
    data: { id: string; jsonUrl: string }[];
    pagination: { totalCount: number; hasMore: boolean };
  };
}

describe.each(engines)('two organizations on $engine', (engine) => {
  const gateway = useGateway(engine, {
    config: keysRequired,
    keys: organizations.map((organization) => apiKeyRow(keyNamed(organization), organization)),
    exports: indexes.map((index) =>
      exportRow(index, {
        organizationId: owner(index),
        name: `Sheep of ${owner(index)}`,
        countTotal: index,
        status: index % 3 === 0 ? ExportStatus.FAILED : ExportStatus.COMPLETED,
      }),
    ),
    files: indexes.flatMap((index) => [
      fileRow(index, ExportFileKind.JSON),
      fileRow(index, ExportFileKind.CSV),
    ]),
  });
  let logStart: number;
  beforeAll(async () => {
    for (const index of [0, 1]) {
      await gateway.store(fileRow(index, ExportFileKind.JSON).objectKey, owner(index));
    }
    logStart = gateway.log.length;
    // Cached keys cost no statement in the tests below.
    for (const organization of organizations) {
      await listExports(gateway, ['X-API-Key', keyNamed(organization)]);
    }
  });

  const send = (organization: Organization, query: string, variables: object = {}) =>
    gateway.send({ headers: ['X-API-Key', keyNamed(organization)], body: { query, variables } });
  async function read<Data = Page>(...request: Parameters<typeof send>): Promise<Data> {
    const { status, text } = await send(...request);
    const { data, errors } = JSON.parse(text) as { data: Data; errors?: unknown };
    expect([status, errors]).toEqual([200, undefined]);
    return data;
  }

  it('get the same response and statements for an unknown and a foreign id', async () => {
    const fields = 'id name jsonUrl csvUrl csvErrorUrl files { kind state fileName url }';
    const query = `query ($id: ID!) { other: export(id: $id, includeJson: true) { ${fields} }
      own: export(id: "${ownOfA}", includeJson: true) { id jsonUrl } }`;
    const foreign = await send('org_a', query, { id: ownOfB });
    const missing = await send('org_a', query, { id: exportId(9_999) });
    const withoutSignature = (text: string) => text.replace(/expires=[^"]+/g, '');
    expect(withoutSignature(foreign.text)).toBe(withoutSignature(missing.text));
    expect(foreign.text).toContain('"other":null,"own":{');
    expect(foreign.statements).toEqual(missing.statements);
    const expected = { other: { id: ownOfB }, own: null };
    expect(await read('org_b', query, { id: ownOfB })).toMatchObject(expected);
  });

  it.each([
    [null, organizations],
    [{ search: 'sheep' }, organizations],
    [{ search: 'of org_b' }, ['org_b']],
    [{ statuses: ['FAILED', 'COMPLETED'] }, organizations],
    [{ resource: 'CONTACT' }, organizations],
  ])('list and count only their own exports with the filter %j', async (filter, finders) => {
    const query = `query ($filter: ExportFilter, $orderBy: ExportOrderBy!, $direction: SortDirection!) {
      exports(filter: $filter, limit: 100, orderBy: $orderBy, direction: $direction) {
        data { id } pagination { totalCount hasMore } } }`;
    for (const orderBy of ['CREATED_AT', 'UPDATED_AT', 'COUNT_BATCHES', 'COUNT_TOTAL']) {
      for (const direction of ['ASC', 'DESC']) {
        for (const organization of organizations) {
          const { exports } = await read(organization, query, { filter, orderBy, direction });
          const expected = finders.includes(organization) ? ids(organization) : [];
          expect(exports.data.map(({ id }) => id).sort()).toEqual(expected);
          const totalCount = expected.length;
          expect(exports.pagination).toEqual({ totalCount, hasMore: false });
        }
      }
    }
  });

  it('get links to their own files, and no link names an organization', async () => {
    const query = '{ exports(limit: 100, includeJson: true) { data { id jsonUrl } } }';
    for (const organization of organizations) {
      const { data } = (await read(organization, query)).exports;
      expect(data.map(({ id }) => id)).toEqual(ids(organization));
      for (const { id, jsonUrl } of data) {
        expect(jsonUrl).toContain(`/exports/${id}/json?`);
        expect(jsonUrl).not.toContain('org_');
      }
      const [link = ''] = data.map(({ jsonUrl }) => jsonUrl);
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
      .flatMap(({ sql }) => (typeof sql === 'string' && /export/.test(sql) ? [sql] : []));
    expect(statements.length).toBeGreaterThan(100);
    for (const sql of statements) expect(sql).toMatch(/\bWHERE (e\.)?organization_id = \?/);
    const kinds = [/ e\.id IN \(/, /COUNT\(\*\)/, /JOIN export_files/, /ORDER BY/, /LOWER|LIKE/];
    for (const kind of kinds) expect(statements.some((sql) => kind.test(sql))).toBe(true);
  });
});

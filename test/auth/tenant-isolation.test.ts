import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { addKeys, apiKeyRow, askWith, keyNamed, type RawResponse } from './credentials.js';

const keys = { org_a: keyNamed('A'), org_b: keyNamed('B') } as const;
type Organization = keyof typeof keys;

const ROWS = 24;
/** The two take turns, so that each page of a list would show a leak. */
const ownerOf = (index: number): Organization => (index % 2 === 0 ? 'org_a' : 'org_b');
const idsOf = (organization: Organization) =>
  [...Array(ROWS).keys()].filter((index) => ownerOf(index) === organization).map(exportId);
/** Of the form of an id, and of nobody. */
const nobodys = exportId(9_999);
const theirs = exportId(1);

interface Page {
  exports: {
    data: { id: string }[];
    pagination: { totalCount: number; endCursor: string | null; hasMore: boolean };
  };
}

describe.each(engines)('organizations on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;
  let startedAt: number;

  beforeAll(async () => {
    database = await provide();
    await addKeys(database, [apiKeyRow(keys.org_a, 'org_a'), apiKeyRow(keys.org_b, 'org_b')]);
    gateway = await startGateway(database, { config: { auth: { kind: 'required', jwt: null } } });
    const exports = [...Array(ROWS).keys()].map((index) =>
      exportRow(index, {
        organizationId: ownerOf(index),
        name: `Sheep of ${ownerOf(index)}`,
        countTotal: index,
        status: index % 3 === 0 ? ExportStatus.FAILED : ExportStatus.COMPLETED,
      }),
    );
    const files = exports.flatMap((_row, index) => [
      fileRow(index, ExportFileKind.JSON),
      fileRow(index, ExportFileKind.CSV),
    ]);
    await insertRows(gateway.source, { exports, files });
    for (let index = 0; index < ROWS; index++) {
      const folder = join(gateway.filesDirectory, 'exports', exportId(index));
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'json'), ownerOf(index));
    }
    startedAt = gateway.log.length;
    // From here on the keys are known, and cost no statement.
    for (const key of Object.values(keys)) await askWith(gateway, ['X-API-Key', key]);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  const as = (organization: Organization, query: string, variables: object = {}) =>
    askWith(gateway, ['X-API-Key', keys[organization]], JSON.stringify({ query, variables }));
  const dataOf = <Data>({ status, text }: RawResponse): Data => {
    const { data, errors } = JSON.parse(text) as { data: Data; errors?: unknown };
    expect([status, errors]).toEqual([200, undefined]);
    return data;
  };

  it.each(['', ', includeJson: true', ', includeCsv: true, includeJson: true'])(
    'cannot tell an id of the other from one of nobody (export(id: …%s))',
    async (flags) => {
      const document = `query ($id: ID!) { export(id: $id${flags}) {
        id name jsonUrl csvUrl csvErrorUrl csvSanitizedUrl files { kind state fileName url } } }`;
      const own = await as('org_a', document, { id: exportId(0) });
      expect(dataOf<{ export: object }>(own).export).toMatchObject({ id: exportId(0) });
      expect(own.statements).toHaveLength(2);

      const unknown = await as('org_a', document, { id: nobodys });
      const foreign = await as('org_a', document, { id: theirs });
      expect(foreign).toEqual(unknown);
      expect(foreign.text).toBe('{"data":{"export":null}}\n');
      expect(foreign.statements).toHaveLength(1);
      // And the other one has it.
      const reverse = await as('org_b', document, { id: theirs });
      expect(dataOf<{ export: object }>(reverse).export).toMatchObject({ id: theirs });
    },
  );

  it('cannot tell them in one document with its own, either', async () => {
    const document = `query ($id: ID!) {
      own: export(id: "${exportId(0)}", includeJson: true) { id jsonUrl }
      other: export(id: $id, includeJson: true) { id jsonUrl } }`;
    const foreign = await as('org_a', document, { id: theirs });
    const unknown = await as('org_a', document, { id: nobodys });
    const cut = ({ text }: RawResponse) => text.replace(/expires=[^"]+/g, '');
    expect(cut(foreign)).toBe(cut(unknown));
    expect(foreign.statements.length).toBe(unknown.statements.length);
  });

  it.each([
    { what: 'all', filter: null },
    { what: 'a search that both would match', filter: { search: 'sheep' } },
    { what: 'a search for the other', filter: { search: 'org_' } },
    { what: 'statuses', filter: { statuses: ['FAILED', 'COMPLETED'] } },
    { what: 'a resource', filter: { resource: 'CONTACT' } },
  ])('see and count only their own: $what', async ({ filter }) => {
    const document = `query ($filter: ExportFilter, $orderBy: ExportOrderBy!, $direction: SortDirection!) {
      exports(filter: $filter, limit: 100, orderBy: $orderBy, direction: $direction) {
        data { id } pagination { totalCount hasMore endCursor } } }`;
    for (const organization of ['org_a', 'org_b'] as const) {
      for (const orderBy of ['CREATED_AT', 'UPDATED_AT', 'COUNT_BATCHES', 'COUNT_TOTAL']) {
        for (const direction of ['ASC', 'DESC']) {
          const variables = { filter, orderBy, direction };
          const { exports } = dataOf<Page>(await as(organization, document, variables));
          expect(exports.data.map(({ id }) => id).sort()).toEqual(idsOf(organization));
          expect(exports.pagination).toMatchObject({ totalCount: ROWS / 2, hasMore: false });
        }
      }
    }
  });

  it('find nothing by the name of the other', async () => {
    const document =
      '{ exports(filter: { search: "of org_b" }) { data { id } pagination { totalCount } } }';
    expect(dataOf<Page>(await as('org_a', document)).exports).toEqual({
      data: [],
      pagination: { totalCount: 0 },
    });
  });

  it('walk by cursor over their own, and are refused with a cursor of the other', async () => {
    const document = `query ($after: String, $by: ExportOrderBy!) {
      exports(limit: 5, after: $after, orderBy: $by) {
        data { id } pagination { endCursor hasMore totalCount } } }`;
    for (const by of ['CREATED_AT', 'COUNT_BATCHES']) {
      const seen: string[] = [];
      const cursors: string[] = [];
      let after: string | null = null;
      do {
        const page: Page = dataOf<Page>(await as('org_b', document, { after, by }));
        seen.push(...page.exports.data.map(({ id }) => id));
        after = page.exports.pagination.hasMore ? page.exports.pagination.endCursor : null;
        if (after !== null) cursors.push(after);
      } while (after !== null);
      expect(seen).toEqual(idsOf('org_b'));
      expect(cursors).toHaveLength(2);
      for (const cursor of cursors) {
        const refused = await as('org_a', document, { after: cursor, by });
        expect(JSON.parse(refused.text)).toMatchObject({
          errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
        });
        expect(refused.text).not.toContain('exp_');
        expect(refused.statements).toEqual([]);
      }
    }
  });

  it('get links to their own files only, and the links name no organization', async () => {
    const document = '{ exports(limit: 100, includeJson: true) { data { id jsonUrl } } }';
    for (const organization of ['org_a', 'org_b'] as const) {
      const answer = await as(organization, document);
      const { exports } = dataOf<{ exports: { data: { id: string; jsonUrl: string }[] } }>(answer);
      expect(exports.data).toHaveLength(ROWS / 2);
      for (const { id, jsonUrl } of exports.data) {
        expect(jsonUrl).toContain(`/exports/${id}/json?`);
        expect(jsonUrl).not.toContain('org_');
      }
      const [first] = exports.data;
      expect(await (await fetch(first?.jsonUrl ?? '')).text()).toBe(organization);
    }
  });

  it('do not get an answer that was made for the other, though they ask at once', async () => {
    const document = '{ exports(limit: 100) { data { id } pagination { totalCount } } }';
    const turns = Array.from({ length: 30 }, (_, index) => ownerOf(index));
    const answers = await Promise.all(turns.map((organization) => as(organization, document)));
    answers.forEach((answer, index) => {
      const { exports } = dataOf<Page>(answer);
      expect(exports.data.map(({ id }) => id)).toEqual(idsOf(ownerOf(index)));
    });
  });

  it('stand in every statement that has read exports and files', () => {
    const read = gateway.log
      .slice(startedAt)
      .flatMap(({ sql }) =>
        typeof sql === 'string' && /exports|export_files/.test(sql) ? [sql] : [],
      );
    expect(read.length).toBeGreaterThan(100);
    for (const sql of read) expect(sql).toMatch(/\bWHERE (e\.)?organization_id = \?/);
    // Each of the ways to read is among them.
    for (const way of [
      / e\.id IN \(/,
      /COUNT\(\*\)/,
      /JOIN export_files/,
      /ORDER BY/,
      /LOWER|LIKE/,
    ]) {
      expect(read.some((sql) => way.test(sql))).toBe(true);
    }
  });
});

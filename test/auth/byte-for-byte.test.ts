import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { createTables, createTestDataSource } from '../support/data-source.js';
import { embedded, engines, mysql, type Engine, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportRow, fileRow } from '../support/rows.js';
import {
  apiKeyRow,
  exportIds,
  keyNamed,
  listExports,
  signToken,
  tokensAccepted,
} from './credentials.js';

interface Column {
  /** The type of the columns with ids and organizations; undefined: as migrated. */
  readonly type?: string;
  /** Of the exports of files, where it differs. */
  readonly fileType?: string;
  /** Statements that run before. */
  readonly before?: readonly string[];
  /** Of organizations alone. */
  readonly organizationType?: string;
  /** Of requesters. */
  readonly requesterType?: string;
  readonly organizations: readonly string[];
  /** What the database may hold equal to one of them. */
  readonly others: readonly string[];
  readonly id: (index: number) => string;
  /** Ids that the database may hold equal to that of the first export. */
  readonly otherIds: readonly string[];
}

const id = (index: number) => `exp_${String(index).padStart(4, '0')}abcdefghijkLMNOPQ1`;
const texts = {
  organizations: ['acme', 'ACME', 'Acme'],
  others: ['aCME', 'acm', 'acme!'],
  id,
  otherIds: [id(0).toUpperCase(), id(0).toLowerCase(), `${id(0).slice(0, -1)}\u0131`],
};
/** Ids that differ in letter case alone, as in a view that no key makes unique. */
const letters = (index: number) =>
  Array.from('exp_abcdefghijkl', (letter, at) =>
    at > 3 && (index >> (at - 4)) % 2 === 1 ? letter.toUpperCase() : letter,
  ).join('');
const numbers = {
  organizations: ['12', '13'],
  others: ['12abc', '012', '12.0', '+12', '0x0c', '1.2e1', 'acme', '0'],
  id: (index: number) => String(9_007_199_254_740_993n + BigInt(index)),
  otherIds: ['9007199254740993a', '09007199254740993', '9007199254740992', '9.007199254740993e15'],
};
const varchar = (collation: string) => {
  const charset = /^[^_]+/.exec(collation)?.[0] ?? '';
  return {
    type: `VARCHAR(64) CHARACTER SET ${charset} COLLATE ${collation}`,
    requesterType: `VARCHAR(255) CHARACTER SET ${charset} COLLATE ${collation}`,
    ...texts,
  };
};

const onMysql: Readonly<Record<string, Column>> = {
  utf8mb4_unicode_ci: varchar('utf8mb4_unicode_ci'),
  'utf8mb4_unicode_ci with ids that it holds equal': {
    ...varchar('utf8mb4_unicode_ci'),
    before: ['exports', 'export_files'].map((table) => `ALTER TABLE ${table} DROP PRIMARY KEY`),
    id: letters,
    otherIds: [letters(100), letters(101)],
  },
  utf8mb4_general_ci: varchar('utf8mb4_general_ci'),
  latin1: varchar('latin1_swedish_ci'),
  'ascii, ignoring case': varchar('ascii_general_ci'),
  CHAR: { ...varchar('utf8mb4_unicode_ci'), type: 'CHAR(26) COLLATE utf8mb4_unicode_ci' },
  BIGINT: { type: 'BIGINT', ...numbers },
  'BIGINT, and text for files': {
    ...{ type: 'BIGINT', fileType: 'VARCHAR(64) COLLATE utf8mb4_unicode_ci', ...numbers },
  },
  'utf8mb4_unicode_ci, and utf8mb4_general_ci for files': {
    ...varchar('utf8mb4_unicode_ci'),
    fileType: 'VARCHAR(64) COLLATE utf8mb4_general_ci',
  },
  VARBINARY: { type: 'VARBINARY(64)', requesterType: 'VARBINARY(255)', ...texts },
  BINARY: {
    type: 'BINARY(26)',
    ...texts,
    organizations: ['acme', 'ACME'].map((name) => name.padEnd(26, 'x')),
    others: ['acme', 'aCME'.padEnd(26, 'x')],
  },
  ENUM: {
    ...texts,
    organizationType: "ENUM('acme', 'ACME', 'Acme') CHARACTER SET ascii COLLATE ascii_bin",
    // MySQL may take these for the positions of values.
    others: ['1', '2', '03', 'aCME'],
  },
};
const cases: readonly { what: string; engine: Engine; column: Column }[] = [
  { what: 'as migrated, embedded', engine: embedded, column: texts },
  ...(engines.includes(mysql)
    ? Object.entries({ 'as migrated': texts, ...onMysql }).map(([what, column]) => ({
        ...{ what, engine: mysql, column },
      }))
    : []),
];
/** Only some are in every character set. */
const requesters = ['ann', 'Ann', 'ann '];

describe.each(cases)('columns that are $what', ({ engine, column }) => {
  const { type, organizationType = type, requesterType, organizations, others, otherIds } = column;
  /** Each organization has an export of each requester. */
  const exports = organizations.flatMap((organizationId, at) =>
    requesters.map((requestedBy, index) => {
      const number = at * requesters.length + index;
      return exportRow(number, { id: column.id(number), organizationId, requestedBy });
    }),
  );
  const [first] = exports;
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await engine.provide();
    await createTables(database.config);
    const source = await createTestDataSource(database.config);
    await source.initialize();
    for (const statement of column.before ?? []) await source.query(statement);
    const changes = {
      ...(type !== undefined && {
        'exports.id': type,
        'export_files.export_id': column.fileType ?? type,
      }),
      ...(organizationType !== undefined && {
        'exports.organization_id': organizationType,
        'api_keys.organization_id': organizationType,
      }),
      ...(requesterType !== undefined && { 'exports.requested_by': requesterType }),
    };
    for (const [name, to] of Object.entries(changes)) {
      const [table, changed] = name.split('.');
      const isNull = changed === 'requested_by' ? 'NULL' : 'NOT NULL';
      await source.query(`ALTER TABLE ${table} MODIFY ${changed} ${to} ${isNull}`);
    }
    await source.destroy();
    const settings = { JWT_REQUESTER_CLAIM: 'sub', JWT_ALL_EXPORTS_SCOPE: 'all' };
    gateway = await startGateway(database, {
      config: tokensAccepted(settings),
      keys: organizations.map((organization) => apiKeyRow(keyNamed(organization), organization)),
      exports,
      files: exports.map((row, index) => fileRow(index, ExportFileKind.CSV, { exportId: row.id })),
    });
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  async function headersOf(organization: string, sub?: string): Promise<string[]> {
    const rights = sub === undefined ? { scope: 'all' } : { sub };
    return ['Authorization', `Bearer ${await signToken({ org_id: organization, ...rights })}`];
  }
  const idsWhere = (matches: (row: (typeof exports)[number]) => boolean) =>
    exports.filter(matches).map((row) => row.id);

  it.each([...organizations, ...others])(
    'show the exports of the organization %s',
    async (name) => {
      const headers = await headersOf(name);
      const own = idsWhere((row) => row.organizationId === name);
      expect(exportIds(await listExports(gateway, headers))).toEqual(own);
      const query = `query ($ids: [ID!]!) {
      exports { pagination { totalCount } }
      exportsByIds(ids: $ids) { id files { kind state } } }`;
      const ids = exports.map((row) => row.id);
      const { text } = await gateway.send({ headers, body: { query, variables: { ids } } });
      const { data } = JSON.parse(text) as {
        data: {
          exports: { pagination: { totalCount: number } };
          exportsByIds: ({ id: string; files: { kind: string; state: string }[] } | null)[];
        };
      };
      expect(data.exports.pagination.totalCount).toBe(own.length);
      expect(data.exportsByIds.map((found) => found?.id ?? null)).toEqual(
        ids.map((each) => (own.includes(each) ? each : null)),
      );
      for (const found of data.exportsByIds) {
        const ready = found?.files.filter(({ state }) => state === 'READY') ?? [];
        expect(ready).toHaveLength(found === null ? 0 : 1);
      }
    },
  );

  it.each([...requesters, 'ANN', 'ánn', 'ann  ', '😀'])(
    'show the exports of the requester "%s"',
    async (sub) => {
      const [organization = ''] = organizations;
      const seen = exportIds(await listExports(gateway, await headersOf(organization, sub)));
      const own = idsWhere((row) => row.organizationId === organization && row.requestedBy === sub);
      expect(seen).toEqual(own);
      const query = 'query ($id: ID!) { export(id: $id) { id } }';
      const { text } = await gateway.send({
        headers: await headersOf(organization, sub),
        body: { query, variables: { id: first?.id } },
      });
      const found = own.includes(first?.id ?? '') ? { id: first?.id } : null;
      expect(JSON.parse(text)).toEqual({ data: { export: found } });
    },
  );

  it('find an export by its own id only, with its own files', async () => {
    const [organization = ''] = organizations;
    const ids = [...otherIds, first?.id ?? ''];
    const { text } = await gateway.send({
      headers: await headersOf(organization),
      body: {
        query: 'query ($ids: [ID!]!) { exportsByIds(ids: $ids) { id } }',
        variables: { ids },
      },
    });
    expect(JSON.parse(text)).toEqual({
      data: { exportsByIds: [...otherIds.map(() => null), { id: first?.id }] },
    });
  });

  it('are walked by cursors, export after export', async () => {
    const [organization = ''] = organizations;
    const headers = await headersOf(organization);
    const found: string[] = [];
    for (let after: string | null = null; ;) {
      const query = `query ($after: String) {
        exports(limit: 1, after: $after) { data { id } pagination { endCursor hasMore } } }`;
      const { text } = await gateway.send({ headers, body: { query, variables: { after } } });
      const { exports: page } = (
        JSON.parse(text) as {
          data: {
            exports: {
              data: { id: string }[];
              pagination: { endCursor: string; hasMore: boolean };
            };
          };
        }
      ).data;
      found.push(...page.data.map((row) => row.id));
      if (!page.pagination.hasMore) break;
      after = page.pagination.endCursor;
    }
    expect(found).toEqual(idsWhere((row) => row.organizationId === organization));
  });

  it('authenticate a key for its own organization', async () => {
    for (const name of organizations) {
      const listed = await listExports(gateway, ['X-API-Key', keyNamed(name)]);
      expect(exportIds(listed)).toEqual(idsWhere((row) => row.organizationId === name));
    }
  });
});

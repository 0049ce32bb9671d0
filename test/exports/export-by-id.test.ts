import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { post } from './post.js';

const kinds = Object.values(ExportFileKind);
const past = new Date('2020-01-02T03:04:05.678Z');
const future = new Date('2099-12-31T23:59:59.999Z');

const FULL = 0;
const BARE = 1;
const FOREIGN = 2;
const EXPIRED = 3;
const EXPIRED_WITHOUT_FILES = 4;
const EXPIRED_WHILE_QUEUED = 5;
const UNEXPIRED = 6;
const HUGE = 7;
const PARTLY = 8;
const ENDED = 10;
const UNKNOWN = 99;

const withoutFiles = [
  { index: ENDED, status: ExportStatus.QUEUED, state: 'PENDING' },
  { index: ENDED + 1, status: ExportStatus.PROCESSING, state: 'PENDING' },
  { index: ENDED + 2, status: ExportStatus.COMPLETED, state: 'NOT_PRODUCED' },
  { index: ENDED + 3, status: ExportStatus.FAILED, state: 'NOT_PRODUCED' },
  { index: ENDED + 4, status: ExportStatus.TIMED_OUT, state: 'NOT_PRODUCED' },
];

const lower = `exp_aB${'1'.repeat(20)}`;
const upper = `exp_Ab${'1'.repeat(20)}`;

interface File {
  kind: string;
  state: string;
  fileName: string;
  sizeBytes: number | null;
  rowCount: number | null;
  sha256: string | null;
  url: string | null;
  urlExpiresAt: string | null;
}
interface Urls {
  jsonUrl: string | null;
  csvUrl: string | null;
  csvErrorUrl: string | null;
  csvSanitizedUrl: string | null;
}

const noUrls: Urls = { jsonUrl: null, csvUrl: null, csvErrorUrl: null, csvSanitizedUrl: null };
const noFile = { sizeBytes: null, rowCount: null, sha256: null, url: null, urlExpiresAt: null };

describe.each(engines)('export(id) on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await provide();
    gateway = await startGateway(database);
    await insertRows(gateway.source, {
      exports: [
        exportRow(FULL, {
          name: 'Größe “L” 🎉 \\ \' " <b>',
          resource: ExportResource.SHIPPING_LABEL_INFERENCE,
          status: ExportStatus.TIMED_OUT,
          countBatches: 2_147_483_647,
          countTotal: 0,
          failureReason: 'It took too long.\nSecond line.',
          requestedBy: 'zoë@example.com',
          createdAt: new Date('2026-03-29T01:59:59.001Z'),
          updatedAt: new Date('2026-03-29T02:30:00.010Z'),
          startedAt: new Date('2026-10-25T00:30:00.100Z'),
          completedAt: new Date('2026-10-25T01:30:00.999Z'),
          expiresAt: future,
        }),
        exportRow(BARE, { createdAt: new Date('2000-02-29T00:00:00.000Z') }),
        exportRow(FOREIGN, { organizationId: 'org_other' }),
        exportRow(EXPIRED, { expiresAt: past }),
        exportRow(EXPIRED_WITHOUT_FILES, { expiresAt: past, status: ExportStatus.FAILED }),
        exportRow(EXPIRED_WHILE_QUEUED, { expiresAt: past, status: ExportStatus.QUEUED }),
        exportRow(UNEXPIRED, { expiresAt: future, status: ExportStatus.PROCESSING }),
        exportRow(HUGE),
        exportRow(PARTLY, { status: ExportStatus.PROCESSING }),
        ...withoutFiles.map(({ index, status }) => exportRow(index, { status })),
        exportRow(50, { id: lower, name: 'lower first' }),
        exportRow(51, { id: upper, name: 'upper first' }),
      ],
      files: [
        ...[FULL, FOREIGN, EXPIRED, UNEXPIRED].flatMap((index) =>
          // Not in the order of the answer.
          [...kinds].reverse().map((kind) => fileRow(index, kind)),
        ),
        fileRow(HUGE, ExportFileKind.JSON, {
          fileName: 'Größe 🎉.json',
          sizeBytes: 5_000_000_000,
          rowCount: 2_147_483_647,
          sha256: '0123456789abcdef'.repeat(4),
        }),
        fileRow(HUGE, ExportFileKind.CSV, { sizeBytes: Number.MAX_SAFE_INTEGER }),
        fileRow(HUGE, ExportFileKind.CSV_ERROR, { sizeBytes: 0, rowCount: 0 }),
        fileRow(PARTLY, ExportFileKind.CSV),
      ],
    });
  });

  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  async function filesOf(
    index: number,
    flags = ', includeCsv: true, includeJson: true',
  ): Promise<readonly File[]> {
    const { data, errors } = await gateway.query<{ export: { files: File[] } }>(
      `query ($id: ID!) { export(id: $id${flags}) {
         files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt } } }`,
      { id: exportId(index) },
    );
    expect(errors).toBeUndefined();
    return data.export.files;
  }

  function urlsOf(index: number) {
    return gateway.query<{ export: Urls }>(
      `query ($id: ID!) { export(id: $id, includeCsv: true, includeJson: true) {
         jsonUrl csvUrl csvErrorUrl csvSanitizedUrl } }`,
      { id: exportId(index) },
    );
  }

  describe('its fields', () => {
    const everyField = `id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt
                        expiresAt failureReason requestedBy`;

    it('are those of the row, times to the millisecond and in UTC', async () => {
      const { data, errors, statements } = await gateway.query(
        `query ($id: ID!) { export(id: $id) { ${everyField} } }`,
        { id: exportId(FULL) },
      );
      expect(errors).toBeUndefined();
      expect(data).toEqual({
        export: {
          id: exportId(FULL),
          name: 'Größe “L” 🎉 \\ \' " <b>',
          resource: 'SHIPPING_LABEL_INFERENCE',
          status: 'TIMED_OUT',
          countBatches: 2_147_483_647,
          countTotal: 0,
          createdAt: '2026-03-29T01:59:59.001Z',
          updatedAt: '2026-03-29T02:30:00.010Z',
          startedAt: '2026-10-25T00:30:00.100Z',
          completedAt: '2026-10-25T01:30:00.999Z',
          expiresAt: '2099-12-31T23:59:59.999Z',
          failureReason: 'It took too long.\nSecond line.',
          requestedBy: 'zoë@example.com',
        },
      });
      expect(statements).toHaveLength(1);
    });

    it('are null where the row has nothing', async () => {
      const { data } = await gateway.query<{ export: Record<string, unknown> }>(
        `query ($id: ID!) { export(id: $id) { ${everyField} } }`,
        { id: exportId(BARE) },
      );
      expect(data.export).toMatchObject({
        createdAt: '2000-02-29T00:00:00.000Z',
        startedAt: null,
        completedAt: null,
        expiresAt: null,
        failureReason: null,
        requestedBy: null,
      });
    });

    it('are the same in a list', async () => {
      const one = await gateway.query<{ export: unknown }>(
        `query ($id: ID!) { export(id: $id) { ${everyField} } }`,
        { id: exportId(FULL) },
      );
      const list = await gateway.query<{ exports: { data: unknown[] } }>(
        `{ exports(filter: { resource: SHIPPING_LABEL_INFERENCE }) { data { ${everyField} } } }`,
      );
      expect(list.data.exports.data).toEqual([one.data.export]);
    });
  });

  describe('an id that is not to be seen', () => {
    const document = (flags: string) => `query ($id: ID!) { export(id: $id${flags}) {
      id name jsonUrl csvUrl files { kind url } } }`;

    function ask(id: string, flags = '') {
      return post(gateway, JSON.stringify({ query: document(flags), variables: { id } }));
    }

    it.each(['', ', includeCsv: true, includeJson: true'])(
      'gives null, the same to the byte whether there is none or another organization has it (%s)',
      async (flags) => {
        const unknown = await ask(exportId(UNKNOWN), flags);
        const foreign = await ask(exportId(FOREIGN), flags);
        expect(unknown.text).toBe('{"data":{"export":null}}\n');
        expect(unknown.status).toBe(200);
        expect(foreign).toEqual(unknown);
        expect(unknown.statements).toHaveLength(1);
      },
    );

    it('gives the same null when no export could have it', async () => {
      const unknown = await ask(exportId(UNKNOWN));
      const malformed = [
        '',
        'x',
        'exp_',
        exportId(FULL).slice(0, -1),
        `${exportId(FULL)}1`,
        `${exportId(FULL)} `,
        ` ${exportId(FULL)}`,
        `${exportId(FULL)}\n`,
        `${exportId(FULL)}\0`,
        exportId(FULL).toUpperCase(),
        exportId(FULL).toLowerCase(),
        `${exportId(FULL).slice(0, -1)}_`,
        `${exportId(FULL).slice(0, -1)}%`,
      ];
      for (const id of malformed) {
        const { status, headers, text } = await ask(id);
        expect({ id, status, headers, text }).toEqual({
          id,
          status: unknown.status,
          headers: unknown.headers,
          text: unknown.text,
        });
      }
    });

    it('is seen by its own organization', async () => {
      const other = await startGateway(database, {
        config: {
          auth: { kind: 'off', organization: 'org_other' },
        },
      });
      try {
        const { data } = await other.query(`{ export(id: "${exportId(FOREIGN)}") { id } }`);
        expect(data).toEqual({ export: { id: exportId(FOREIGN) } });
      } finally {
        await other.close();
      }
    });
  });

  it('tells ids apart by letter case', async () => {
    const { data } = await gateway.query(
      `query ($lower: ID!, $upper: ID!, $neither: ID!) {
         lower: export(id: $lower) { id name }
         upper: export(id: $upper) { id name }
         neither: export(id: $neither) { id name }
       }`,
      { lower, upper, neither: `exp_AB${'1'.repeat(20)}` },
    );
    expect(data).toEqual({
      lower: { id: lower, name: 'lower first' },
      upper: { id: upper, name: 'upper first' },
      neither: null,
    });
  });

  describe('its files', () => {
    it('are the four kinds in one order, whatever the order of the rows', async () => {
      for (const index of [FULL, BARE, EXPIRED, HUGE, PARTLY]) {
        expect((await filesOf(index)).map(({ kind }) => kind)).toEqual([
          'JSON',
          'CSV',
          'CSV_ERROR',
          'CSV_SANITIZED',
        ]);
      }
    });

    it('are READY with everything known of them where there is a row', async () => {
      const files = await filesOf(FULL);
      expect(files).toEqual(
        kinds.map((kind) => ({
          kind: kind.toUpperCase(),
          state: 'READY',
          fileName: fileRow(FULL, kind).fileName,
          sizeBytes: 1_000,
          rowCount: 10,
          sha256: 'a'.repeat(64),
          url: expect.stringContaining(`/${kind}?name=`),
          urlExpiresAt: expect.any(String),
        })),
      );
    });

    it.each(withoutFiles)(
      'of an export that is $status are $state without a row',
      async ({ index, state }) => {
        const id = exportId(index);
        expect(await filesOf(index)).toEqual([
          { kind: 'JSON', state, fileName: `${id}.json`, ...noFile },
          { kind: 'CSV', state, fileName: `${id}.csv`, ...noFile },
          { kind: 'CSV_ERROR', state, fileName: `${id}-errors.csv`, ...noFile },
          { kind: 'CSV_SANITIZED', state, fileName: `${id}-sanitized.csv`, ...noFile },
        ]);
        const { data, linksSigned } = await urlsOf(index);
        expect(data.export).toEqual(noUrls);
        expect(linksSigned).toBe(0);
      },
    );

    it('may be READY one by one while the export is still processing', async () => {
      const files = await filesOf(PARTLY);
      expect(files.map(({ kind, state, url }) => [kind, state, url !== null])).toEqual([
        ['JSON', 'PENDING', false],
        ['CSV', 'READY', true],
        ['CSV_ERROR', 'PENDING', false],
        ['CSV_SANITIZED', 'PENDING', false],
      ]);
      const { data, linksSigned } = await urlsOf(PARTLY);
      expect(data.export).toEqual({ ...noUrls, csvUrl: expect.any(String) });
      expect(linksSigned).toBe(1);
    });

    it.each([EXPIRED, EXPIRED_WITHOUT_FILES, EXPIRED_WHILE_QUEUED])(
      'are all EXPIRED when expiresAt has passed, without links (export %d)',
      async (index) => {
        const files = await filesOf(index);
        expect(files.map(({ state, url, urlExpiresAt }) => [state, url, urlExpiresAt])).toEqual(
          kinds.map(() => ['EXPIRED', null, null]),
        );
      },
    );

    it('are not EXPIRED before', async () => {
      expect((await filesOf(UNEXPIRED)).map(({ state }) => state)).toEqual(
        kinds.map(() => 'READY'),
      );
    });

    it('have sizes beyond 32 bits to the byte', async () => {
      const [json, csv, csvError] = await filesOf(HUGE);
      expect(json).toMatchObject({
        fileName: 'Größe 🎉.json',
        sizeBytes: 5_000_000_000,
        rowCount: 2_147_483_647,
        sha256: '0123456789abcdef'.repeat(4),
      });
      expect(csv?.sizeBytes).toBe(Number.MAX_SAFE_INTEGER);
      expect(csvError).toMatchObject({ state: 'READY', sizeBytes: 0, rowCount: 0 });
    });

    it.each([
      { flags: '', linked: [] },
      { flags: ', includeJson: true', linked: ['JSON'] },
      { flags: ', includeCsv: true', linked: ['CSV', 'CSV_ERROR', 'CSV_SANITIZED'] },
    ])('have links only where their flag is set: ($flags)', async ({ flags, linked }) => {
      const files = await filesOf(FULL, flags);
      expect(files.map(({ state }) => state)).toEqual(kinds.map(() => 'READY'));
      expect(files.filter(({ url }) => url !== null).map(({ kind }) => kind)).toEqual(linked);
      expect(
        files.filter(({ urlExpiresAt }) => urlExpiresAt !== null).map(({ kind }) => kind),
      ).toEqual(linked);
    });
  });

  describe('an expired export', () => {
    it.each([EXPIRED, EXPIRED_WITHOUT_FILES, EXPIRED_WHILE_QUEUED])(
      'has no URLs, and nothing is read or signed for them (export %d)',
      async (index) => {
        const { data, errors, statements, linksSigned } = await urlsOf(index);
        expect(errors).toBeUndefined();
        expect(data.export).toEqual(noUrls);
        expect(statements).toHaveLength(1);
        expect(statements[0]).not.toContain('export_files');
        expect(linksSigned).toBe(0);
      },
    );

    it('has none in a list either, beside others that have', async () => {
      const { data, linksSigned } = await gateway.query<{
        exports: { data: ({ id: string } & Urls)[] };
      }>(
        `{ exports(limit: 100, includeCsv: true, includeJson: true) {
             data { id jsonUrl csvUrl csvErrorUrl csvSanitizedUrl } } }`,
      );
      const linked = data.exports.data
        .filter(({ jsonUrl }) => jsonUrl !== null)
        .map(({ id }) => id);
      expect(linked.sort()).toEqual([FULL, UNEXPIRED, HUGE].map(exportId));
      expect(linksSigned).toBe(4 + 4 + 3 + 1);
    });
  });

  describe('a link', () => {
    interface Link {
      export: { files: File[] } & Urls;
    }
    const document = `query ($id: ID!) { export(id: $id, includeCsv: true, includeJson: true) {
      jsonUrl csvUrl csvErrorUrl csvSanitizedUrl files { kind url urlExpiresAt } } }`;

    /** The second that a link says it works until. */
    function expiryOf(url: string | null): number {
      return Number(new URL(url ?? '').searchParams.get('expires'));
    }

    it.each([
      { ttl: undefined, seconds: 900 },
      { ttl: 60, seconds: 60 },
      { ttl: 604_800, seconds: 604_800 },
    ])(
      'works for FILES_URL_TTL, $seconds seconds, and urlExpiresAt says so',
      async ({ ttl, seconds }) => {
        const short = await startGateway(database, {
          config:
            ttl === undefined
              ? {}
              : {
                  files: {
                    kind: 'local',
                    directory: gateway.filesDirectory,
                    secret: { value: 'the secret of the tests' },
                    linkTtl: ttl,
                  },
                },
        });
        try {
          const before = Math.floor(Date.now() / 1000);
          const { data } = await short.query<Link>(document, { id: exportId(FULL) });
          const after = Math.floor(Date.now() / 1000);
          const { files, ...urls } = data.export;
          expect(files).toHaveLength(4);
          for (const { url, urlExpiresAt } of files) {
            expect(urlExpiresAt).toBe(new Date(expiryOf(url) * 1000).toISOString());
          }
          for (const url of [...files.map((file) => file.url), ...Object.values(urls)]) {
            expect(url).toMatch(new RegExp(`^${short.origin}/files/`));
            expect(expiryOf(url)).toBeGreaterThanOrEqual(before + seconds);
            expect(expiryOf(url)).toBeLessThanOrEqual(after + seconds);
          }
        } finally {
          await short.close();
        }
      },
    );

    it('is for the file of its own field', async () => {
      const { data } = await gateway.query<Link>(document, { id: exportId(FULL) });
      const paths = (url: string | null) => new URL(url ?? '').pathname;
      const { jsonUrl, csvUrl, csvErrorUrl, csvSanitizedUrl, files } = data.export;
      const own = kinds.map((kind) => `/files/exports/${exportId(FULL)}/${kind}`);
      expect([jsonUrl, csvUrl, csvErrorUrl, csvSanitizedUrl].map(paths)).toEqual(own);
      expect(files.map(({ url }) => paths(url))).toEqual(own);
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

const ROWS = 130;
const allKinds = Object.values(ExportFileKind);

describe.each(engines)('what is read and signed for a request, on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await provide();
    gateway = await startGateway(database);
    const indexes = [...Array(ROWS).keys()];
    await insertRows(gateway.source, {
      exports: indexes.map((index) => exportRow(index)),
      files: indexes.flatMap((index) => allKinds.map((kind) => fileRow(index, kind))),
    });
  });

  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  describe('a page of 100', () => {
    it('is one statement without links, files and counts', async () => {
      const { data, statements, linksSigned } = await gateway.query<{
        exports: { data: object[] };
      }>(
        `{ exports(limit: 100, includeCsv: true, includeJson: true) {
             data { id name resource status countBatches countTotal createdAt expiresAt }
             pagination { page limit hasMore endCursor } } }`,
      );
      expect(data.exports.data).toHaveLength(100);
      expect(statements).toHaveLength(1);
      expect(statements[0]).toMatch(
        /FROM \(SELECT id FROM exports (FORCE INDEX|INDEXED BY) \(?exports_by_created_at\)? WHERE organization_id = \? ORDER BY created_at ASC, id ASC LIMIT \? OFFSET \?\) page/,
      );
      expect(linksSigned).toBe(0);
    });

    it('is two with its links', async () => {
      const { statements, linksSigned } = await gateway.query(
        `{ exports(limit: 100, includeCsv: true, includeJson: true) {
             data { jsonUrl csvUrl csvErrorUrl csvSanitizedUrl } } }`,
      );
      expect(statements).toHaveLength(2);
      expect(statements[1]).toContain('FROM exports e JOIN export_files f');
      expect(linksSigned).toBe(400);
    });

    it('is two with its files, and signs no link for what describes a file', async () => {
      const { statements, linksSigned } = await gateway.query(
        `{ exports(limit: 100, includeCsv: true, includeJson: true) {
             data { files { kind state fileName sizeBytes rowCount sha256 } } } }`,
      );
      expect(statements).toHaveLength(2);
      expect(linksSigned).toBe(0);
    });

    it('is one more with totalCount, and no more with totalPages', async () => {
      const { data, statements } = await gateway.query<{
        exports: { pagination: { totalCount: number; totalPages: number } };
      }>(`{ exports(limit: 100) { data { id } pagination { totalCount totalPages } } }`);
      expect(data.exports.pagination).toEqual({ totalCount: ROWS, totalPages: 2 });
      expect([...statements].sort()).toEqual([
        expect.stringMatching(/^SELECT COUNT\(\*\)/),
        expect.stringMatching(/^SELECT e\.id AS id, /),
      ]);
    });

    it('is not read at all when only the count is selected', async () => {
      const { statements } = await gateway.query('{ exports { pagination { totalCount } } }');
      expect(statements).toEqual([expect.stringMatching(/^SELECT COUNT\(\*\)/)]);
    });
  });

  describe('twenty aliases of export(id)', () => {
    const aliases = (args: string, selection: string) =>
      `{ ${[...Array(20).keys()].map((index) => `a${index}: export(id: "${exportId(index)}"${args}) { ${selection} }`).join('\n')} }`;

    it('are one statement', async () => {
      const { data, statements } = await gateway.query<Record<string, { id: string }>>(
        aliases('', 'id'),
      );
      expect(Object.values(data).map(({ id }) => id)).toEqual([...Array(20).keys()].map(exportId));
      expect(statements).toHaveLength(1);
    });

    it('are two with links', async () => {
      const { statements, linksSigned } = await gateway.query(
        aliases(', includeCsv: true, includeJson: true', 'csvUrl jsonUrl files { url }'),
      );
      expect(statements).toHaveLength(2);
      expect(linksSigned).toBe(20 * (2 + 4));
    });
  });

  describe('a link', () => {
    it.each([
      { flags: '', json: false, csv: false },
      { flags: ', includeJson: true', json: true, csv: false },
      { flags: ', includeCsv: true', json: false, csv: true },
      { flags: ', includeCsv: true, includeJson: true', json: true, csv: true },
    ])('is read and signed only when its flag is on: ($flags)', async ({ flags, json, csv }) => {
      const { data, statements, linksSigned } = await gateway.query<{
        export: Record<string, string | null>;
      }>(`{ export(id: "${exportId(0)}"${flags}) { jsonUrl csvUrl csvErrorUrl csvSanitizedUrl } }`);
      const { jsonUrl, ...csvUrls } = data.export;
      expect(jsonUrl !== null).toBe(json);
      expect(Object.values(csvUrls).map((url) => url !== null)).toEqual([csv, csv, csv]);
      expect(statements).toHaveLength(json || csv ? 2 : 1);
      expect(linksSigned).toBe((json ? 1 : 0) + (csv ? 3 : 0));
    });

    it('is signed only when its field is selected', async () => {
      const { linksSigned } = await gateway.query(
        `{ export(id: "${exportId(0)}", includeCsv: true, includeJson: true) { csvUrl } }`,
      );
      expect(linksSigned).toBe(1);
    });

    it('of a file is signed once for its url and its expiry', async () => {
      const { linksSigned } = await gateway.query(
        `{ export(id: "${exportId(0)}", includeJson: true) { files { url urlExpiresAt } } }`,
      );
      expect(linksSigned).toBe(1);
    });
  });

  it('two aliases of one export with different flags each see their own', async () => {
    const { data, statements } = await gateway.query<
      Record<
        string,
        {
          jsonUrl: string | null;
          csvUrl: string | null;
          files: { kind: string; url: string | null }[];
        }
      >
    >(
      `query ($id: ID!) {
         neither: export(id: $id) { ...Links }
         json: export(id: $id, includeJson: true) { ...Links }
         csv: export(id: $id, includeCsv: true) { ...Links }
         both: export(id: $id, includeJson: true, includeCsv: true) { ...Links }
       }
       fragment Links on Export { jsonUrl csvUrl files { kind url } }`,
      { id: exportId(7) },
    );
    const seen = Object.entries(data).map(([alias, { jsonUrl, csvUrl, files }]) => [
      alias,
      jsonUrl !== null,
      csvUrl !== null,
      files.filter(({ url }) => url !== null).map(({ kind }) => kind),
    ]);
    expect(seen).toEqual([
      ['neither', false, false, []],
      ['json', true, false, ['JSON']],
      ['csv', false, true, ['CSV', 'CSV_ERROR', 'CSV_SANITIZED']],
      ['both', true, true, ['JSON', 'CSV', 'CSV_ERROR', 'CSV_SANITIZED']],
    ]);
    expect(statements).toHaveLength(2);
  });
});

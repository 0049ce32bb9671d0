import { tmpdir } from 'node:os';

import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { embedded, engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';

const kinds = Object.values(ExportFileKind);
const everyField = `id name resource status countBatches countTotal countProcessed createdAt updatedAt startedAt completedAt
                    expiresAt failureReason failureCode requestedBy`;
const [FULL, BARE] = [exportId(0), exportId(1)];
const lower = `exp_aB${'1'.repeat(20)}`;
const upper = `exp_Ab${'1'.repeat(20)}`;

const full = {
  id: FULL,
  name: 'Größe “L” 🎉 \\ \' " <b>',
  resource: ExportResource.SHIPPING_LABEL_INFERENCE,
  status: ExportStatus.TIMED_OUT,
  countBatches: 2_147_483_647,
  countTotal: 0,
  countProcessed: 2_147_483_646,
  failureReason: 'It took too long.\nSecond line.',
  failureCode: 'ß_TOO_LONG',
  requestedBy: 'zoë@example.com',
  // At the changes to and from daylight-saving time.
  createdAt: new Date('2026-03-29T01:59:59.001Z'),
  updatedAt: new Date('2026-03-29T02:30:00.010Z'),
  startedAt: new Date('2026-10-25T00:30:00.100Z'),
  completedAt: new Date('2026-10-25T01:30:00.999Z'),
  expiresAt: new Date('2099-12-31T23:59:59.999Z'),
};

const jsonFile = {
  fileName: 'Größe 🎉.json',
  sizeBytes: 5_000_000_000,
  rowCount: 2_147_483_647,
  sha256: '0123456789abcdef'.repeat(4),
};

describe.each(engines)('export(id) on $engine', (engine) => {
  const gateway = useGateway(engine, {
    exports: [
      exportRow(0, full),
      exportRow(1, { createdAt: new Date('2000-02-29T00:00:00.000Z') }),
      exportRow(50, { id: lower, name: 'lower first' }),
      exportRow(51, { id: upper, name: 'upper first' }),
    ],
    files: [
      fileRow(0, ExportFileKind.JSON, jsonFile),
      fileRow(0, ExportFileKind.CSV, { sizeBytes: Number.MAX_SAFE_INTEGER }),
      fileRow(0, ExportFileKind.CSV_ERROR, { sizeBytes: 0, rowCount: 0 }),
    ],
  });

  it('returns the fields of the row, times in UTC to the millisecond, as a list does', async () => {
    const { data, errors, statements } = await gateway.query<{ full: object; bare: object }>(
      `{ full: export(id: "${FULL}") { ${everyField} } bare: export(id: "${BARE}") { ${everyField} } }`,
    );
    expect(errors).toBeUndefined();
    const enums = { resource: 'SHIPPING_LABEL_INFERENCE', status: 'TIMED_OUT' };
    expect(data.full).toEqual({ ...(JSON.parse(JSON.stringify(full)) as object), ...enums });
    expect(data.bare).toMatchObject({
      createdAt: '2000-02-29T00:00:00.000Z',
      ...{ startedAt: null, completedAt: null, expiresAt: null },
      ...{ failureReason: null, failureCode: null, requestedBy: null },
    });
    expect(statements).toHaveLength(1);
    const list = await gateway.query(
      `{ exports(filter: { resource: SHIPPING_LABEL_INFERENCE }) { data { ${everyField} } } }`,
    );
    expect(list.data).toEqual({ exports: { data: [data.full] } });
  });

  it('returns the rows of files, with sizes beyond 32 bits to the byte', async () => {
    const { data, errors } = await gateway.query<{ export: { files: object[] } }>(
      `{ export(id: "${FULL}") { files { id kind state fileName sizeBytes rowCount sha256 } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.export.files).toMatchObject([
      { ...jsonFile, id: `${FULL}:JSON`, kind: 'JSON', state: 'READY' },
      { id: `${FULL}:CSV`, kind: 'CSV', state: 'READY', sizeBytes: Number.MAX_SAFE_INTEGER },
      { id: `${FULL}:CSV_ERROR`, kind: 'CSV_ERROR', state: 'READY', sizeBytes: 0, rowCount: 0 },
      {
        ...{ id: `${FULL}:CSV_SANITIZED`, kind: 'CSV_SANITIZED', state: 'NOT_PRODUCED' },
        ...{ sizeBytes: null, rowCount: null },
      },
    ]);
  });

  it('distinguishes ids by letter case', async () => {
    const ids = [lower, upper, `exp_AB${'1'.repeat(20)}`];
    const query = 'query ($ids: [ID!]!) { exportsByIds(ids: $ids) { id name } }';
    const { data } = await gateway.query(query, { ids });
    const found = [{ id: lower, name: 'lower first' }, { id: upper, name: 'upper first' }, null];
    expect(data).toEqual({ exportsByIds: found });
  });
});

describe.each([undefined, 60, 604_800])('a link with FILES_URL_TTL=%s', (linkTtl) => {
  const secret = { values: ['the secret of the tests'] };
  const settings = linkTtl && { kind: 'local' as const, directory: tmpdir(), secret, linkTtl };
  const gateway = useGateway(embedded, {
    exports: [exportRow(0)],
    files: kinds.map((kind) => fileRow(0, kind)),
    config: settings ? { files: settings } : {},
  });

  it('leads to the file of its field and works until urlExpiresAt', async () => {
    const expiryBound = () => Math.floor(Date.now() / 1000) + (linkTtl ?? 900);
    const earliest = expiryBound();
    const { data } = await gateway.query<{
      export: Record<string, string> & { files: { url: string; urlExpiresAt: string }[] };
    }>(
      `{ export(id: "${exportId(0)}", includeCsv: true, includeJson: true) {
           files { url urlExpiresAt } jsonUrl csvUrl csvErrorUrl csvSanitizedUrl } }`,
    );
    const latest = expiryBound();
    const { files, ...urls } = data.export;
    const links = [...Object.values(urls), ...files.map(({ url }) => url)].map(
      (url) => new URL(url),
    );
    expect(links.map(({ origin, pathname }) => origin + pathname)).toEqual(
      [...kinds, ...kinds].map((kind) => `${gateway.origin}/files/exports/${exportId(0)}/${kind}`),
    );
    const expiries = links.map(({ searchParams }) => Number(searchParams.get('expires')));
    expect(Math.min(...expiries)).toBeGreaterThanOrEqual(earliest);
    expect(Math.max(...expiries)).toBeLessThanOrEqual(latest);
    expect(files.map(({ urlExpiresAt }) => Date.parse(urlExpiresAt) / 1000)).toEqual(
      expiries.slice(kinds.length),
    );
  });
});

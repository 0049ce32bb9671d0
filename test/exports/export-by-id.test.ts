import { tmpdir } from 'node:os';

import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { embedded, engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { asOrganization } from './lists.js';

const kinds = Object.values(ExportFileKind);
const everyField = `id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt
                    expiresAt failureReason requestedBy`;
const [FULL, BARE, FOREIGN, UNKNOWN] = [exportId(0), exportId(1), exportId(2), exportId(99)];
const lower = `exp_aB${'1'.repeat(20)}`;
const upper = `exp_Ab${'1'.repeat(20)}`;

const full = {
  id: FULL,
  name: 'Größe “L” 🎉 \\ \' " <b>',
  resource: ExportResource.SHIPPING_LABEL_INFERENCE,
  status: ExportStatus.TIMED_OUT,
  countBatches: 2_147_483_647,
  countTotal: 0,
  failureReason: 'It took too long.\nSecond line.',
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
      exportRow(2, { organizationId: 'org_other' }),
      exportRow(50, { id: lower, name: 'lower first' }),
      exportRow(51, { id: upper, name: 'upper first' }),
    ],
    files: [
      fileRow(0, ExportFileKind.JSON, jsonFile),
      fileRow(0, ExportFileKind.CSV, { sizeBytes: Number.MAX_SAFE_INTEGER }),
      fileRow(0, ExportFileKind.CSV_ERROR, { sizeBytes: 0, rowCount: 0 }),
      fileRow(2, ExportFileKind.CSV),
    ],
  });

  it('returns the fields of the row, times in UTC to the millisecond, as a list does', async () => {
    const { data, errors, statements } = await gateway.query<{ full: object; bare: object }>(
      `{ full: export(id: "${FULL}") { ${everyField} } bare: export(id: "${BARE}") { ${everyField} } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.full).toEqual({
      ...full,
      resource: 'SHIPPING_LABEL_INFERENCE',
      status: 'TIMED_OUT',
      createdAt: '2026-03-29T01:59:59.001Z',
      updatedAt: '2026-03-29T02:30:00.010Z',
      startedAt: '2026-10-25T00:30:00.100Z',
      completedAt: '2026-10-25T01:30:00.999Z',
      expiresAt: '2099-12-31T23:59:59.999Z',
    });
    expect(data.bare).toMatchObject({
      createdAt: '2000-02-29T00:00:00.000Z',
      startedAt: null,
      completedAt: null,
      expiresAt: null,
      failureReason: null,
      requestedBy: null,
    });
    expect(statements).toHaveLength(1);
    const list = await gateway.query(
      `{ exports(filter: { resource: SHIPPING_LABEL_INFERENCE }) { data { ${everyField} } } }`,
    );
    expect(list.data).toEqual({ exports: { data: [data.full] } });
  });

  it('returns the rows of files, with sizes beyond 32 bits to the byte', async () => {
    const { data, errors } = await gateway.query<{ export: { files: object[] } }>(
      `{ export(id: "${FULL}") { files { kind state fileName sizeBytes rowCount sha256 } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.export.files).toMatchObject([
      { ...jsonFile, kind: 'JSON', state: 'READY' },
      { kind: 'CSV', state: 'READY', sizeBytes: Number.MAX_SAFE_INTEGER },
      { kind: 'CSV_ERROR', state: 'READY', sizeBytes: 0, rowCount: 0 },
      { kind: 'CSV_SANITIZED', state: 'NOT_PRODUCED', sizeBytes: null, rowCount: null },
    ]);
  });

  it('distinguishes ids by letter case', async () => {
    const { data } = await gateway.query(
      `query ($lower: ID!, $upper: ID!, $neither: ID!) {
         lower: export(id: $lower) { id name }
         upper: export(id: $upper) { id name }
         neither: export(id: $neither) { id name } }`,
      { lower, upper, neither: `exp_AB${'1'.repeat(20)}` },
    );
    expect(data).toEqual({
      lower: { id: lower, name: 'lower first' },
      upper: { id: upper, name: 'upper first' },
      neither: null,
    });
  });

  it('returns an export to its own organization', () =>
    asOrganization(gateway, 'org_other', async (other) => {
      const { data } = await other.query(`{ export(id: "${FOREIGN}") { id } }`);
      expect(data).toEqual({ export: { id: FOREIGN } });
    }));

  describe('for an id that the organization does not have', () => {
    const request = (id: string, flags = '') =>
      gateway.send({
        body: {
          query: `query ($id: ID!) { export(id: $id${flags}) { id name jsonUrl csvUrl files { kind url } } }`,
          variables: { id },
        },
      });

    it.each(['', ', includeCsv: true, includeJson: true'])(
      'returns the same bytes whether it is unknown or of another organization (%s)',
      async (flags) => {
        const { logged, ...unknown } = await request(UNKNOWN, flags);
        const { logged: foreignLog, ...foreign } = await request(FOREIGN, flags);
        expect(unknown).toMatchObject({ status: 200, text: '{"data":{"export":null}}\n' });
        expect(unknown.statements).toHaveLength(1);
        expect(foreign).toEqual(unknown);
        expect(foreignLog).toHaveLength(logged.length);
      },
    );

    it('returns the same bytes for an id that no export can have', async () => {
      const { status, headers, text } = await request(UNKNOWN);
      const malformed = [
        ...['', 'x', 'exp_', FULL.slice(0, -1), `${FULL}1`, `${FULL} `, ` ${FULL}`, `${FULL}\n`],
        ...[`${FULL}\0`, FULL.toUpperCase(), FULL.toLowerCase()],
        ...[`${FULL.slice(0, -1)}_`, `${FULL.slice(0, -1)}%`],
      ];
      for (const id of malformed) {
        expect({ id, ...(await request(id)) }).toMatchObject({ id, status, headers, text });
      }
    });
  });
});

describe.each([undefined, 60, 604_800])('a link with FILES_URL_TTL=%s', (linkTtl) => {
  const secret = { value: 'the secret of the tests' };
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
    const expiryOf = (url: string) => Number(new URL(url).searchParams.get('expires'));
    for (const links of [Object.values(urls), files.map(({ url }) => url)]) {
      expect(links.map((url) => url.split('?')[0])).toEqual(
        kinds.map((kind) => `${gateway.origin}/files/exports/${exportId(0)}/${kind}`),
      );
      for (const url of links) {
        expect(expiryOf(url)).toBeGreaterThanOrEqual(earliest);
        expect(expiryOf(url)).toBeLessThanOrEqual(latest);
      }
    }
    expect(files.map((file) => file.urlExpiresAt)).toEqual(
      files.map(({ url }) => new Date(expiryOf(url) * 1000).toISOString()),
    );
  });
});

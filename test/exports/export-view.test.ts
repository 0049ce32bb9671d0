import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';

import { ExportFileKind, type ExportFileRow } from '../../src/exports/export-file.js';
import { ExportView, requiresFiles, type LinkFlags } from '../../src/exports/export-view.js';
import { ExportStatus } from '../../src/exports/export.js';
import type { SignedUrl } from '../../src/storage/url-signer.js';
import { exportId, fileRow } from '../support/rows.js';

const kinds = Object.values(ExportFileKind);
const { JSON, CSV, CSV_ERROR, CSV_SANITIZED } = ExportFileKind;
const now = new Date('2026-11-02T00:00:00.000Z');
const expiresAt = new Date('2026-11-02T00:15:00.000Z');
const id = exportId(0);
const both = { includeJson: true, includeCsv: true };
const never = new Promise<never>(() => undefined);

interface Case {
  readonly status?: ExportStatus;
  readonly expiresAt?: string | null;
  /** The kinds that have a row. */
  readonly stored?: readonly ExportFileKind[];
  readonly requested?: LinkFlags;
  /** Makes the signer asynchronous, as that of S3 may be. */
  readonly isAsync?: boolean;
}

/** A view of an export, and the keys of the objects whose links were signed for it. */
function viewOf({ stored = kinds, requested = both, isAsync = false, ...row }: Case) {
  const signed: string[] = [];
  const links = {
    sign({ objectKey }: { objectKey: string }) {
      signed.push(objectKey);
      const link: SignedUrl = { url: `https://files/${objectKey}`, expiresAt };
      return isAsync ? Promise.resolve(link) : link;
    },
  };
  const files = new Map([[id, stored.map((kind) => fileRow(0, kind))]]);
  const source = { id, status: ExportStatus.COMPLETED, expiresAt: null, ...row };
  return { signed, view: new ExportView(source, files, { requested, links, now }) };
}

/** Returns the kinds of the files that have a link, and checks that its expiry goes with it. */
async function linkedKinds(view: ExportView): Promise<ExportFileKind[]> {
  const linked: ExportFileKind[] = [];
  for (const file of view.files) {
    const url = await file.url;
    expect(await file.urlExpiresAt).toEqual(url === null ? null : expiresAt);
    if (url === null) continue;
    expect(url).toBe(`https://files/${fileRow(0, file.kind).objectKey}`);
    linked.push(file.kind);
  }
  return linked;
}

/** Returns the kinds whose own field has a link. */
async function kindsWithUrl(view: ExportView): Promise<ExportFileKind[]> {
  const urls = [view.jsonUrl, view.csvUrl, view.csvErrorUrl, view.csvSanitizedUrl];
  const found = await Promise.all(urls);
  return kinds.filter((kind, index) => {
    const url = found[index];
    if (url !== null) expect(url).toBe(`https://files/${fileRow(0, kind).objectKey}`);
    return url !== null;
  });
}

describe('the files of an export', () => {
  it('have one order, whatever the order of their rows', () => {
    const { view } = viewOf({ stored: [...kinds].reverse() });
    expect(view.files.map(({ kind }) => kind)).toEqual([JSON, CSV, CSV_ERROR, CSV_SANITIZED]);
  });

  it('show what their rows hold', () => {
    const { view } = viewOf({});
    expect(view.files).toMatchObject(
      kinds.map((kind) => {
        const { fileName, sizeBytes, rowCount, sha256 } = fileRow(0, kind);
        return { kind, fileName, sizeBytes, rowCount, sha256 };
      }),
    );
  });

  it('have names but nothing else without a row', () => {
    const nothing = {
      sizeBytes: null,
      rowCount: null,
      sha256: null,
      url: null,
      urlExpiresAt: null,
    };
    expect(viewOf({ stored: [] }).view.files).toMatchObject([
      { fileName: `${id}.json`, ...nothing },
      { fileName: `${id}.csv`, ...nothing },
      { fileName: `${id}-errors.csv`, ...nothing },
      { fileName: `${id}-sanitized.csv`, ...nothing },
    ]);
  });

  const past = '2026-11-02 00:00:00.000';
  const future = '2026-11-02 00:00:00.001';
  it.each([
    { status: ExportStatus.QUEUED, stored: [], expiry: null, state: 'pending' },
    { status: ExportStatus.PROCESSING, stored: [], expiry: null, state: 'pending' },
    { status: ExportStatus.COMPLETED, stored: [], expiry: null, state: 'not_produced' },
    { status: ExportStatus.FAILED, stored: [], expiry: null, state: 'not_produced' },
    { status: ExportStatus.TIMED_OUT, stored: [], expiry: null, state: 'not_produced' },
    { status: ExportStatus.COMPLETED, stored: kinds, expiry: null, state: 'ready' },
    { status: ExportStatus.PROCESSING, stored: kinds, expiry: future, state: 'ready' },
    { status: ExportStatus.COMPLETED, stored: kinds, expiry: past, state: 'expired' },
    { status: ExportStatus.FAILED, stored: [], expiry: past, state: 'expired' },
    { status: ExportStatus.QUEUED, stored: [], expiry: past, state: 'expired' },
  ])(
    'are $state for an export that is $status with files $stored and expires at $expiry',
    async ({ status, stored, expiry, state }) => {
      const { view, signed } = viewOf({ status, stored, expiresAt: expiry });
      expect(view.files.map((file) => file.state)).toEqual(kinds.map(() => state));
      const linked = state === 'ready' ? kinds : [];
      expect(await linkedKinds(view)).toEqual(linked);
      expect(await kindsWithUrl(view)).toEqual(linked);
      expect(signed).toHaveLength(2 * linked.length);
    },
  );

  it('may be ready one by one while the export is processing', async () => {
    const { view, signed } = viewOf({ status: ExportStatus.PROCESSING, stored: [CSV] });
    expect(view.files.map(({ state }) => state)).toEqual([
      'pending',
      'ready',
      'pending',
      'pending',
    ]);
    expect(await linkedKinds(view)).toEqual([CSV]);
    expect(await kindsWithUrl(view)).toEqual([CSV]);
    expect(signed).toHaveLength(2);
  });

  it('fail with the error that prevented reading them, and no other field does', () => {
    const options = { requested: both, links: { sign: () => never }, now };
    const view = new ExportView({ id, name: 'Export 0' }, new Error('unavailable'), options);
    expect(view).toMatchObject({ id, name: 'Export 0' });
    expect(() => view.files).toThrow('unavailable');
    expect(() => view.csvUrl).toThrow('unavailable');
  });
});

describe('links', () => {
  it.each([
    { requested: { includeJson: false, includeCsv: false }, linked: [] },
    { requested: { includeJson: true, includeCsv: false }, linked: [JSON] },
    {
      requested: { includeJson: false, includeCsv: true },
      linked: [CSV, CSV_ERROR, CSV_SANITIZED],
    },
    { requested: both, linked: kinds },
  ])('are signed for $linked when $requested requests them', async ({ requested, linked }) => {
    for (const isAsync of [false, true]) {
      const { view, signed } = viewOf({ requested, isAsync });
      expect(view.files.map(({ state }) => state)).toEqual(kinds.map(() => 'ready'));
      expect(await linkedKinds(view)).toEqual(linked);
      // Once for a file's URL and its expiry together.
      expect(signed).toHaveLength(linked.length);
      expect(await kindsWithUrl(view)).toEqual(linked);
      expect(signed).toHaveLength(2 * linked.length);
    }
  });

  it('are not signed before their fields are read', () => {
    const { view, signed } = viewOf({});
    expect(view.files).toHaveLength(4);
    expect(signed).toEqual([]);
  });
});

describe('the files of an export are read', () => {
  const selection = { columns: [], files: false, urls: [] };
  const unexpired = { id, expiresAt: null };
  const expired = { id, expiresAt: '2020-01-02 03:04:05.678' };
  const onlyJson = { includeJson: true, includeCsv: false };
  it.each([
    { row: unexpired, selected: { files: true }, requested: onlyJson, reads: true },
    { row: expired, selected: { files: true }, requested: onlyJson, reads: true },
    { row: unexpired, selected: {}, requested: both, reads: false },
    { row: unexpired, selected: { urls: [CSV, JSON] }, requested: onlyJson, reads: true },
    { row: unexpired, selected: { urls: [CSV] }, requested: onlyJson, reads: false },
    { row: expired, selected: { urls: [JSON] }, requested: onlyJson, reads: false },
  ])(
    'only if needed: $selected of $row.expiresAt: $reads',
    ({ row, selected, requested, reads }) => {
      const options = { requested, now, links: { sign: () => never } };
      expect(requiresFiles(row, { ...selection, ...selected }, options)).toBe(reads);
    },
  );
});

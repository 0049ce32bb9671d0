import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportView } from '../../src/exports/export-view.js';
import { ExportStatus } from '../../src/exports/export.js';
import { RequestLinks } from '../../src/exports/request-links.js';
import { exportId, fileRow } from '../support/rows.js';

const kinds = Object.values(ExportFileKind);
const { JSON, CSV, CSV_ERROR, CSV_SANITIZED } = ExportFileKind;
const { QUEUED, PROCESSING, COMPLETED, FAILED, TIMED_OUT } = ExportStatus;
const id = exportId(0);
const now = new Date('2026-11-02T00:00:00.000Z');
const urlExpiresAt = new Date('2026-11-02T00:15:00.000Z');
const past = '2026-11-02 00:00:00.000';
const future = '2026-11-02 00:00:00.001';
const none = { includeJson: false, includeCsv: false };
const json = { includeJson: true, includeCsv: false };
const csv = { includeJson: false, includeCsv: true };
const both = { includeJson: true, includeCsv: true };

/** Builds a view of an export with rows for the `stored` kinds, and records whose links are signed. */
function viewOf({ stored = kinds, requested = both, isAsync = false, ...row }) {
  const signed: string[] = [];
  const limits = new Set<string | undefined>();
  const sign = ({ objectKey }: { objectKey: string }, notAfter?: Date | null) => {
    signed.push(objectKey);
    limits.add(notAfter?.toISOString());
    const link = { url: `https://files/${objectKey}`, expiresAt: urlExpiresAt };
    return isAsync ? Promise.resolve(link) : link;
  };
  const previews = { read: async () => null };
  const origin = { organization: 'org_demo', isAbandoned: false };
  const links = new RequestLinks({ signer: { sign }, previews }, origin);
  const files = new Map([[id, stored.map((kind) => fileRow(0, kind))]]);
  const options = { requested, links, now };
  return {
    signed,
    limits,
    links,
    view: new ExportView({ id, status: COMPLETED, ...row }, files, options),
  };
}

const all = <Value>(values: readonly (Value | Promise<Value>)[]) =>
  Promise.all(values.map(async (value) => value));

/** Reads the fields with links as GraphQL does. */
async function linksOf(view: ExportView) {
  const { files } = view;
  return {
    urls: await all([view.jsonUrl, view.csvUrl, view.csvErrorUrl, view.csvSanitizedUrl]),
    fileUrls: await all(files.map(({ url }) => url)),
    expiries: await all(files.map((file) => file.urlExpiresAt)),
  };
}

/** The links when only these kinds have one. */
function linksTo(linked: readonly ExportFileKind[]): Awaited<ReturnType<typeof linksOf>> {
  const only = <Value>(value: (kind: ExportFileKind) => Value) =>
    kinds.map((kind) => (linked.includes(kind) ? value(kind) : null));
  const urls = only((kind) => `https://files/${fileRow(0, kind).objectKey}`);
  return { urls, fileUrls: urls, expiries: only(() => urlExpiresAt) };
}

describe('the files of an export', () => {
  it('show their rows in one order, whatever the order of the rows', () => {
    const { view, signed } = viewOf({ stored: [...kinds].reverse() });
    expect(view.files).toMatchObject(
      [JSON, CSV, CSV_ERROR, CSV_SANITIZED].map((kind) => {
        const { fileName, sizeBytes, rowCount, sha256 } = fileRow(0, kind);
        return { kind, fileName, sizeBytes, rowCount, sha256 };
      }),
    );
    // Links are signed when their fields are read.
    expect(signed).toEqual([]);
  });

  it('have only their names when there are no rows', () => {
    const unknown = { sizeBytes: null, rowCount: null, sha256: null };
    expect(viewOf({ stored: [] }).view.files).toMatchObject(
      ['.json', '.csv', '-errors.csv', '-sanitized.csv'].map((ending) => ({
        ...{ fileName: id + ending, ...unknown },
      })),
    );
  });

  it.each([
    { status: QUEUED, stored: [], states: 'pending' },
    { status: PROCESSING, expiresAt: future, stored: [], states: 'pending' },
    { status: COMPLETED, stored: [], states: 'not_produced' },
    { status: FAILED, stored: [], states: 'not_produced' },
    { status: TIMED_OUT, stored: [], states: 'not_produced' },
    { status: COMPLETED, states: 'ready', linked: kinds },
    { status: PROCESSING, expiresAt: future, states: 'ready', linked: kinds },
    { status: COMPLETED, expiresAt: past, states: 'expired' },
    { status: COMPLETED, expiresAt: past, stored: [], states: 'not_produced' },
    { status: FAILED, expiresAt: past, stored: [], states: 'not_produced' },
    { status: QUEUED, expiresAt: past, stored: [], states: 'pending' },
    { requested: none, states: 'ready' },
    { requested: json, states: 'ready', linked: [JSON] },
    { requested: csv, states: 'ready', linked: [CSV, CSV_ERROR, CSV_SANITIZED] },
  ])('have states and links by status, expiry, rows and flags: %j', async (example) => {
    const { states, linked = [], ...options } = example;
    for (const isAsync of [false, true]) {
      const { view, links, signed } = viewOf({ ...options, isAsync });
      expect(view.files.map(({ state }) => state)).toEqual(kinds.map(() => states));
      expect(await linksOf(view)).toEqual(linksTo(linked));
      // Once for a URL field, and once for the URL and expiry of a file.
      expect(signed).toHaveLength(2 * linked.length);
      const disclosed = links.disclosed.links.map(({ kind }) => kind);
      expect(disclosed.sort()).toEqual([...linked, ...linked].sort());
    }
  });

  it.each([
    [future, '2026-11-02T00:00:00.001Z'],
    [null, undefined],
  ])('have links that work until the export expires at %s', async (expiresAt, limit) => {
    const { view, limits } = viewOf({ expiresAt });
    await linksOf(view);
    expect(limits).toEqual(new Set([limit]));
  });

  it('expire one by one', () => {
    const { view } = viewOf({ expiresAt: past, stored: [JSON, CSV_ERROR] });
    const states = ['expired', 'not_produced', 'expired', 'not_produced'];
    expect(view.files.map(({ state }) => state)).toEqual(states);
  });

  it('disclose no link when only their expiries are read', async () => {
    const { view, links, signed } = viewOf({});
    await all(view.files.map(({ urlExpiresAt }) => urlExpiresAt));
    expect([signed.length, links.disclosed.links]).toEqual([kinds.length, []]);
  });

  it('become ready one by one', async () => {
    const { view } = viewOf({ status: PROCESSING, stored: [CSV] });
    const states = ['pending', 'ready', 'pending', 'pending'];
    expect(view.files.map(({ state }) => state)).toEqual(states);
    expect(await linksOf(view)).toEqual(linksTo([CSV]));
  });
});

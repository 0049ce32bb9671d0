import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRows, fileRow } from '../support/rows.js';

const ROWS = 130;
const BOTH = 'includeCsv: true, includeJson: true';
const kinds = Object.values(ExportFileKind);
const plainFields = 'id name resource status countBatches countTotal createdAt expiresAt';
const fileFields = 'kind state fileName sizeBytes rowCount sha256';
const urlFields = 'jsonUrl csvUrl csvErrorUrl csvSanitizedUrl';
const list =
  /^SELECT e\.id AS id, .* FROM \(SELECT id FROM exports INDEXED BY exports_by_created_at WHERE organization_id = \? ORDER BY created_at ASC, id ASC LIMIT \? OFFSET \?\) page/;
const count = /^SELECT COUNT\(\*\)/;
const files = /FROM exports e JOIN export_files f/;
const lookUp = /^SELECT e\.id AS id.* FROM exports e WHERE e\.organization_id = \? AND e\.id IN \(/;

describe('the statements and links', () => {
  const gateway = useGateway(embedded, {
    exports: exportRows(ROWS),
    files: exportRows(ROWS).flatMap((_, index) => kinds.map((kind) => fileRow(index, kind))),
  });

  const page = (selection: string) => `exports(limit: 100, ${BOTH}) { ${selection} }`;
  const aliases = (args: string, selection: string) =>
    Array.from(
      { length: 20 },
      (_, index) => `a${index}: export(id: "${exportId(index)}" ${args}) { ${selection} }`,
    ).join(' ');
  const one = (args: string, selection = urlFields) =>
    `export(id: "${exportId(0)}" ${args}) { ${selection} }`;
  const json = 'includeJson: true';
  const csv = 'includeCsv: true';

  it.each<{ of: string; fields: string; statements: RegExp[]; links?: number }>([
    { of: 'a page', fields: page(`data { ${plainFields} }`), statements: [list] },
    {
      of: 'its hasMore and endCursor',
      fields: page('pagination { page limit hasMore endCursor }'),
      statements: [list],
    },
    {
      of: 'its links',
      fields: page(`data { ${urlFields} }`),
      statements: [list, files],
      links: 400,
    },
    {
      of: 'its files',
      fields: page(`data { files { ${fileFields} } }`),
      statements: [list, files],
    },
    {
      of: 'its counts',
      fields: page('data { id } pagination { totalCount totalPages }'),
      statements: [count, list],
    },
    { of: 'only its count', fields: page('pagination { totalCount }'), statements: [count] },
    {
      of: 'an alias of the same list',
      fields: `${page('data { id }')} b: ${page('data { id }')}`,
      statements: [list],
    },
    { of: 'twenty look-ups', fields: aliases('', 'id'), statements: [lookUp] },
    {
      of: 'twenty look-ups with links',
      fields: aliases(BOTH, 'csvUrl jsonUrl files { url }'),
      statements: [lookUp, files],
      links: 20 * (2 + 4),
    },
    { of: 'unrequested links', fields: one(''), statements: [lookUp] },
    { of: 'the JSON link', fields: one(json), statements: [lookUp, files], links: 1 },
    { of: 'the CSV links', fields: one(csv), statements: [lookUp, files], links: 3 },
    { of: 'every link', fields: one(BOTH), statements: [lookUp, files], links: 4 },
    {
      of: 'one of two requested links',
      fields: one(BOTH, 'csvUrl'),
      statements: [lookUp, files],
      links: 1,
    },
    {
      of: 'a link with its expiry',
      fields: one(json, 'files { url urlExpiresAt }'),
      statements: [lookUp, files],
      links: 1,
    },
    {
      of: 'unrequested fields',
      fields: one('', 'id ...on Export @include(if: false) { csvUrl }'),
      statements: [lookUp],
    },
  ])('of $of are only those that it needs', async ({ fields, statements, links = 0 }) => {
    const { errors, ...result } = await gateway.query(`{ ${fields} }`);
    expect(errors).toBeUndefined();
    // A list and its count run concurrently.
    expect([...result.statements].sort()).toEqual(
      statements.map((pattern) => expect.stringMatching(pattern)),
    );
    expect(result.linksSigned).toBe(links);
  });
});

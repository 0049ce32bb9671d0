import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRows, fileRow } from '../support/rows.js';

const ROWS = 130;
const BOTH = 'includeCsv: true, includeJson: true';
const kinds = Object.values(ExportFileKind);
const plainFields = 'id name resource status countBatches countTotal createdAt expiresAt';
const fileFields = 'id kind state fileName sizeBytes rowCount sha256';
const urlFields = 'jsonUrl csvUrl csvErrorUrl csvSanitizedUrl';
const list =
  /^SELECT e\.id AS id, .* FROM \(SELECT id FROM exports INDEXED BY "exports_by_created_at" WHERE organization_id = \? ORDER BY created_at ASC, id ASC LIMIT \? OFFSET \?\) page/;
const groups = /^SELECT CASE .* GROUP BY stored_resource, stored_status\) /;
const count = /^SELECT COUNT\(\*\)/;
const files = /FROM exports e JOIN export_files f/;
const lookUp = /^SELECT e\.id AS id.* FROM exports e WHERE e\.organization_id = \? AND e\.id IN \(/;

const EXPIRED = 50;
const expiresAt = new Date('2020-01-02T03:04:05.678Z');

describe('the statements and links', () => {
  const gateway = useGateway(embedded, {
    exports: exportRows(ROWS, (index) => (index === EXPIRED ? { expiresAt } : {})),
    files: exportRows(ROWS).flatMap((_, index) => kinds.map((kind) => fileRow(index, kind))),
  });

  const page = (selection: string) => `exports(limit: 100, ${BOTH}) { ${selection} }`;
  const one = (flags: string, selection = urlFields, index = 0) =>
    `export(id: "${exportId(index)}" ${flags}) { ${selection} }`;
  const aliases = (flags: string, selection: string) =>
    Array.from({ length: 20 }, (_, index) => `a${index}: ${one(flags, selection, index)}`).join(
      ' ',
    );

  it.each<[fields: string, statements: RegExp[], links?: number]>([
    [page(`data { ${plainFields} }`), [list]],
    [page('pagination { page limit }'), []],
    [page('pagination { hasMore }'), [list]],
    [page('pagination { endCursor }'), [list]],
    [page('pagination { totalCount }'), [count]],
    [page('pagination { totalPages }'), [count]],
    [page('data { id } pagination { totalCount totalPages }'), [count, list]],
    [page('facets { statuses { count } resources { count } } pagination { totalCount }'), [groups]],
    [page('facets { resources { resource } } data { id }'), [groups, list]],
    [page(`data { files { ${fileFields} } }`), [list, files]],
    // All but the expired export have links.
    [page(`data { ${urlFields} }`), [list, files], 396],
    [`${page('data { id }')} b: ${page('data { id }')}`, [list]],
    [aliases('', 'id'), [lookUp]],
    [aliases(BOTH, 'csvUrl jsonUrl files { url }'), [lookUp, files], 20 * (2 + 4)],
    [one(''), [lookUp]],
    [one('includeJson: true'), [lookUp, files], 1],
    [one('includeCsv: true'), [lookUp, files], 3],
    [one(BOTH), [lookUp, files], 4],
    [one(BOTH, 'csvUrl'), [lookUp, files], 1],
    [one('includeJson: true', 'csvUrl'), [lookUp]],
    [one(BOTH, urlFields, EXPIRED), [lookUp]],
    [one('', 'files { state }', EXPIRED), [lookUp, files]],
    [one('includeJson: true', 'files { url urlExpiresAt }'), [lookUp, files], 1],
  ])('of a request are only those that it needs: %s', async (fields, statements, links = 0) => {
    const { errors, ...result } = await gateway.queryCountingLinks(`{ ${fields} }`);
    expect(errors).toBeUndefined();
    // A list and its count run concurrently.
    expect([...result.statements].sort()).toEqual(
      statements.map((pattern) => expect.stringMatching(pattern)),
    );
    expect(result.linksSigned).toBe(links);
  });

  it('of the same document follow the variables of @skip and @include', async () => {
    const document = `query ($urls: Boolean!) {
      export(id: "${exportId(0)}", ${BOTH}) { id csvUrl @include(if: $urls) jsonUrl @skip(if: $urls) name @include(if: $urls) } }`;
    for (const urls of [false, true, false]) {
      const { data } = await gateway.query<{ export: object }>(document, { urls });
      expect(Object.keys(data.export)).toEqual(urls ? ['id', 'csvUrl', 'name'] : ['id', 'jsonUrl']);
    }
  });

  it('of one export follow the flags of each alias', async () => {
    const { data, statements } = await gateway.query(
      `{ neither: ${one('')} json: ${one('includeJson: true')}
         csv: ${one('includeCsv: true')} both: ${one(BOTH)} }`,
    );
    const links = (names: string, link: unknown) =>
      Object.fromEntries(names.split(' ').map((name) => [name, link]));
    const none = links(urlFields, null);
    const [json, csv] = ['jsonUrl', 'csvUrl csvErrorUrl csvSanitizedUrl'].map((names) =>
      links(names, expect.any(String)),
    );
    expect(data).toEqual({
      ...{ neither: none, json: { ...none, ...json }, csv: { ...none, ...csv } },
      both: { ...json, ...csv },
    });
    expect(statements).toHaveLength(2);
  });
});

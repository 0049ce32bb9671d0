import { beforeEach, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { embedded } from '../support/engines.js';
import { keysRequired, useGateway, type RawResponse } from '../support/gateway.js';
import { clearRows, exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

const [ownKey, otherKey, unknownKey] = [keyNamed('A'), keyNamed('B'), keyNamed('C')];
const list = '{ exports { data { id name files { kind state url } } } }';
const one = `{ export(id: "${exportId(0)}") { name status csvUrl } }`;
const linked = `{ export(id: "${exportId(0)}", includeCsv: true) { csvUrl } }`;

const gateway = useGateway(embedded, {
  config: keysRequired,
  keys: [apiKeyRow(ownKey, 'org_a'), apiKeyRow(otherKey, 'org_b')],
});
beforeEach(async () => {
  await clearRows(gateway.source);
  await insertRows(gateway.source, {
    exports: [exportRow(0, { organizationId: 'org_a' })],
    files: [fileRow(0, ExportFileKind.CSV)],
  });
});

const pathOf = (query: string) => `/graphql?query=${encodeURIComponent(query)}`;
function get(query: string, headers: Record<string, string> = {}): Promise<RawResponse> {
  const all = { 'apollo-require-preflight': 'true', 'x-api-key': ownKey, ...headers };
  return gateway.send({ path: pathOf(query), headers: Object.entries(all).flat() });
}
async function etagOf(query: string): Promise<string> {
  const etag = String((await get(query)).headers['etag']);
  expect(etag).toMatch(/^W\/"[\w-]{43}"$/);
  return etag;
}
const isNotStored = { 'cache-control': 'private, no-store' };
const isRevalidated = { 'cache-control': 'private, no-cache' };
const update = (set: string) => gateway.source.query(`UPDATE exports SET ${set}`);

describe('a response to a GET', () => {
  it.each([list, one, '{ __typename }'])('is 304 for a client that has it: %s', async (query) => {
    const first = await get(query);
    const etag = await etagOf(query);
    expect(first).toMatchObject({ status: 200, headers: isRevalidated });
    for (const known of [etag, etag.slice('W/'.length), `"another", ${etag}`]) {
      const again = await get(query, { 'if-none-match': known });
      expect(again).toMatchObject({ status: 304, headers: { ...isRevalidated, etag }, text: '' });
    }
    const other = await get(query, { 'if-none-match': '"another"' });
    expect([other.status, other.text]).toEqual([200, first.text]);
  });

  it('is computed every time, so that it is never stale', async () => {
    const etag = await etagOf(one);
    const known = { 'if-none-match': etag };
    expect(await get(one, known)).toMatchObject({ status: 304, statements: [expect.any(String)] });
    for (const change of ["status = 'failed'", "name = 'Another'", "name = 'Yet another'"]) {
      await update(change);
      const changed = await get(one, known);
      expect(changed.status).toBe(200);
      expect(changed.headers['etag']).not.toBe(etag);
    }
    await update(`status = 'completed', name = 'Export 0'`);
    expect((await get(one, known)).status).toBe(304);
  });

  it('is 304 for no other viewer with the same ETag', async () => {
    const etag = await etagOf(one);
    const other = await get(one, { 'if-none-match': etag, 'x-api-key': otherKey });
    expect(other).toMatchObject({ status: 200, text: '{"data":{"export":null}}\n' });
    const unknown = await get(one, { 'if-none-match': etag, 'x-api-key': unknownKey });
    expect(unknown).toMatchObject({ status: 401, headers: isNotStored });
  });

  it('has a different ETag for a different media type', async () => {
    const accept = 'application/graphql-response+json';
    const other = await get(one, { 'if-none-match': await etagOf(one), accept });
    expect(other.status).toBe(200);
    expect(other.headers['content-type']).toContain(accept);
  });

  it.each([
    ['with a link', 200, linked, {}],
    ['with the link of a file', 200, linked.replace('csvUrl', 'files { url }'), {}],
    ['with an error beside data', 200, `{ exports(page: 0) { data { id } } ${one.slice(1)}`, {}],
    ['to an invalid document', 400, '{ nope }', {}],
    ['without valid credentials', 401, one, { 'x-api-key': unknownKey }],
    ['that any page can send', 400, one, { 'apollo-require-preflight': '' }],
  ])('is never stored %s, and keeps its status %i', async (_, status, query, headers) => {
    const response = await get(query, { ...headers, 'if-none-match': '*' });
    expect(response).toMatchObject({ status, headers: isNotStored });
    expect(response.headers).not.toHaveProperty('etag');
  });

  it('is the GraphiQL page for a client that accepts HTML, with an ETag of its own', async () => {
    const etag = await etagOf(one);
    const page = await get(one, { accept: 'text/html', 'if-none-match': etag });
    expect([page.status, page.text]).toEqual([200, expect.stringMatching(/^<!doctype html>/i)]);
    const known = { 'if-none-match': String(page.headers['etag']) };
    expect((await get(one, { accept: 'text/html', ...known })).status).toBe(304);
    expect((await get(one, known)).status).toBe(200);
  });
});

it.each([
  ['data', 200, { query: one }],
  ['an error beside data', 200, { query: '{ exports(limit: 0) { data { id } } }' }],
  ['invalid JSON', 400, '{'],
  ['a body that is too large', 413, `"${'x'.repeat(300_000)}"`],
  ['a body of the wrong type', 415, '<query/>', 'application/xml'],
])('a response to a POST is never stored: %s', async (...given) => {
  const [, status, body, type = 'application/json'] = given;
  const headers = ['x-api-key', ownKey, 'content-type', type];
  const response = await gateway.send({ body, headers });
  expect(response).toMatchObject({ status, headers: isNotStored });
  expect(response.headers).not.toHaveProperty('etag');
});

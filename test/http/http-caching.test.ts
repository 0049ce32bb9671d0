import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chromium } from 'playwright-core';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { addKeys, apiKeyRow, keyNamed } from '../auth/credentials.js';
import { itWith } from '../support/describe-with.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { clearRows, exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { chromiumArguments } from './graphiql-browser.js';

const keys = { org_a: keyNamed('A'), org_b: keyNamed('B') };
const list = '{ exports { data { id name files { kind state url } } } }';
const one = `{ export(id: "${exportId(0)}") { name status csvUrl } }`;
const linked = `{ export(id: "${exportId(0)}", includeCsv: true) { csvUrl } }`;

describe('the answer to a GET', () => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    database = (await engines[0]?.provide()) as EngineDatabase;
    await addKeys(database, [apiKeyRow(keys.org_a, 'org_a'), apiKeyRow(keys.org_b, 'org_b')]);
    gateway = await startGateway(database, { config: { auth: { kind: 'required', jwt: null } } });
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });
  beforeEach(async () => {
    await clearRows(gateway.source);
    await insertRows(gateway.source, {
      exports: [exportRow(0, { organizationId: 'org_a' })],
      files: [fileRow(0, ExportFileKind.CSV)],
    });
  });

  function get(query: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${gateway.origin}/graphql?query=${encodeURIComponent(query)}`, {
      headers: { 'apollo-require-preflight': 'true', 'x-api-key': keys.org_a, ...headers },
    });
  }
  const cacheControl = ({ headers }: Response) => headers.get('cache-control');
  async function etagOf(query: string): Promise<string> {
    const etag = (await get(query)).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    return etag;
  }
  function statementsSince(start: number): unknown[] {
    return gateway.log.slice(start).filter(({ sql }) => sql !== undefined);
  }

  it.each([list, one, '{ __typename }'])(
    'may be kept by its viewer, and is not sent again to who has it: %s',
    async (query) => {
      const first = await get(query);
      const etag = await etagOf(query);
      expect([first.status, cacheControl(first)]).toEqual([200, 'private, no-cache']);
      for (const held of [etag, `W/${etag}`, `"another", ${etag}`]) {
        const again = await get(query, { 'if-none-match': held });
        expect([again.status, cacheControl(again), again.headers.get('etag')]).toEqual([
          304,
          'private, no-cache',
          etag,
        ]);
        expect(await again.text()).toBe('');
      }
      const other = await get(query, { 'if-none-match': '"another"' });
      expect([other.status, await other.text()]).toEqual([200, await first.text()]);
    },
  );

  it('is made anew each time, so that none is older than its question', async () => {
    const etag = await etagOf(one);
    const start = gateway.log.length;
    expect((await get(one, { 'if-none-match': etag })).status).toBe(304);
    expect(statementsSince(start)).toHaveLength(1);
    for (const change of ["status = 'failed'", "name = 'Another'", "name = 'Yet another'"]) {
      await gateway.source.query(`UPDATE exports SET ${change}`);
      const changed = await get(one, { 'if-none-match': etag });
      expect([changed.status, changed.headers.get('etag')]).not.toEqual([200, etag]);
      expect(changed.status).toBe(200);
    }
    // And as it was, it is what the client had.
    await gateway.source.query(`UPDATE exports SET status = 'completed', name = 'Export 0'`);
    expect((await get(one, { 'if-none-match': etag })).status).toBe(304);
  });

  it('is found changed when a file comes, or the export expires', async () => {
    const etag = await etagOf(list);
    await insertRows(gateway.source, { files: [fileRow(0, ExportFileKind.JSON)] });
    expect((await get(list, { 'if-none-match': etag })).status).toBe(200);
    const withJson = await etagOf(list);
    await gateway.source.query(`UPDATE exports SET expires_at = '2026-01-01 00:00:00.000'`);
    expect((await get(list, { 'if-none-match': withJson })).status).toBe(200);
  });

  it('is his own for a viewer of another organization, whatever ETag he sends', async () => {
    const etag = await etagOf(one);
    const theirs = await get(one, { 'if-none-match': etag, 'x-api-key': keys.org_b });
    expect([theirs.status, await theirs.json()]).toEqual([200, { data: { export: null } }]);
    const strangers = await get(one, { 'if-none-match': etag, 'x-api-key': keyNamed('C') });
    expect([strangers.status, cacheControl(strangers)]).toEqual([401, 'private, no-store']);
  });

  it('has another ETag in another media type', async () => {
    const etag = await etagOf(one);
    const accept = 'application/graphql-response+json';
    const other = await get(one, { 'if-none-match': etag, accept });
    expect([other.status, other.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining(accept),
    ]);
  });

  it.each([
    { what: 'with a link', query: linked, status: 200 },
    {
      what: 'with the link of a file',
      query: '{ exports(includeCsv: true) { data { files { url } } } }',
      status: 200,
    },
    { what: 'with an error', query: '{ exports(page: 0) { data { id } } }', status: 200 },
    {
      what: 'with an error beside data',
      query: `{ exports(page: 0) { data { id } } ${one.slice(1)}`,
      status: 200,
    },
    { what: 'to a wrong document', query: '{ nope }', status: 400 },
    {
      what: 'to a stranger',
      query: one,
      headers: { 'x-api-key': keyNamed('C') },
      status: 401,
    },
    {
      what: 'to a GET that a page could send anywhere',
      query: one,
      headers: { 'apollo-require-preflight': '' },
      status: 400,
    },
  ])(
    'is never kept $what, and keeps its status $status whatever ETag comes',
    async ({ query, headers, status }) => {
      const answer = await get(query, { ...headers, 'if-none-match': '*' });
      expect([answer.status, cacheControl(answer)]).toEqual([status, 'private, no-store']);
      expect(answer.headers.get('etag')).toBeNull();
    },
  );

  it('to a POST is never kept', async () => {
    const answer = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': keys.org_a },
      body: JSON.stringify({ query: one }),
    });
    expect([answer.status, cacheControl(answer)]).toEqual([200, 'private, no-store']);
    expect(answer.headers.get('etag')).toBeNull();
  });

  it('is GraphiQL for who wants a page, with an ETag of its own', async () => {
    const etag = await etagOf(one);
    const page = await get(one, { accept: 'text/html', 'if-none-match': etag });
    expect([page.status, page.headers.get('content-type'), cacheControl(page)]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-cache',
    ]);
    expect(await page.text()).toMatch(/^<!doctype html>/i);
    const pageEtag = page.headers.get('etag') ?? '';
    expect(pageEtag).not.toBe(etag);
    const again = await get(one, { accept: 'text/html', 'if-none-match': pageEtag });
    expect(again.status).toBe(304);
    expect((await get(one, { 'if-none-match': pageEtag })).status).toBe(200);
  });

  itWith('chromium', 'is kept by a browser, and asked for again each time', async () => {
    const browser = await chromium.launch({
      executablePath: process.env['TEST_CHROMIUM'] ?? '',
      args: chromiumArguments,
    });
    try {
      // No answer but GraphiQL lets itself be a page that may fetch; this one stands for a front end.
      const page = await browser.newPage({ bypassCSP: true });
      await page.goto(`${gateway.origin}/health/live`);
      const start = gateway.log.length;
      const ask = (query: string) =>
        page.evaluate(
          async ([url, key]) => {
            const headers = { 'content-type': 'application/json', 'x-api-key': String(key) };
            return (await fetch(String(url), { headers })).text();
          },
          [`/graphql?query=${encodeURIComponent(query)}`, keys.org_a],
        );
      const first = await ask(one);
      expect(await ask(one)).toBe(first);
      await gateway.source.query(`UPDATE exports SET name = 'Another'`);
      expect(await ask(one)).toContain('Another');
      await ask(linked);
      await ask(linked);
      const statuses = gateway.log
        .slice(start)
        .flatMap(({ path, status }) => (path === '/graphql' ? [status] : []));
      expect(statuses).toEqual([200, 304, 200, 200, 200]);
    } finally {
      await browser.close();
    }
  });
});

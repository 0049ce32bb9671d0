import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chromium, type Browser, type Page } from 'playwright-core';

import { describeWith } from '../support/describe-with.js';
import type { EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import {
  chromiumArguments,
  openGraphiql,
  openTab,
  responseText,
  runQuery,
  runQueryByKeyboard,
  suggestionsAfter,
  tabTitles,
  viewport,
} from './graphiql-browser.js';

describeWith('chromium', 'GraphiQL in a browser', () => {
  let folder: string;
  let gateway: Gateway;
  let browser: Browser;
  let page: Page;
  let opened: Awaited<ReturnType<typeof openGraphiql>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'exports-gateway-'));
    const database: EngineDatabase = {
      config: { kind: 'embedded', path: join(folder, 'exports.sqlite') },
      dispose: () => rm(folder, { recursive: true }),
    };
    gateway = await startGateway(database, { config: { seedSamples: true } });
    browser = await chromium.launch({
      executablePath: process.env['TEST_CHROMIUM'] ?? '',
      // The network is cut off: no name resolves, and no address but the gateway's own is let through.
      args: [...chromiumArguments, '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
    });
    page = await browser.newPage({ viewport });
    await page.route(
      (url) => url.protocol !== 'blob:' && url.origin !== gateway.origin,
      (route) => route.abort('internetdisconnected'),
    );
    opened = await openGraphiql(page, `${gateway.origin}/graphql`);
  });

  afterAll(async () => {
    await browser.close();
    await gateway.close();
    await rm(folder, { recursive: true });
  });

  it('opens with the worked examples', async () => {
    expect(await tabTitles(page)).toEqual([
      'OneExport',
      'NewestExports',
      'FilteredExports',
      'NextExports',
      'CountedExports',
    ]);
  });

  it('runs the first example untouched and shows its data, whose links download', async () => {
    const { status, body } = (await runQuery(page)) as {
      status: number;
      body: { data: { export: { jsonUrl: string; csvUrl: string } } };
    };
    expect(status).toBe(200);
    const { jsonUrl, csvUrl } = body.data.export;
    // The editor wraps long lines.
    expect((await responseText(page)).replace(/\s/g, '')).toContain(`"csvUrl":"${csvUrl}"`);
    expect((await fetch(csvUrl)).headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(await (await fetch(jsonUrl)).json()).toHaveProperty('0');
  });

  it.each([
    ['NewestExports', 'data.exports.data.2.csvUrl'],
    ['FilteredExports', 'data.exports.data.0.name'],
    ['NextExports', 'data.exports.pagination.endCursor'],
    ['CountedExports', 'data.all.pagination.totalCount'],
  ])('runs the example %s untouched', async (title, expected) => {
    await openTab(page, title);
    const { body } = await runQueryByKeyboard(page);
    expect(body).not.toHaveProperty('errors');
    expect(body).toHaveProperty(expected, expect.anything());
  });

  it('is where the origin alone leads to', async () => {
    const answer = await fetch(gateway.origin, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/graphql']);
  });

  it('knows the schema', async () => {
    const suggestions = await suggestionsAfter(page, 'query Q { exports { ');
    expect(suggestions).toEqual(expect.arrayContaining(['data', 'pagination']));
  });

  it('asked nobody but the gateway, and broke no rule of its Content-Security-Policy', () => {
    const own = [`${gateway.origin}/graphql`, `blob:${gateway.origin}`];
    expect([...opened.requests].filter((url) => !own.includes(url))).toEqual([]);
    expect(opened.requests).toContain(own[0]);
    expect(opened.complaints).toEqual([]);
  });
});

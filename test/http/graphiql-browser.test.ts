import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chromium, type Browser, type Page } from 'playwright-core';

import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import {
  chromiumArguments,
  openGraphiql,
  openTab,
  responseText,
  runQuery,
  suggestionsAfter,
  tabTitles,
  viewport,
  type PageRecord,
} from './graphiql-browser.js';

describeWith('chromium', 'GraphiQL in a browser without a network', () => {
  const gateway = useGateway(embedded, { config: { seedSamples: true } });
  let browser: Browser;
  let page: Page;
  let record: PageRecord;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: process.env['TEST_CHROMIUM'] ?? '',
      args: [...chromiumArguments, '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
    });
    page = await browser.newPage({ viewport });
    await page.route(
      (url) => url.protocol !== 'blob:' && url.origin !== gateway.origin,
      (route) => route.abort('internetdisconnected'),
    );
    record = await openGraphiql(page, `${gateway.origin}/graphql`);
  });
  afterAll(() => browser.close());

  it('opens with the examples', async () => {
    expect(await tabTitles(page)).toEqual(['OneExport', 'NewestExports', 'FilteredExports']);
  });

  it('runs the first example unchanged and shows its data, whose links download', async () => {
    const { status, body } = (await runQuery(page, 'button')) as {
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
    ['NewestExports', ['data.exports.data.2.csvUrl']],
    [
      'FilteredExports',
      [
        'data.exports.data.0.name',
        'data.exports.pagination.endCursor',
        'data.exports.pagination.totalCount',
      ],
    ],
  ])('runs the example %s unchanged', async (title, paths) => {
    await openTab(page, title);
    const { body } = await runQuery(page, 'keyboard');
    expect(body).not.toHaveProperty('errors');
    for (const path of paths) expect(body).toHaveProperty(path, expect.anything());
  });

  it('suggests fields of the schema', async () => {
    const suggestions = await suggestionsAfter(page, 'query Q { exports { ');
    expect(suggestions).toEqual(expect.arrayContaining(['data', 'pagination']));
  });

  it('sends requests to the gateway alone, and respects its Content-Security-Policy', () => {
    const own = [`${gateway.origin}/graphql`, `blob:${gateway.origin}`];
    expect([...record.requests].filter((url) => !own.includes(url))).toEqual([]);
    expect(record.requests).toContain(own[0]);
    expect(record.warnings).toEqual([]);
  });

  it('is where the path / redirects to', async () => {
    const { status, headers } = await gateway.send({ path: '/' });
    expect([status, headers['location']]).toEqual([302, '/graphql']);
  });
});

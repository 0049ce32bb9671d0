import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chromium, type Browser, type Page, type Response } from 'playwright-core';

import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { ExportStatus } from '../../src/exports/export.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { keysRequired, useGateway } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';
import { until } from '../support/until.js';

/** Without a sandbox (tests may run as root), traffic of its own, or a network. */
const args = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

const queryLines = '.graphiql-query-editor .view-line';
const responseLines = '.graphiql-response .view-line';

async function openTab(page: Page, title: string): Promise<void> {
  await page.getByRole('tab', { name: title }).click();
  await page.getByRole('tab', { name: title, selected: true }).waitFor();
  // The editor follows the tab later; until then a key press applies to the previous document.
  await page.locator(queryLines, { hasText: title }).first().waitFor();
  await page.locator('.graphiql-execute-button[aria-label^="Execute"]').waitFor();
}

/** What the page shows of a response. Monaco wraps long lines, and keeps them in any order. */
const shownResponse = (page: Page) =>
  page.evaluate<string>(
    `[...document.querySelectorAll('${responseLines}')]
        .sort((a, b) => a.offsetTop - b.offsetTop).map((line) => line.textContent).join('')`,
  );

/** Runs the subscription of the open tab until the page has shown several states, then stops it. */
async function statesSeenIn(
  page: Page,
  count: number,
  change: (seen: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<string[]> {
  const seen = new Set<string>();
  await page.locator(queryLines).first().click();
  await page.keyboard.press('Control+Enter');
  await until(async () => {
    const text = (await shownResponse(page)).replace(/\s/g, '');
    if (text.includes('"progress":') && !seen.has(text)) await change(seen.add(text).size);
    return seen.size >= count ? true : undefined;
  }, 30_000);
  await page.locator('.graphiql-execute-button[aria-label^="Stop"]').click();
  return [...seen];
}

describeWith('chromium', 'GraphiQL in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    const executablePath = process.env['TEST_CHROMIUM'] ?? '';
    browser = await chromium.launch({ executablePath, args });
  });
  afterAll(() => browser.close());

  const gateway = useGateway(embedded, { config: { seedSamples: true, sampleWorker: true } });
  /** The requested URLs; of `blob:` and `data:` URLs only the start. */
  const requests = new Set<string>();
  /** Warnings and errors of the console, including violations of the Content-Security-Policy. */
  const warnings: string[] = [];
  let page: Page;

  beforeAll(async () => {
    // High enough for Monaco, which renders only visible lines.
    page = await browser.newPage({ viewport: { width: 1400, height: 1600 } });
    await page.route(
      (url) => url.protocol !== 'blob:' && url.origin !== gateway.origin,
      (route) => route.abort('internetdisconnected'),
    );
    page.on('request', (request) => {
      requests.add(request.url().replace(/^(data:|blob:\w+:\/\/[^/]+).*/s, '$1'));
    });
    page.on('console', (message) => {
      if (['warning', 'error'].includes(message.type())) warnings.push(message.text());
    });
    page.on('pageerror', (error) => warnings.push(error.message));
    const introspection = page.waitForResponse(isResponseTo('IntrospectionQuery'));
    await page.goto(`${gateway.origin}/graphql`);
    await (await introspection).finished();
    await page.locator(queryLines).first().waitFor();
  });

  const isResponseTo = (words: string) => (response: Response) =>
    response.request().postData()?.includes(words) === true;

  /** Returns the response to the query that an action sends, once the page shows it. */
  async function responseAfter(action: () => Promise<void>): Promise<unknown> {
    const response = page.waitForResponse(isResponseTo('query'));
    await action();
    const body: unknown = await (await response).json();
    await page
      .locator(responseLines, { hasText: /"(data|errors)"/ })
      .first()
      .waitFor();
    return body;
  }

  it('opens with the examples', async () => {
    const titles = await page.getByRole('tab').allInnerTexts();
    expect(titles).toEqual(
      ['OneExport', 'NewestExports', 'FilteredExports'].concat('MovingExports', 'FollowedExport'),
    );
  });

  it('runs the first example unchanged and shows its data, whose links download', async () => {
    const body = await responseAfter(() => page.locator('.graphiql-execute-button').click());
    const { data } = body as { data: { export: { jsonUrl: string; csvUrl: string } } };
    const { jsonUrl, csvUrl } = data.export;
    expect((await shownResponse(page)).replace(/\s/g, '')).toContain(`"csvUrl":"${csvUrl}"`);
    expect((await fetch(csvUrl)).headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(await (await fetch(jsonUrl)).json()).toHaveProperty('0');
  });

  it.each([
    ['NewestExports', ['data.2.csvUrl']],
    ['FilteredExports', ['data.0.name', 'pagination.endCursor', 'pagination.totalCount']],
  ])('runs the example %s unchanged', async (title, paths) => {
    await openTab(page, title);
    const body = await responseAfter(async () => {
      await page.locator(queryLines).first().click();
      await page.keyboard.press('Control+Enter');
    });
    expect(body).not.toHaveProperty('errors');
    for (const path of paths) {
      expect(body).toHaveProperty(`data.exports.${path}`, expect.anything());
    }
  });

  it('shows the samples moving, by a subscription', async () => {
    await openTab(page, 'MovingExports');
    const states = await statesSeenIn(page, 4);
    expect(states.filter((state) => state.includes('"errors"'))).toEqual([]);
  });

  describe('of a gateway that requires API keys', () => {
    const guarded = useGateway(embedded, {
      config: keysRequired,
      keys: [apiKeyRow(keyNamed('page'), 'org_demo')],
      exports: [exportRow(0, { status: ExportStatus.PROCESSING, countProcessed: 0 })],
    });

    it('follows an export with the key that is typed into the page', async () => {
      const guardedPage = await browser.newPage({ viewport: { width: 1400, height: 1600 } });
      await guardedPage.goto(`${guarded.origin}/graphql`);
      await openTab(guardedPage, 'FollowedExport');
      const type = async (tool: string, value: object) => {
        await guardedPage.getByRole('button', { name: tool, exact: true }).click();
        await guardedPage.locator('.graphiql-editor-tool .view-lines:visible').click();
        await guardedPage.keyboard.press('Control+A');
        // The editor closes the last quote and brace itself.
        await guardedPage.keyboard.insertText(JSON.stringify(value).slice(0, -2));
      };
      await type('Variables', { id: exportId(0) });
      await type('Headers', { 'X-API-Key': keyNamed('page') });
      const states = await statesSeenIn(guardedPage, 3, (seen) =>
        guarded.source.query('UPDATE exports SET count_processed = ?, updated_at = ?', [
          seen,
          toSqlDateTime(new Date()),
        ]),
      );
      expect(states.map((state) => /"progress":([\d.]+)/.exec(state)?.[1])).toEqual([
        '0',
        '0.1',
        '0.2',
      ]);
      await guardedPage.close();
    });
  });

  it('suggests fields of the schema', async () => {
    await page.getByRole('button', { name: 'New tab' }).click();
    await page.locator('.graphiql-query-editor .view-lines').click();
    await page.keyboard.type('query Q { exports { ');
    await page.keyboard.press('Control+Space');
    const suggestions = page.locator('.suggest-widget.visible .monaco-list-row .label-name');
    await suggestions.first().waitFor();
    const labels = await suggestions.allInnerTexts();
    expect(labels).toEqual(expect.arrayContaining(['data', 'pagination']));
  });

  it('sends requests to the gateway alone, and respects its Content-Security-Policy', () => {
    const own = [`${gateway.origin}/graphql`, `blob:${gateway.origin}`];
    expect([...requests].filter((url) => !own.includes(url))).toEqual([]);
    expect(requests).toContain(own[0]);
    expect(warnings).toEqual([]);
  });
});

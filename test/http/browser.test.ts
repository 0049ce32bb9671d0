import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chromium, type Browser, type Page, type Response } from 'playwright-core';

import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';

/** Without a sandbox (tests may run as root), traffic of its own, or a network. */
const args = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

describeWith('chromium', 'GraphiQL in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    const executablePath = process.env['TEST_CHROMIUM'] ?? '';
    browser = await chromium.launch({ executablePath, args });
  });
  afterAll(() => browser.close());

  const gateway = useGateway(embedded, { config: { seedSamples: true } });
  const queryLines = '.graphiql-query-editor .view-line';
  const responseLines = '.graphiql-response .view-line';
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
    expect(titles).toEqual(['OneExport', 'NewestExports', 'FilteredExports']);
  });

  it('runs the first example unchanged and shows its data, whose links download', async () => {
    const body = await responseAfter(() => page.locator('.graphiql-execute-button').click());
    const { data } = body as { data: { export: { jsonUrl: string; csvUrl: string } } };
    const { jsonUrl, csvUrl } = data.export;
    // Monaco wraps long lines, and keeps them in any order.
    const shown = await page.evaluate<string>(
      `[...document.querySelectorAll('${responseLines}')]
          .sort((a, b) => a.offsetTop - b.offsetTop).map((line) => line.textContent).join('')`,
    );
    expect(shown.replace(/\s/g, '')).toContain(`"csvUrl":"${csvUrl}"`);
    expect((await fetch(csvUrl)).headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(await (await fetch(jsonUrl)).json()).toHaveProperty('0');
  });

  it.each([
    ['NewestExports', ['data.2.csvUrl']],
    ['FilteredExports', ['data.0.name', 'pagination.endCursor', 'pagination.totalCount']],
  ])('runs the example %s unchanged', async (title, paths) => {
    await page.getByRole('tab', { name: title }).click();
    await page.getByRole('tab', { name: title, selected: true }).waitFor();
    // The editor follows the tab later; until then a key press applies to the previous document.
    await page.locator(queryLines, { hasText: title }).first().waitFor();
    await page.locator('.graphiql-execute-button[aria-label^="Execute"]').waitFor();
    const body = await responseAfter(async () => {
      await page.locator(queryLines).first().click();
      await page.keyboard.press('Control+Enter');
    });
    expect(body).not.toHaveProperty('errors');
    for (const path of paths) {
      expect(body).toHaveProperty(`data.exports.${path}`, expect.anything());
    }
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

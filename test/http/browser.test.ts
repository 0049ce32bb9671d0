import { beforeAll, expect, it } from '@jest/globals';
import type { Page, Response } from 'playwright-core';

import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { collectWarnings, useBrowser } from '../support/use-browser.js';
import {
  openTab,
  pressControlEnter,
  queryLines,
  responseLines,
  runsIn,
  shownResponse,
  statesSeenIn,
  viewport,
} from './graphiql-browser.js';

interface Example {
  readonly jsonUrl: string;
  readonly csvUrl: string;
  readonly files: readonly {
    readonly preview: { readonly columns: readonly string[]; readonly rows: readonly unknown[] };
  }[];
}

describeWith('chromium', 'GraphiQL in a browser', () => {
  const browser = useBrowser();
  const gateway = useGateway(embedded, { config: { seedSamples: true, sampleWorker: true } });
  /** The requested URLs; of `blob:` and `data:` URLs only the start. */
  const requests = new Set<string>();
  let warnings: readonly string[];
  let page: Page;

  beforeAll(async () => {
    page = await browser.newPage({ viewport });
    warnings = collectWarnings(page);
    await page.route(
      (url) => url.protocol !== 'blob:' && url.origin !== gateway.origin,
      (route) => route.abort('internetdisconnected'),
    );
    page.on('request', (request) => {
      requests.add(request.url().replace(/^(data:|blob:\w+:\/\/[^/]+).*/s, '$1'));
    });
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
    const { jsonUrl, csvUrl, files } = (body as { data: { export: Example } }).data.export;
    const shown = (await shownResponse(page)).replace(/\s/g, '');
    expect(shown).toContain(`"csvUrl":"${csvUrl}"`);
    expect(shown).toContain(`"columns":["${files[0]?.preview.columns[0]}",`);
    expect(files[1]?.preview.rows).toHaveLength(2);
    expect((await fetch(csvUrl)).headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(await (await fetch(jsonUrl)).json()).toHaveProperty('0');
  });

  it.each([
    ['NewestExports', ['edges.2.node.csvUrl', 'pageInfo.endCursor', 'pageInfo.startCursor']],
    ['FilteredExports', ['data.0.name', 'pagination.totalCount', 'facets.statuses.4.count']],
  ])('runs the example %s unchanged', async (title, paths) => {
    await openTab(page, title);
    const body = await responseAfter(() => pressControlEnter(page));
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

  it('lists the runs, newest first', async () => {
    expect(await runsIn(page)).toEqual([
      'MovingExports',
      'FilteredExports',
      'NewestExports',
      'OneExport',
    ]);
  });

  it('has no form for a key, and no place where a key would get into localStorage', async () => {
    expect(await page.locator('form, input[autocomplete="off"]').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Headers', exact: true }).count()).toBe(0);
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

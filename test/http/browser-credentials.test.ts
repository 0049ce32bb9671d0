import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';

import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { ExportStatus } from '../../src/exports/export.js';
import { apiKeyRow, keyNamed, signToken, tokensAccepted } from '../auth/credentials.js';
import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';
import { collectWarnings, useBrowser } from '../support/use-browser.js';
import {
  openTab,
  pressControlEnter,
  queryLines,
  responseLines,
  runsIn,
  statesSeenIn,
  viewport,
} from './graphiql-browser.js';

const key = keyNamed('page');

describeWith('chromium', 'GraphiQL of a gateway that requires credentials', () => {
  const browser = useBrowser();
  const gateway = useGateway(embedded, {
    config: tokensAccepted(),
    keys: [apiKeyRow(key, 'org_demo')],
    exports: [
      exportRow(0, { status: ExportStatus.PROCESSING, countProcessed: 0 }),
      exportRow(1, { organizationId: 'org_demo' }),
    ],
  });

  let context: BrowserContext;
  let page: Page;
  let warnings: readonly string[];
  beforeEach(async () => {
    context = await browser.newContext({ viewport });
    page = await context.newPage();
    warnings = collectWarnings(page);
  });
  afterEach(() => context.close());

  async function open(path = '/graphql'): Promise<void> {
    await page.goto(gateway.origin + path);
    await page.locator(queryLines).first().waitFor();
  }

  async function enter(credentials: string): Promise<void> {
    await page.getByLabel('API key or token').fill(credentials);
    await page.getByRole('button', { name: 'Use' }).click();
  }

  const notice = (text: RegExp) => page.locator('output').filter({ hasText: text }).waitFor();
  const openDocs = () => page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  const docsLoad = () => page.getByRole('link', { name: 'ExportConnection' }).first().waitFor();

  async function runUntilShown(text: string): Promise<void> {
    await pressControlEnter(page);
    await page.locator(responseLines, { hasText: text }).first().waitFor();
  }

  it('says 401 until a valid key is entered, and then loads the Docs', async () => {
    await open();
    await notice(/^401: enter an API key or a token/);
    await openDocs();
    const error = page.locator('.graphiql-doc-explorer-error');
    const advice = 'Error fetching schema: 401. Enter an API key or a token above.';
    expect(await error.ariaSnapshot()).toBe(`- text: "${advice}"`);
    await enter('egk_wrong');
    await notice(/^401: the gateway does not accept this API key\.$/);
    await enter(`  ${key} `);
    await notice(/^All tabs send it as X-API-Key\. /);
    await docsLoad();
    expect(await error.count()).toBe(0);
    const refused = 'Failed to load resource: the server responded with a status of 401';
    expect(warnings.filter((text) => !text.startsWith(refused))).toEqual([]);
  });

  it('sends a token as a bearer token, also one that is pasted with "Bearer "', async () => {
    const token = await signToken({ org_id: 'org_demo' });
    await open();
    await openDocs();
    for (const prefix of ['', 'Bearer ']) {
      await enter(prefix + token);
      await notice(/^All tabs send it as a bearer token\. /);
      await docsLoad();
      await enter(prefix + token.slice(0, -1));
      await notice(/^401: the gateway does not accept this token\.$/);
    }
  });

  it.each(['/graphql', '/exports-api/graphql'])(
    'uses the key in queries and subscriptions of all tabs, and keeps it in this browser tab, at %s',
    async (path) => {
      // What a proxy does that serves the gateway below a path.
      await page.route(`${gateway.origin}/exports-api/**`, (route) =>
        route.continue({ url: route.request().url().replace('/exports-api', '') }),
      );
      await open(path);
      await enter(key);
      await runUntilShown(exportId(1));
      await page.reload();
      await openDocs();
      await docsLoad();
      await openTab(page, 'FollowedExport');
      await page.locator('.graphiql-editor-tool .view-lines:visible').click();
      await page.keyboard.press('Control+A');
      // The editor closes the last quote and brace itself.
      await page.keyboard.insertText(JSON.stringify({ id: exportId(0) }).slice(0, -2));
      const states = await statesSeenIn(page, 3, (seen) =>
        gateway.source.query('UPDATE exports SET count_processed = ?, updated_at = ?', [
          seen,
          toSqlDateTime(new Date()),
        ]),
      );
      expect(states.map((state) => /"progress":([\d.]+)/.exec(state)?.[1]).slice(1)).toEqual([
        '0.1',
        '0.2',
      ]);

      expect(await runsIn(page)).toEqual(['FollowedExport', 'NewestExports']);
      expect(await page.evaluate('JSON.stringify(sessionStorage)')).toContain(key);
      expect(await page.evaluate('JSON.stringify(localStorage)')).toContain('FollowedExport');
      expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(key);
      expect(page.url()).toBe(gateway.origin + path);

      const other = await context.newPage();
      await other.goto(`${gateway.origin}/graphql`);
      expect(await other.getByLabel('API key or token').inputValue()).toBe('');
    },
  );
});

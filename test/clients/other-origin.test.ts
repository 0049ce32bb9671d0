import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { signToken, tokensAccepted } from '../auth/credentials.js';
import { useDocumentedCode } from '../docs/documented-code.js';
import { readPages, tableRowsOf } from '../docs/markdown.js';
import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { useBrowser } from '../support/use-browser.js';
import { bundle, serveEmptyPage } from './front-end-page.js';

const token = await signToken({ org_id: 'org_demo', scope: 'files' });
const noFiles = await signToken({ org_id: 'org_demo' });
const [listed, unlisted] = [await serveEmptyPage(), await serveEmptyPage()];
afterAll(() => {
  listed.close();
  unlisted.close();
});

const gateway = useGateway(embedded, {
  config: { ...tokensAccepted({ JWT_FILES_SCOPE: 'files' }), corsOrigins: [listed.origin] },
  exports: [exportRow(0), exportRow(1)],
  files: [fileRow(0, ExportFileKind.CSV)],
});

const query = '{ __typename }';
const data = '200 {"data":{"__typename":"Query"}}\n';
const authorization = `Bearer ${token}`;
/** What a page calls, by the documented name. `mended` has what the row recommends beside `CORS_ORIGINS`. */
const calls: Record<string, (page: Page, mended?: boolean) => Promise<string>> = {
  'Any request': (page) =>
    fetchIn(page, '/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ query }),
    }),
  'A WebSocket': (page) =>
    page.evaluate(`new Promise((resolve) => {
      const socket = new WebSocket('${gateway.origin.replace('http', 'ws')}/graphql', 'graphql-transport-ws');
      socket.onopen = () => resolve('open');
      socket.onclose = ({ code }) => resolve('Close code ' + code);
    })`),
  'A query by GET': (page, mended = false) =>
    fetchIn(page, `/graphql?${new URLSearchParams({ query }).toString()}`, {
      headers: { authorization, ...(mended && { 'apollo-require-preflight': 'true' }) },
    }),
};

/** The status and text of a response, or the error of `fetch`. */
function fetchIn(page: Page, path: string, init: RequestInit): Promise<string> {
  const args = JSON.stringify([gateway.origin + path, init]).slice(1, -1);
  return page.evaluate(`fetch(${args}).then(
    async (response) => response.status + ' ' + (await response.text()), String)`);
}

const rows = tableRowsOf((await readPages()).get('docs/front-ends.md') ?? '')
  .filter(([call = '']) => call in calls)
  .map(([call = '', ...cells]) => {
    const [gets = '', says = '', mendedBy = ''] = cells.map((cell) => cell.replaceAll('`', ''));
    return { call, gets, says, mendedBy };
  });

describeWith('chromium', 'a page of another origin', () => {
  const browser = useBrowser();
  const opened: { page?: Page } = {};
  let said: string[];

  async function open(origin: string): Promise<Page> {
    const page = (opened.page = await browser.newPage());
    said = [];
    page.on('console', (message) => said.push(message.text()));
    await page.goto(origin);
    return page;
  }
  afterEach(() => opened.page?.close());

  it('can make every documented call', () => {
    expect(rows.map(({ call }) => call)).toEqual(Object.keys(calls));
  });

  it.each(rows)('gets $gets for $call until it is mended by $mendedBy', async (row) => {
    const { call, gets, says, mendedBy } = row;
    const run = calls[call];
    const isOfOrigin = mendedBy === 'CORS_ORIGINS';
    const page = await open(isOfOrigin ? unlisted.origin : listed.origin);
    expect(await run?.(page)).toContain(gets);
    expect(said.join('\n')).toContain(says);
    const origins = gateway.log.filter(({ msg }) => String(msg).includes('CORS_ORIGINS'));
    if (isOfOrigin) expect(origins).toMatchObject([{ level: 40, origin: unlisted.origin }]);
    await page.close();
    expect(await run?.(await open(listed.origin), true)).toMatch(
      call === 'A WebSocket' ? /^open$/ : data,
    );
    expect(said).toEqual([]);
  });

  describe('with the documented downloads', () => {
    const documented = useDocumentedCode();
    let script: string;
    beforeAll(async () => {
      const folder = await documented.write(gateway.origin);
      const click = `
        import { download } from './download';
        import * as apollo from './live-apollo';
        import * as urql from './live-urql';
        const clients = {
          apollo: (token) => apollo.createClient(async () => token),
          urql: (token) => urql.createClient(() => token),
        };
        window.click = async (name, token, id) => {
          const client = clients[name](token);
          const csvLink = { apollo, urql }[name].csvLink;
          return await download(() => csvLink(client, id));
        };`;
      await writeFile(join(folder, 'click.ts'), click);
      script = await bundle(folder, 'click.ts');
      await gateway.store(fileRow(0, ExportFileKind.CSV).objectKey, 'id\n1\n');
    });

    describe.each(['apollo', 'urql'])('by %s', (client) => {
      let page: Page;
      beforeEach(async () => {
        page = await open(listed.origin);
        await page.addScriptTag({ type: 'module', content: script });
        await page.waitForFunction('window.click !== undefined');
      });
      const click = (index: number, credentials = token) =>
        page.evaluate<string | null>(
          `window.click('${client}', '${credentials}', '${exportId(index)}').then((text) => text ?? null)`,
        );

      it('downloads by a new link at each click, and stays', async () => {
        const before = await gateway.linksSigned();
        for (const signed of [1, 2]) {
          const downloaded = page.waitForEvent('download');
          expect(await click(0)).toBeNull();
          expect((await downloaded).suggestedFilename()).toBe('Export 0.csv');
          expect((await gateway.linksSigned()) - before).toBe(signed);
        }
        expect(page.url()).toBe(`${listed.origin}/`);
      });

      it('shows why there is no download', async () => {
        expect(await click(1)).toBe('This file does not exist, or no longer.');
        expect(await click(0, noFiles)).toBe('You may not download files.');
        await page.context().setOffline(true);
        expect(await click(0)).toBe('Please try again.');
      });
    });
  });
});

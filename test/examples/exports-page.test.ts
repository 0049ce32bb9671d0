import 'reflect-metadata';

import { readFile } from 'node:fs/promises';

import { afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';

import { RESOURCES, STATUSES } from '../../examples/exports-page/src/labels.js';
import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportResource, ExportStatus, knownResources } from '../../src/exports/export.js';
import { describeWith } from '../support/describe-with.js';
import { post } from '../support/post.js';
import { exportId, exportRow, exportRows, fileRow, insertRows } from '../support/rows.js';
import { until } from '../support/until.js';
import { useBrowser } from '../support/use-browser.js';
import { issueToken, USER, useExportsPage } from './use-exports-page.js';

const { COMPLETED, FAILED, PROCESSING, QUEUED, TIMED_OUT } = ExportStatus;
const statuses = [COMPLETED, COMPLETED, FAILED, QUEUED, TIMED_OUT];
const EXPORTS = 57;
/** The newest completed export, and the only one with files. */
const NEWEST = 55;
const csv = 'city,population\n"Paris, Texas",24171\nOslo,709037\n';
const csvFile = fileRow(NEWEST, ExportFileKind.CSV, { sizeBytes: csv.length, rowCount: 2 });

/** Every sixth export is the user's, every tenth has expired. Pairs have the same time. */
const exports = exportRows(EXPORTS, (index) => {
  const createdAt = new Date(Date.UTC(2026, 9, 1 + (index >> 1), 12));
  const status = statuses[index % statuses.length] ?? COMPLETED;
  return {
    createdAt,
    updatedAt: createdAt,
    status,
    resource: knownResources[index % knownResources.length] ?? ExportResource.OTHER,
    requestedBy: index % 6 === 0 ? USER : 'bob@example.com',
    expiresAt: index % 10 === 0 ? createdAt : null,
    countProcessed: status === QUEUED ? 0 : 10,
    ...(status === FAILED && { failureCode: 'CARRIER_DOWN', failureReason: 'No response.' }),
    ...(status === TIMED_OUT && { failureCode: null, failureReason: 'It took 30 minutes.' }),
  };
});

describeWith('chromium', 'the exports page', () => {
  const browser = useBrowser();
  const example = useExportsPage(
    { exports, files: [csvFile] },
    new Map([[csvFile.objectKey, csv]]),
  );

  const problems: string[] = [];
  let page: Page;
  beforeAll(async () => {
    page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
    page.on('pageerror', ({ message }) => problems.push(message));
  });
  afterEach(() => {
    expect(problems.splice(0)).toEqual([]);
  });

  const open = (search = '') => page.goto(`${example.origin}/${search}`);
  const shownNames = () =>
    page.getByRole('table', { name: 'Exports' }).getByRole('rowheader').allInnerTexts();
  const rowOf = (index: number) =>
    page.getByRole('row', { name: new RegExp(`^Export ${index}\\b`) });

  /** Waits until `look` returns the expected value; the failure shows the last one. */
  async function expectSoon<Value>(look: () => Promise<Value>, expected: Value): Promise<void> {
    const isExpected = async () =>
      JSON.stringify(await look()) === JSON.stringify(expected) ? true : undefined;
    await until(isExpected).catch(async () => {
      expect(await look()).toEqual(expected);
    });
  }

  /** The names in the order of the page, for a condition of SQL. */
  async function namesWhere(condition = '1 = 1'): Promise<string[]> {
    const rows = await example.source.query<{ name: string }[]>(
      `SELECT name FROM exports WHERE ${condition} ORDER BY created_at DESC, id DESC`,
    );
    return rows.map(({ name }) => name);
  }

  it('shows every export once by scrolling', async () => {
    await open();
    await page
      .getByRole('status')
      .filter({ hasText: `${EXPORTS} exports` })
      .waitFor();
    await expectSoon(
      async () => {
        await page.keyboard.press('End');
        return shownNames();
      },
      await namesWhere(),
    );
    expect(await page.getByRole('button', { name: 'Load more' }).count()).toBe(0);
  });

  it('shows every export once on numbered pages, of which each has a URL', async () => {
    const names = await namesWhere();
    await open();
    await page.getByRole('switch', { name: 'Numbered pages' }).click();
    for (const number of [1, 2, 3]) {
      await page.getByRole('link', { name: `Page ${number}` }).click();
      await expectSoon(shownNames, names.slice((number - 1) * 20, number * 20));
    }
    await page.goBack();
    await expectSoon(shownNames, names.slice(20, 40));
    await page.reload();
    await expectSoon(shownNames, names.slice(20, 40));
  });

  const check = (name: string) => page.getByRole('checkbox', { name }).click();

  it.each<{
    title: string;
    act: () => Promise<unknown>;
    status?: string;
    resource?: string;
    others?: string;
  }>([
    { title: 'a status', act: () => check('Failed'), status: `status = 'failed'` },
    {
      title: 'resources and statuses',
      async act() {
        for (const name of ['Contacts', 'Trackers', 'Queued', 'Timed out']) await check(name);
      },
      status: `status IN ('queued', 'timed_out')`,
      resource: `resource IN ('contact', 'tracker')`,
    },
    {
      title: 'a part of the name',
      act: () => page.getByRole('searchbox', { name: 'Name contains' }).fill('ort 1'),
      others: `name LIKE '%Export 1%'`,
    },
    {
      title: 'days',
      async act() {
        await page.getByLabel('From').fill('2026-10-03');
        await page.getByLabel('To').fill('2026-10-20');
      },
      others: `created_at >= '2026-10-03' AND created_at < '2026-10-21'`,
    },
    {
      title: 'the user',
      act: () => check('Only my exports'),
      others: `requested_by = '${USER}'`,
    },
    { title: 'nothing', act: async () => {} },
  ])('filters by $title, with counts beside each checkbox', async ({ act, ...where }) => {
    const { status = '1 = 1', resource = '1 = 1', others = '1 = 1' } = where;
    await open();
    await act();
    const names = await namesWhere(`${status} AND ${resource} AND ${others}`);
    await expectSoon(shownNames, names.slice(0, 20));
    await page
      .getByRole('status')
      .filter({ hasText: `${names.length} exports` })
      .waitFor();

    const counted = (column: string, condition: string) =>
      example.source.query<{ value: string; count: number }[]>(
        `SELECT ${column} AS value, COUNT(*) AS count FROM exports WHERE ${condition} GROUP BY 1`,
      );
    const expected = Object.fromEntries(
      Object.values({ ...STATUSES, ...RESOURCES }).map((label) => [label, '0']),
    );
    for (const { value, count } of await counted('status', `${resource} AND ${others}`))
      expected[STATUSES[value.toUpperCase() as 'FAILED']] = String(count);
    for (const { value, count } of await counted('resource', `${status} AND ${others}`))
      expected[RESOURCES[value.toUpperCase() as 'GROUP']] = String(count);
    await expectSoon(
      async () => {
        const shown = await page.locator('fieldset label:has(output)').allInnerTexts();
        return shown.map((text) => text.trim().replace(/\s*\n\s*/, ' '));
      },
      Object.entries(expected).map((entry) => entry.join(' ')),
    );
  });

  it('says when no export matches', async () => {
    await open('?search=nothing');
    await page.getByRole('status').filter({ hasText: 'No exports match.' }).waitFor();
  });

  it.each([
    ['Failed', `status = 'failed'`, 'Failed\nCARRIER_DOWN\nNo response.'],
    ['Timed out', `status = 'timed_out'`, 'Timed out\nIt took 30 minutes.'],
    ['Expired', 'expires_at IS NOT NULL', /^Expired\nFiles kept until Oct/],
    ['Mine', `requested_by = '${USER}'`, /./],
  ])('has a view of those that are %s, with the reason', async (view, condition, text) => {
    await open();
    await page.getByRole('link', { name: view, exact: true }).click();
    await expectSoon(shownNames, (await namesWhere(condition)).slice(0, 20));
    const cells = await page.locator('td:has(.status)').allInnerTexts();
    for (const cell of cells) expect(cell).toEqual(expect.stringMatching(text));
  });

  const change = (index: number, values: Record<string, unknown>) => {
    const all = Object.entries({ updated_at: toSqlDateTime(new Date()), ...values });
    const assignments = all.map(([column]) => `${column} = ?`).join(', ');
    return example.source.query<unknown>(`UPDATE exports SET ${assignments} WHERE id = ?`, [
      ...all.map(([, value]) => value),
      exportId(index),
    ]);
  };

  it('shows new exports, progress, and what leaves the filter, as they happen', async () => {
    await open('?status=QUEUED&status=PROCESSING');
    const queued = await namesWhere(`status = 'queued'`);
    await expectSoon(shownNames, queued);

    const created = new Date();
    const row = { status: QUEUED, countProcessed: 0, createdAt: created, updatedAt: created };
    await insertRows(example.source, { exports: [exportRow(EXPORTS, row)] });
    await expectSoon(shownNames, [`Export ${EXPORTS}`, ...queued]);
    await page
      .getByRole('status')
      .filter({ hasText: `${queued.length + 1} exports` })
      .waitFor();

    await change(EXPORTS, { status: PROCESSING, count_processed: 4 });
    await rowOf(EXPORTS).getByText('40 %').waitFor();
    const progress = page.getByRole('progressbar', { name: `Progress of Export ${EXPORTS}` });
    expect(await progress.getAttribute('value')).toBe('0.4');

    await change(EXPORTS, { status: COMPLETED, count_processed: 10 });
    await expectSoon(shownNames, queued);
    await page
      .getByRole('status')
      .filter({ hasText: `${queued.length} exports` })
      .waitFor();
  });

  it('previews a file in a panel that the keyboard opens and closes', async () => {
    await open();
    const button = page.getByRole('button', { name: `Export ${NEWEST}`, exact: true });
    await button.press('Enter');
    const panel = page.getByRole('dialog', { name: `Export ${NEWEST}` });
    const preview = panel.getByRole('region', { name: 'Preview of CSV' });
    await preview.waitFor();
    expect(await preview.getByRole('columnheader').allInnerTexts()).toEqual(['city', 'population']);
    expect(await preview.getByRole('cell').allInnerTexts()).toEqual(
      ['Paris, Texas', '24171'].concat('Oslo', '709037'),
    );
    await panel.getByText('This file is not produced.').first().waitFor();
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    await page.locator(':focus', { hasText: `Export ${NEWEST}` }).waitFor();
  });

  it('downloads by a new link at each click', async () => {
    await open();
    const button = rowOf(NEWEST).getByRole('button', { name: 'CSV' });
    const urls: string[] = [];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
      expect(download.suggestedFilename()).toBe(csvFile.fileName);
      expect(await readFile(await download.path(), 'utf8')).toBe(csv);
      const url = download.url();
      urls.push(url);
      await until(async () => ((await fetch(url)).status === 410 ? true : undefined));
    }
    expect(new Set(urls).size).toBe(2);
  });

  it('renews a token that the gateway rejects, also for live updates', async () => {
    const tokens = [issueToken('-1m')];
    example.token = () => tokens.pop() ?? issueToken();
    await open();
    await expectSoon(shownNames, (await namesWhere()).slice(0, 20));
    await change(NEWEST, { name: 'Renamed' });
    await page.getByRole('rowheader', { name: 'Renamed' }).waitFor();
    await change(NEWEST, { name: `Export ${NEWEST}` });
  });

  it('asks for a token when its own server has none', async () => {
    example.token = () => Promise.resolve(null);
    await open();
    await page.getByLabel('Access token').fill(await issueToken());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expectSoon(shownNames, (await namesWhere()).slice(0, 20));
    example.token = () => issueToken();
  });

  it('says when it tries again, and recovers when the gateway has restarted', async () => {
    await open();
    await page
      .getByRole('status')
      .filter({ hasText: /^Live$/ })
      .waitFor();
    example.gateway.kill('SIGTERM');
    expect(await example.gateway.ended).toBe(0);
    await page.getByRole('status').filter({ hasText: 'interrupted' }).waitFor();
    await check('Failed');
    await page.getByRole('alert').filter({ hasText: 'Trying again in' }).waitFor();
    await change(NEWEST - 3, { name: 'Changed meanwhile' });

    await example.startGateway();
    const failed = await namesWhere(`status = 'failed'`);
    await expectSoon(shownNames, failed);
    await page
      .getByRole('status')
      .filter({ hasText: /^Live$/ })
      .waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('says when it tries again after the budget of its organization is spent', async () => {
    example.gateway.kill('SIGKILL');
    await example.gateway.ended;
    await example.startGateway({ COST_PER_SECOND: '1000' });
    await open();
    await expectSoon(shownNames, (await namesWhere()).slice(0, 20));
    const headers = { authorization: `Bearer ${await issueToken()}` };
    for (const filter of ['{ search: "a" }', '{}']) {
      const query = `{ exports(filter: ${filter}, first: 1) { data { id } } }`;
      const spend = () => post(`${example.gatewayOrigin}/graphql`, { query }, { headers });
      await until(async () => ((await spend()).status === 429 ? true : undefined));
    }
    await check('Failed');
    await page.getByRole('alert').filter({ hasText: 'Trying again in' }).waitFor();
    await expectSoon(shownNames, await namesWhere(`status = 'failed'`));
  });
});

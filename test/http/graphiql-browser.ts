import type { Page, Response } from 'playwright-core';

/** Chromium without a sandbox (the tests may run as root) and without traffic of its own. */
export const chromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** High enough for Monaco, which renders only the lines in view. */
export const viewport = { width: 1400, height: 1600 };

/** What a page has done since `openGraphiql`; both lists go on growing. */
export interface PageRecord {
  /** Every URL that was asked for, once; `blob:` and `data:` ones without their contents. */
  requests: Set<string>;
  /** Warnings and errors of the console, violations of the Content-Security-Policy among them. */
  complaints: string[];
}

/** Opens GraphiQL and waits until it can be used: the editor is there and the schema is known. */
export async function openGraphiql(page: Page, url: string): Promise<PageRecord> {
  const record: PageRecord = { requests: new Set(), complaints: [] };
  page.on('request', (request) => {
    record.requests.add(request.url().replace(/^(data:|blob:\w+:\/\/[^/]+).*/s, '$1'));
  });
  page.on('console', (message) => {
    if (['warning', 'error'].includes(message.type())) record.complaints.push(message.text());
  });
  page.on('pageerror', (error) => record.complaints.push(error.message));

  const introspection = page.waitForResponse(isAnswerTo('IntrospectionQuery'));
  await page.goto(url);
  await (await introspection).finished();
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  return record;
}

/** The names of the operations in the tabs, from left to right. */
export function tabTitles(page: Page): Promise<string[]> {
  return page.getByRole('tab').allInnerTexts();
}

export async function openTab(page: Page, title: string): Promise<void> {
  await page.getByRole('tab', { name: title }).click();
  await page.getByRole('tab', { name: title, selected: true }).waitFor();
  // The editor follows the tab a moment later, and takes a key for the document it had; and while a query runs, it stops it.
  await page.locator('.graphiql-query-editor .view-line', { hasText: title }).first().waitFor();
  await page.locator('.graphiql-execute-button[aria-label^="Execute"]').waitFor();
}

/** Presses the play button; gives the answer as it came over the wire, once the page shows it. */
export async function runQuery(page: Page): Promise<{ status: number; body: unknown }> {
  return answerTo(page, () => page.locator('.graphiql-execute-button').click());
}

/** As `runQuery`, by Ctrl-Enter in the editor. */
export async function runQueryByKeyboard(page: Page): Promise<{ status: number; body: unknown }> {
  return answerTo(page, async () => {
    await page.locator('.graphiql-query-editor .view-line').first().click();
    await page.keyboard.press('Control+Enter');
  });
}

async function answerTo(
  page: Page,
  ask: () => Promise<void>,
): Promise<{ status: number; body: unknown }> {
  const response = page.waitForResponse(isAnswerTo());
  await ask();
  const received = await response;
  const body: unknown = await received.json();
  await page
    .locator('.graphiql-response .view-line', { hasText: /"(data|errors)"/ })
    .first()
    .waitFor();
  return { status: received.status(), body };
}

function isAnswerTo(operation?: string): (response: Response) => boolean {
  return (response) => {
    const request = response.request();
    return (
      request.method() === 'POST' &&
      (operation === undefined || request.postData()?.includes(operation) === true)
    );
  };
}

/** What the reader sees as the answer: the lines in view, long ones broken as on the screen. */
export function responseText(page: Page): Promise<string> {
  return linesInView(page, '.graphiql-response');
}

export function queryText(page: Page): Promise<string> {
  return linesInView(page, '.graphiql-query-editor');
}

/** The variables come first, the headers second: both editors stay in the page. */
export function variablesText(page: Page): Promise<string> {
  return linesInView(page, '.graphiql-editor-tool .graphiql-editor >> nth=0');
}

export function headersText(page: Page): Promise<string> {
  return linesInView(page, '.graphiql-editor-tool .graphiql-editor >> nth=1');
}

/** Monaco keeps its lines in any order and places them by `top`; its spaces do not break. */
async function linesInView(page: Page, editor: string): Promise<string> {
  const lines = page.locator(editor).locator('.view-line');
  const placed = await Promise.all(
    (await lines.all()).map(async (line) => ({
      top: Number(/top:\s*([\d.]+)/.exec((await line.getAttribute('style')) ?? '')?.[1]),
      text: ((await line.textContent()) ?? '').replaceAll('\u00a0', ' '),
    })),
  );
  return placed
    .sort((a, b) => a.top - b.top)
    .map(({ text }) => text)
    .join('\n');
}

/** Writes a query into a new tab; gives what the editor suggests at its end, from the schema. */
export async function suggestionsAfter(page: Page, query: string): Promise<string[]> {
  await page.getByRole('button', { name: 'New tab' }).click();
  await page.locator('.graphiql-query-editor .view-lines').click();
  await page.keyboard.type(query);
  await page.keyboard.press('Control+Space');
  const suggestions = page.locator('.suggest-widget.visible .monaco-list-row');
  await suggestions.first().waitFor();
  const labels = await suggestions.locator('.label-name').allInnerTexts();
  await page.keyboard.press('Escape');
  return labels;
}

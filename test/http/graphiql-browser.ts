import type { Page, Response } from 'playwright-core';

/** Chromium without a sandbox (tests may run as root) and without traffic of its own. */
export const chromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** High enough for Monaco, which renders only visible lines. */
export const viewport = { width: 1400, height: 1600 };

/** What a page has done since `openGraphiql`; both grow. */
export interface PageRecord {
  /** The requested URLs; of `blob:` and `data:` URLs only the start. */
  readonly requests: Set<string>;
  /** Warnings and errors of the console, including violations of the Content-Security-Policy. */
  readonly warnings: string[];
}

const queryEditorLines = '.graphiql-query-editor .view-line';

/** Opens GraphiQL and waits for the editor and the schema. */
export async function openGraphiql(page: Page, url: string): Promise<PageRecord> {
  const record: PageRecord = { requests: new Set(), warnings: [] };
  page.on('request', (request) => {
    record.requests.add(request.url().replace(/^(data:|blob:\w+:\/\/[^/]+).*/s, '$1'));
  });
  page.on('console', (message) => {
    if (['warning', 'error'].includes(message.type())) record.warnings.push(message.text());
  });
  page.on('pageerror', (error) => record.warnings.push(error.message));

  const introspection = page.waitForResponse(isResponseTo('IntrospectionQuery'));
  await page.goto(url);
  await (await introspection).finished();
  await page.locator(queryEditorLines).first().waitFor();
  return record;
}

/** The names of the operations in the tabs, from left to right. */
export function tabTitles(page: Page): Promise<string[]> {
  return page.getByRole('tab').allInnerTexts();
}

export async function openTab(page: Page, title: string): Promise<void> {
  await page.getByRole('tab', { name: title }).click();
  await page.getByRole('tab', { name: title, selected: true }).waitFor();
  // The editor follows the tab later, and until then a key press applies to the previous document.
  await page.locator(queryEditorLines, { hasText: title }).first().waitFor();
  await page.locator('.graphiql-execute-button[aria-label^="Execute"]').waitFor();
}

/** Runs the query of the open tab by the button or by Ctrl-Enter, and waits until the page shows the response. */
export async function runQuery(
  page: Page,
  by: 'button' | 'keyboard',
): Promise<{ status: number; body: unknown }> {
  const response = page.waitForResponse(isResponseTo('query'));
  if (by === 'button') await page.locator('.graphiql-execute-button').click();
  else {
    await page.locator(queryEditorLines).first().click();
    await page.keyboard.press('Control+Enter');
  }
  const received = await response;
  const body: unknown = await received.json();
  const shown = { hasText: /"(data|errors)"/ };
  await page.locator('.graphiql-response .view-line', shown).first().waitFor();
  return { status: received.status(), body };
}

function isResponseTo(words: string): (response: Response) => boolean {
  return (response) => {
    const request = response.request();
    return request.method() === 'POST' && request.postData()?.includes(words) === true;
  };
}

/** The visible lines of the response. Monaco keeps them in any order, positions them by `top`, and uses non-breaking spaces. */
export async function responseText(page: Page): Promise<string> {
  const lines = await page.locator('.graphiql-response .view-line').all();
  const positioned = await Promise.all(
    lines.map(async (line) => ({
      top: Number(/top:\s*([\d.]+)/.exec((await line.getAttribute('style')) ?? '')?.[1]),
      text: ((await line.textContent()) ?? '').replaceAll('\u00a0', ' '),
    })),
  );
  positioned.sort((a, b) => a.top - b.top);
  return positioned.map(({ text }) => text).join('\n');
}

/** Types a query into a new tab and returns the suggestions at its end. */
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

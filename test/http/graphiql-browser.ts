import type { Page } from 'playwright-core';

import { until } from '../support/until.js';

/** High enough for Monaco, which renders only visible lines. */
export const viewport = { width: 1400, height: 1600 };

export const queryLines = '.graphiql-query-editor .view-line';
export const responseLines = '.graphiql-response .view-line';

export async function openTab(page: Page, title: string): Promise<void> {
  await page.getByRole('tab', { name: title }).click();
  await page.getByRole('tab', { name: title, selected: true }).waitFor();
  // The editor follows the tab later; until then a key press applies to the previous document.
  await page.locator(queryLines, { hasText: title }).first().waitFor();
  await page.locator('.graphiql-execute-button[aria-label^="Execute"]').waitFor();
}

/** What the page shows of a response. Monaco wraps long lines, and keeps them in any order. */
export const shownResponse = (page: Page) =>
  page.evaluate<string>(
    `[...document.querySelectorAll('${responseLines}')]
        .sort((a, b) => a.offsetTop - b.offsetTop).map((line) => line.textContent).join('')`,
  );

/**
 * Runs the operation of the open tab. GraphiQL parses the document a moment after the tab has changed, and until then
 * it may send nothing, so this presses the keys until a request is sent. A run that has begun would stop at a second
 * press.
 */
export async function pressControlEnter(page: Page): Promise<void> {
  const press = async () => {
    const sent = page.waitForRequest((request) => request.method() === 'POST', { timeout: 2_000 });
    await page.locator(queryLines).first().click();
    await page.keyboard.press('Control+Enter');
    return sent.catch(() => undefined);
  };
  await until(press, 30_000);
}

/** Runs the subscription of the open tab until the page has shown several states, then stops it. */
export async function statesSeenIn(
  page: Page,
  count: number,
  change: (seen: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<string[]> {
  const seen = new Set<string>();
  await pressControlEnter(page);
  await until(async () => {
    const text = (await shownResponse(page)).replace(/\s/g, '');
    if (text.includes('"progress":') && !seen.has(text)) await change(seen.add(text).size);
    return seen.size >= count ? true : undefined;
  }, 30_000);
  await page.locator('.graphiql-execute-button[aria-label^="Stop"]').click();
  return [...seen];
}

/** The operations in the history, newest first, each once: `pressControlEnter` may need several runs. */
export async function runsIn(page: Page): Promise<string[]> {
  await page.getByRole('button', { name: 'Show History' }).click();
  return [...new Set(await page.locator('.graphiql-history-item-label').allInnerTexts())];
}

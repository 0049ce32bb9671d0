import { afterAll, beforeAll } from '@jest/globals';
import { chromium, type Browser, type Page } from 'playwright-core';

/** Without a sandbox (tests may run as root), traffic of its own, or a network. */
const args = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/** Starts a browser before the tests of the enclosing `describe` and closes it after them. */
export function useBrowser(): Pick<Browser, 'newContext' | 'newPage'> {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: process.env['TEST_CHROMIUM'] ?? '', args });
  });
  afterAll(() => browser?.close());
  function started(): Browser {
    if (browser === undefined) throw new Error('The browser starts before the first test');
    return browser;
  }
  return {
    newContext: (options) => started().newContext(options),
    newPage: (options) => started().newPage(options),
  };
}

/** Collects warnings and errors, including violations of the Content-Security-Policy. */
export function collectWarnings(page: Page): string[] {
  const warnings: string[] = [];
  page.on('console', (message) => {
    if (['warning', 'error'].includes(message.type())) warnings.push(message.text());
  });
  page.on('pageerror', (error) => warnings.push(error.message));
  return warnings;
}

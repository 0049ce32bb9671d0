import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chromium } from 'playwright-core';
import { provideChromium } from './chromium.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chromium-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function writeProgram(name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('the browser of the test run', () => {
  it('renders a page', async () => {
    const browser = await chromium.launch({
      executablePath: process.env['TEST_CHROMIUM'] ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    try {
      const page = await browser.newPage();
      await page.setContent('<p>six</p><script>document.body.append(6 * 7)</script>');
      expect(await page.innerText('body')).toBe('six\n\n42');
    } finally {
      await browser.close();
    }
  });
});

describe('provideChromium', () => {
  it('says in one sentence what to provide when nothing is there', async () => {
    await expect(provideChromium({ env: {}, folders: [folder] })).rejects.toThrow(
      /^The tests need a browser: set TEST_CHROMIUM [^.]+\.$/,
    );
  });

  it('takes the browser of TEST_CHROMIUM before any other', async () => {
    const given = await writeProgram('given', 'exit 0');
    await writeProgram('chromium', 'exit 0');
    const env = { TEST_CHROMIUM: given };
    expect(await provideChromium({ env, folders: [folder] })).toBe(given);
  });

  it('refuses a TEST_CHROMIUM that does not exist', async () => {
    const env = { TEST_CHROMIUM: join(folder, 'nowhere') };
    await expect(provideChromium({ env, folders: [folder] })).rejects.toThrow(
      `TEST_CHROMIUM names no executable file: ${join(folder, 'nowhere')}`,
    );
  });

  it('passes by a chromium that only asks to be installed', async () => {
    await writeProgram('chromium', 'exit 1');
    const chrome = await writeProgram('google-chrome', 'echo Google Chrome 150');
    expect(await provideChromium({ env: {}, folders: [folder] })).toBe(chrome);
  });
});

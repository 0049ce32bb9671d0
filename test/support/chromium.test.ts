import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { provideChromium } from './chromium.js';
import { UnavailableError } from './requirements.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chromium-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function writeProgram(name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

describe('provideChromium', () => {
  const provide = (TEST_CHROMIUM?: string) =>
    provideChromium({ env: { TEST_CHROMIUM }, folders: [folder] });

  it('reports as unavailable a machine without a browser and apt-get', async () => {
    await expect(provide()).rejects.toThrow(UnavailableError);
  });

  it('prefers the browser of TEST_CHROMIUM', async () => {
    const given = await writeProgram('given', 'exit 0');
    await writeProgram('chromium', 'exit 0');
    expect(await provide(given)).toBe(given);
  });

  it('rejects a TEST_CHROMIUM that does not exist', async () => {
    const path = join(folder, 'nowhere');
    await expect(provide(path)).rejects.toThrow(`TEST_CHROMIUM names no executable file: ${path}`);
  });

  it('passes over a chromium that only asks to be installed', async () => {
    await writeProgram('chromium', 'exit 1');
    const chrome = await writeProgram('google-chrome', 'echo Google Chrome 150');
    expect(await provide()).toBe(chrome);
  });
});

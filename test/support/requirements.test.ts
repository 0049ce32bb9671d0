import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { has, publishMissing, reportNotTested } from './requirements.js';

const env = { ...process.env };
const missing = { chromium: 'it is not installed' };
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'requirements-test-'));
  publishMissing(missing, folder);
});
afterEach(async () => {
  process.env = { ...env };
  await rm(folder, { recursive: true });
});

it('a requirement that the set-up has provided is met and not reported', async () => {
  expect(has('mysql')).toBe(true);
  expect(await readdir(folder)).toEqual([]);
});

it('a missing requirement that a test checks is reported once', async () => {
  expect([has('chromium'), has('chromium')]).toEqual([false, false]);
  expect(await readdir(folder)).toEqual(['chromium']);
});

it.each([
  ['true', 'The run fails, because CI=true.'],
  ['', 'With CI=true, the run would fail.'],
])('the box states what was not tested, why, what to do, and the effect of CI=%s', (CI, end) => {
  Object.assign(process.env, { CI });
  const lines = reportNotTested(['chromium'], missing).split('\n');
  expect(new Set(lines.map(({ length }) => length)).size).toBe(1);
  expect(lines.slice(1, -1).map((line) => line.slice(2, -2).trimEnd())).toEqual([
    'Not tested: Browser',
    '    Reason: it is not installed.',
    expect.stringMatching(/^ {4}To test it, .*TEST_CHROMIUM/),
    '',
    end,
  ]);
});

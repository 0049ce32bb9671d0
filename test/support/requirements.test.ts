import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { has, notTestedBox, publishMissing } from './requirements.js';

const { CI, TEST_LEFT_OUT, TEST_MISSING } = process.env;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'requirements-test-'));
  publishMissing({ chromium: 'it is not installed' }, folder);
});
afterEach(async () => {
  for (const [name, value] of Object.entries({ CI, TEST_LEFT_OUT, TEST_MISSING })) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
  await rm(folder, { recursive: true });
});

describe('a requirement', () => {
  it('is met and not reported when the set-up has provided it', async () => {
    expect(has('mysql')).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is reported, once, when a test asks for it and it is missing', async () => {
    expect([has('chromium'), has('chromium')]).toEqual([false, false]);
    expect(await readdir(folder)).toEqual(['chromium']);
  });
});

describe('the box of what was not tested', () => {
  const ipv6 = `${'long '.repeat(30)}${'x'.repeat(90)} reason`;
  const box = () => notTestedBox(['chromium', 'ipv6'], { chromium: 'it is missing', ipv6 });

  it('states what, why and what to do, within lines of equal length', () => {
    const lines = box().split('\n');
    const text = lines.map((line) => line.slice(2, -2).trim()).join(' ');
    expect(text).toMatch(/Not tested: Browser Reason: it is missing\. To test it, .*TEST_CHROMIUM/);
    expect(text).toContain(`Not tested: IPv6 Reason: ${ipv6}. To test it, enable IPv6`);
    expect(new Set(lines.map(({ length }) => length)).size).toBe(1);
  });

  it.each([
    ['true', 'The run fails, because CI=true.'],
    ['', 'With CI=true, the run would fail.'],
  ])('states whether the run fails with CI=%s', (value, verdict) => {
    process.env['CI'] = value;
    expect(box()).toContain(verdict);
  });
});

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { loadOrCreateSigningSecret } from '../../src/storage/signing-secret.js';

describe('the generated signing secret', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signing-secret-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is created once, from 32 random bytes, in a file for its owner only', async () => {
    const path = join(folder, 'data/secret');
    const secret = await loadOrCreateSigningSecret(path);
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(await readFile(path, 'utf8')).toBe(`${secret}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'data'))).toEqual(['secret']);
    expect(await loadOrCreateSigningSecret(path)).toBe(secret);
    expect(await loadOrCreateSigningSecret(join(folder, 'other'))).not.toBe(secret);
  });

  it('is read from a file that an operator has written', async () => {
    const path = join(folder, 'secret');
    await writeFile(path, 'written by an operator\n');
    expect(await loadOrCreateSigningSecret(path)).toBe('written by an operator');
  });

  it('is the same for all gateways that create it at the same time', async () => {
    for (let round = 0; round < 50; round++) {
      const gateways = Array.from({ length: 8 }, () => join(folder, String(round)));
      const [first, ...others] = await Promise.all(gateways.map(loadOrCreateSigningSecret));
      expect(others).toEqual(others.map(() => first));
    }
  });

  it('is never empty: an empty file is an error', async () => {
    const path = join(folder, 'secret');
    await writeFile(path, '');
    await expect(loadOrCreateSigningSecret(path)).rejects.toThrow(
      `${path} is empty. Remove it, and the gateway creates a new secret.`,
    );
  });
});

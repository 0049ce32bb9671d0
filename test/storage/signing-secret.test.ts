import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { loadOrCreateSigningSecret } from '../../src/storage/signing-secret.js';

describe('the generated signing secret', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signing-secret-test-'));
    path = join(folder, 'data/secret');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is created once, from 32 random bytes, in a file for its owner only', async () => {
    const secret = await loadOrCreateSigningSecret(path);
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(await readFile(path, 'utf8')).toBe(`${secret}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'data'))).toEqual(['secret']);
    expect(await loadOrCreateSigningSecret(path)).toBe(secret);
    expect(await loadOrCreateSigningSecret(join(folder, 'other'))).not.toBe(secret);
  });

  it('is read from a file that an operator has written', async () => {
    path = join(folder, 'secret');
    await writeFile(path, 'written by an operator of this gateway\n');
    expect(await loadOrCreateSigningSecret(path)).toBe('written by an operator of this gateway');
  });

  it('is the same for all gateways that create it at the same time', async () => {
    for (let round = 0; round < 50; round++) {
      const shared = join(folder, String(round));
      const secrets = await Promise.all(
        Array.from({ length: 8 }, () => loadOrCreateSigningSecret(shared)),
      );
      expect(new Set(secrets)).toEqual(new Set([expect.stringMatching(/^[\w-]{43}$/)]));
    }
  });

  it('is never empty: an empty file is an error', async () => {
    path = join(folder, 'secret');
    await writeFile(path, '');
    await expect(loadOrCreateSigningSecret(path)).rejects.toThrow(
      `${path} is empty. Remove it, and the gateway creates a new secret.`,
    );
  });
});

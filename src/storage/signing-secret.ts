import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { errorCode, StartupError } from '../errors.js';

/** The first call creates the file, for its owner only. Throws StartupError if it is empty. */
export async function loadOrCreateSigningSecret(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const secret = await readIfExists(path);
  if (secret === '') {
    throw new StartupError([`${path} is empty. Remove it, and the gateway creates a new secret.`]);
  }
  if (secret !== null) return secret;
  // Linking fails when the file exists, so gateways that start at the same time share one secret,
  // and none reads a partial one.
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(draft);
  }
  return loadOrCreateSigningSecret(path);
}

async function readIfExists(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

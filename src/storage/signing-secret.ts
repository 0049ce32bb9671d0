import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { errorCode, StartupError } from '../errors.js';

/**
 * The secret of local links kept in the file at `path`, made on the first call. Links so survive a restart without
 * anything to set. Readable by its owner only. Throws StartupError when the file holds no secret.
 */
export async function loadOrCreateSigningSecret(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const secret = await readWhenThere(path);
  if (secret === '') {
    throw new StartupError([`${path} holds no secret. Remove it, and a new one is made.`]);
  }
  if (secret !== null) return secret;
  // Written aside and then linked, which fails when the file is there by now: so of two gateways that start at once both
  // keep the same secret, and neither reads half of one.
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

async function readWhenThere(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

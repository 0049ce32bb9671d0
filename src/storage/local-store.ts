import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { StartupError } from '../errors.js';
import type { FileStore } from './file-store.js';

/** Storage in a folder of this machine. */
export class LocalStore implements FileStore {
  constructor(private readonly directory: string) {}

  async put(objectKey: string, content: Buffer): Promise<void> {
    const path = join(this.directory, objectKey);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const problem = `FILES_URL names ${this.directory}, where files cannot be written (${reason}).`;
      throw new StartupError([problem], { cause: error });
    }
  }
}

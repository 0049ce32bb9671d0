import { open, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

import { errorCode } from '../errors.js';
import type { FileReader, FileStart } from './file-reader.js';
import type { StoredFile } from './url-signer.js';

/** What a key that names no file causes. */
const MISSING = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/** Reads files below a folder, and follows symbolic links, as downloads do. */
export class LocalFileReader implements FileReader {
  /** `directory` is an absolute path. */
  constructor(private readonly directory: string) {}

  async readStart({ objectKey }: StoredFile, maxBytes: number): Promise<FileStart | null> {
    const path = join(this.directory, objectKey);
    const isInside = path.startsWith(`${this.directory}${sep}`);
    if (!isInside || objectKey.includes('\0')) return null;
    try {
      const { size, isRegular } = await stat(path).then((stats) => ({
        size: stats.size,
        isRegular: stats.isFile(),
      }));
      if (!isRegular) return null;
      const file = await open(path);
      try {
        const buffer = Buffer.alloc(Math.min(size, maxBytes));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
        return { bytes: buffer.subarray(0, bytesRead), isWhole: bytesRead >= size };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (MISSING.has(errorCode(error) ?? '')) return null;
      throw error;
    }
  }
}

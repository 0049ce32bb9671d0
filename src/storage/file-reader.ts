import type { StoredFile } from './url-signer.js';

/** The first bytes of a file. */
export interface FileStart {
  readonly bytes: Buffer;
  /** Whether the file ends with these bytes. */
  readonly isWhole: boolean;
}

/** Reads the beginning of files, in one read of the storage each. */
export interface FileReader {
  /**
   * Resolves to at most `maxBytes`, and to null when there is no such file. Rejects when the storage
   * fails, or once `signal` is aborted.
   */
  readStart(file: StoredFile, maxBytes: number, signal: AbortSignal): Promise<FileStart | null>;
}

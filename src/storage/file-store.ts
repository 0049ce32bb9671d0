/** Storage as those who fill it see it. The gateway itself only links to files; the samples write some. */
export interface FileStore {
  /** Writes a whole file at a key (a path with `/` between its parts), over what was there. Throws StartupError. */
  put(objectKey: string, content: Buffer, contentType: string): Promise<void>;
}

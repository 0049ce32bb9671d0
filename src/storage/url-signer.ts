export interface StoredFile {
  /** The path below the root of the storage, with `/` between its parts. */
  readonly objectKey: string;
  /** The name under which a browser saves the file. */
  readonly fileName: string;
}

/** A link that downloads one file without credentials until it expires. */
export interface SignedUrl {
  readonly url: string;
  readonly expiresAt: Date;
}

/** Signs links without reading the file, which may be missing. */
export interface UrlSigner {
  /** The link works until `notAfter` at the latest, rounded down to a second. */
  sign(file: StoredFile, notAfter?: Date | null): SignedUrl | Promise<SignedUrl>;
}

/** The whole second, since 1970, in which a time lies; Infinity for none. */
export function secondOf(time: Date | null | undefined): number {
  return time ? Math.floor(time.getTime() / 1000) : Infinity;
}

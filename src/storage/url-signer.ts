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
  sign(file: StoredFile): SignedUrl | Promise<SignedUrl>;
}

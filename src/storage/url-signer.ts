/** A file in storage, as far as a link to it needs to know. */
export interface StoredFile {
  /** Where it lies: a path below the root of the storage, with `/` between its parts. */
  readonly objectKey: string;
  /** The name a browser saves it under. */
  readonly fileName: string;
}

/** A link that downloads one file for anyone who holds it, until it expires. */
export interface SignedUrl {
  readonly url: string;
  readonly expiresAt: Date;
}

/** Makes links to files. Signing touches neither the file nor the database; whether the file is there is not asked. */
export interface UrlSigner {
  sign(file: StoredFile): SignedUrl | Promise<SignedUrl>;
}

/** A file in storage, as far as a link needs it. */
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

/** Signs links to files. Signing reads neither the file nor the database, so the file may be missing. */
export interface UrlSigner {
  sign(file: StoredFile): SignedUrl | Promise<SignedUrl>;
}

/** The same signer; reports each link to `onSigned`. */
export function instrumentedSigner(signer: UrlSigner, onSigned: () => void): UrlSigner {
  return {
    sign(file) {
      onSigned();
      return signer.sign(file);
    },
  };
}

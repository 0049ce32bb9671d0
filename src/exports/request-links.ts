import type { SignedUrl, StoredFile, UrlSigner } from '../storage/url-signer.js';
import type { ExportFileRow } from './export-file.js';

export type Link = SignedUrl | Promise<SignedUrl> | null;

/** Signs the links of one request, and records which of them its response discloses. */
export class RequestLinks {
  /** The file of each URL in the response. */
  readonly disclosed: ExportFileRow[] = [];

  constructor(private readonly signer: UrlSigner) {}

  sign(file: StoredFile, exportExpiresAt: Date | null): SignedUrl | Promise<SignedUrl> {
    return this.signer.sign(file, exportExpiresAt);
  }

  /** Returns the URL of a file's link for the response. */
  disclose(file: ExportFileRow, link: Link): string | null | Promise<string> {
    return mapMaybePromise(link, ({ url }) => {
      this.disclosed.push(file);
      return url;
    });
  }
}

/** Stays synchronous where possible, because promises would dominate the cost of 400 links. */
export function mapMaybePromise<Part>(
  link: Link,
  part: (link: SignedUrl) => Part,
): Part | Promise<Part> | null {
  return link instanceof Promise ? link.then(part) : link && part(link);
}

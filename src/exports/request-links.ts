import type { SignedUrl, StoredFile, UrlSigner } from '../storage/url-signer.js';
import type { ExportFileRow } from './export-file.js';
import type { ExportFilePreview } from './preview/export-preview.js';
import type { ExportPreviews, PreviewOrigin } from './preview/export-previews.js';

export type Link = SignedUrl | Promise<SignedUrl> | null;

/** The files that a response discloses, of each link and of each preview in it. */
export interface Disclosure {
  readonly links: readonly ExportFileRow[];
  readonly previews: readonly ExportFileRow[];
}

/** What gives access to files: each link and preview comes from here. */
export interface FileAccess {
  readonly signer: UrlSigner;
  readonly previews: Pick<ExportPreviews, 'read'>;
}

/** Signs the links and reads the previews of one request. Records what its response discloses. */
export class RequestLinks {
  readonly disclosed = { links: [] as ExportFileRow[], previews: [] as ExportFileRow[] };

  constructor(
    private readonly access: FileAccess,
    private readonly origin: PreviewOrigin,
  ) {}

  sign(file: StoredFile, exportExpiresAt: Date | null): SignedUrl | Promise<SignedUrl> {
    return this.access.signer.sign(file, exportExpiresAt);
  }

  /** Returns the URL of a file's link for the response. */
  disclose(file: ExportFileRow, link: Link): string | null | Promise<string> {
    return mapMaybePromise(link, ({ url }) => {
      this.disclosed.links.push(file);
      return url;
    });
  }

  /** Records what the response of another request discloses, which is that of this one, too. */
  discloseAgain({ disclosed }: RequestLinks): void {
    for (const file of disclosed.links) this.disclosed.links.push(file);
    for (const file of disclosed.previews) this.disclosed.previews.push(file);
  }

  /** Returns the first rows of a file for the response. */
  async preview(file: ExportFileRow, rows: number): Promise<ExportFilePreview | null> {
    const preview = await this.access.previews.read(file, rows, this.origin);
    if (preview !== null) this.disclosed.previews.push(file);
    return preview;
  }
}

/** Stays synchronous where possible, because promises would dominate the cost of 400 links. */
export function mapMaybePromise<Part>(
  link: Link,
  part: (link: SignedUrl) => Part,
): Part | Promise<Part> | null {
  return link instanceof Promise ? link.then(part) : link && part(link);
}

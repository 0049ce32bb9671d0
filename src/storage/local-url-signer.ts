import { createHmac, timingSafeEqual } from 'node:crypto';

import type { SignedUrl, UrlSigner, StoredFile } from './url-signer.js';

/** The path that local links start with. */
export const LOCAL_LINK_PATH = '/files/';

/** What a local link turned out to be. Only a genuine one says which file it is for. */
export type VerifiedLink =
  | { readonly verdict: 'valid'; readonly file: StoredFile }
  | { readonly verdict: 'invalid' | 'expired' };

/**
 * Links to files that the gateway serves itself: `ORIGIN/files/KEY?name=…&expires=…&signature=…`, where the signature
 * is an HMAC-SHA256 over key, name and expiry. `expires` is in seconds since 1970.
 */
export class LocalUrlSigner implements UrlSigner {
  constructor(
    private readonly options: {
      readonly secret: string;
      /** How long a link works, in seconds. */
      readonly ttl: number;
      /** Asked at every link: the port may not be known before the server listens. */
      readonly origin: () => string;
    },
  ) {}

  sign(file: StoredFile): SignedUrl {
    const expires = Math.floor(Date.now() / 1000) + this.options.ttl;
    const path = file.objectKey.split('/').map(encodeURIComponent).join('/');
    const name = encodeURIComponent(file.fileName);
    const signature = this.signature(file, expires);
    return {
      url: `${this.options.origin()}${LOCAL_LINK_PATH}${path}?name=${name}&expires=${expires}&signature=${signature}`,
      expiresAt: new Date(expires * 1000),
    };
  }

  /**
   * Checks the path and query of a request for a file. The signature comes first, so that nobody learns from an
   * altered link whether the original has expired.
   */
  check(requestTarget: string, now = new Date()): VerifiedLink {
    const link = parseLink(requestTarget);
    if (link === null) return { verdict: 'invalid' };
    // Compared as written: decoding would let several spellings of one signature through.
    const expected = Buffer.from(this.signature(link.file, link.expires));
    const given = Buffer.from(link.signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      return { verdict: 'invalid' };
    }
    if (link.expires * 1000 <= now.getTime()) return { verdict: 'expired' };
    return { verdict: 'valid', file: link.file };
  }

  private signature({ objectKey, fileName }: StoredFile, expires: number): string {
    // JSON keeps the three apart whatever characters they hold.
    const message = JSON.stringify([objectKey, fileName, expires]);
    return createHmac('sha256', this.options.secret).update(message).digest('base64url');
  }
}

function parseLink(
  requestTarget: string,
): { file: StoredFile; expires: number; signature: string } | null {
  const [path = '', query = '', ...rest] = requestTarget.split('?');
  const parameters = new URLSearchParams(query);
  // Whatever more a link may say was not signed.
  const names = [...parameters.keys()].sort().join();
  if (rest.length > 0 || names !== 'expires,name,signature') return null;
  const fileName = parameters.get('name');
  const expires = parameters.get('expires');
  const signature = parameters.get('signature');
  if (fileName === null || expires === null || signature === null) return null;
  if (!path.startsWith(LOCAL_LINK_PATH) || !/^[1-9]\d{0,11}$/.test(expires)) return null;
  try {
    const objectKey = decodeURIComponent(path.slice(LOCAL_LINK_PATH.length));
    return { file: { objectKey, fileName }, expires: Number(expires), signature };
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

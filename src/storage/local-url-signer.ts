import { createHmac, timingSafeEqual } from 'node:crypto';

import { secondOf, type SignedUrl, type StoredFile, type UrlSigner } from './url-signer.js';

export const LOCAL_LINK_PATH = '/files/';

export type VerifiedLink =
  | { readonly verdict: 'valid'; readonly file: StoredFile }
  | { readonly verdict: 'invalid' | 'expired' };

/**
 * Signs links to files that the gateway serves: `ORIGIN/files/KEY?name=…&expires=…&signature=…`.
 * The signature is an HMAC-SHA256 of key, name and expiry; `expires` is in seconds since 1970.
 */
export class LocalUrlSigner implements UrlSigner {
  constructor(
    private readonly options: {
      /** The secrets that verify links, of which the first signs. */
      readonly secrets: () => readonly string[];
      /** The lifetime of a link in seconds. */
      readonly ttl: number;
      /** Called for each link, because the port may be unknown until the server listens. */
      readonly origin: () => string;
    },
  ) {}

  sign(file: StoredFile, notAfter: Date | null = null): SignedUrl {
    const expires = Math.min(Math.floor(Date.now() / 1000) + this.options.ttl, secondOf(notAfter));
    const [secret = ''] = this.options.secrets();
    const signature = signatureOf(file, expires, secret);
    const path = file.objectKey.split('/').map(encodeURIComponent).join('/');
    const name = encodeURIComponent(file.fileName);
    const query = `name=${name}&expires=${expires}&signature=${signature}`;
    const url = `${this.options.origin()}${LOCAL_LINK_PATH}${path}?${query}`;
    return { url, expiresAt: new Date(expires * 1000) };
  }

  /** Checks the signature first: an altered link must not reveal whether the original expired. */
  verify(requestTarget: string, now = new Date()): VerifiedLink {
    const link = parseLink(requestTarget);
    if (link === null) return { verdict: 'invalid' };
    // Compares the encoded text: decoding would accept several spellings of one signature.
    const received = Buffer.from(link.signature);
    const isSigned = this.options.secrets().some((secret) => {
      const expected = Buffer.from(signatureOf(link.file, link.expires, secret));
      return received.length === expected.length && timingSafeEqual(received, expected);
    });
    if (!isSigned) return { verdict: 'invalid' };
    if (link.expires * 1000 <= now.getTime()) return { verdict: 'expired' };
    return { verdict: 'valid', file: link.file };
  }
}

function signatureOf({ objectKey, fileName }: StoredFile, expires: number, secret: string): string {
  // JSON separates the three values unambiguously, whatever characters they contain.
  const message = JSON.stringify([objectKey, fileName, expires]);
  return createHmac('sha256', secret).update(message).digest('base64url');
}

function parseLink(requestTarget: string) {
  const [path = '', query = '', ...rest] = requestTarget.split('?');
  const parameters = new URLSearchParams(query);
  // Others are ignored: mail and analytics tools append theirs (utm_source, fbclid).
  const signed = ['name', 'expires', 'signature'].map((name) => parameters.getAll(name));
  if (rest.length > 0 || signed.some(({ length }) => length !== 1)) return null;
  const [fileName = '', expires = '', signature = ''] = signed.flat();
  if (!path.startsWith(LOCAL_LINK_PATH) || !/^[1-9]\d{0,11}$/.test(expires)) return null;
  try {
    const objectKey = decodeURIComponent(path.slice(LOCAL_LINK_PATH.length));
    return { file: { objectKey, fileName }, expires: Number(expires), signature };
  } catch {
    // decodeURIComponent throws for malformed percent-encoding, and for nothing else.
    return null;
  }
}

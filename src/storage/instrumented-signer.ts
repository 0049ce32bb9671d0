import type { UrlSigner } from './url-signer.js';

/** The same links; says of each that it is signed. */
export function instrumentedSigner(links: UrlSigner, onSigned: () => void): UrlSigner {
  return {
    sign(file) {
      onSigned();
      return links.sign(file);
    },
  };
}

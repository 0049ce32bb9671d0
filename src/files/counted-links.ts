import type { FileLinks } from './file-links.js';

/** The same links; says of each that it is signed. */
export function countedLinks(links: FileLinks, onSigned: () => void): FileLinks {
  return {
    sign(file) {
      onSigned();
      return links.sign(file);
    },
  };
}

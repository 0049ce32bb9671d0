import type { Viewer } from '../auth/viewer.js';
import type { ExportContext } from '../exports/export-resolver.js';
import type { FileLinks } from '../files/file-links.js';

/** What resolvers know of the request they serve. */
export interface Context extends ExportContext {
  /** Whether its answer holds links, which work for whoever holds them. */
  readonly holdsLinks: () => boolean;
}

/** A fresh context for a request of this viewer. */
export function createContext({ organization }: Viewer, links: FileLinks): Context {
  let holdsLinks = false;
  return {
    organization,
    links: {
      sign(file) {
        holdsLinks = true;
        return links.sign(file);
      },
    },
    holdsLinks: () => holdsLinks,
  };
}

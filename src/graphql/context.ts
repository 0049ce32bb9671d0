import type { Viewer } from '../auth/viewer.js';
import { ExportLoaders, type ExportContext } from '../exports/export-loaders.js';
import type { ExportRepository } from '../exports/export-repository.js';
import type { FileLinks } from '../files/file-links.js';

/** What resolvers know of the request they serve. */
export interface Context extends ExportContext {
  /** Whether its answer holds links, which work for whoever holds them. */
  readonly holdsLinks: () => boolean;
}

/** A fresh context: loaders must not outlive their request, or an answer could be older than its question. */
export function createContext(
  { organization }: Viewer,
  { repository, links }: { repository: ExportRepository; links: FileLinks },
): Context {
  let holdsLinks = false;
  return {
    organization,
    loaders: new ExportLoaders(repository, organization),
    links: {
      sign(file) {
        holdsLinks = true;
        return links.sign(file);
      },
    },
    holdsLinks: () => holdsLinks,
  };
}

import type { Viewer } from '../auth/viewer.js';
import { ExportLoaders, type ExportContext } from '../exports/export-loaders.js';
import type { ExportRepository } from '../exports/export-repository.js';

/** What resolvers know of the request they serve. */
export type Context = ExportContext;

/** A fresh context: loaders must not outlive their request, or an answer could be older than its question. */
export function createContext(viewer: Viewer, repository: ExportRepository): Context {
  const { organization } = viewer;
  return { organization, loaders: new ExportLoaders(repository, organization) };
}

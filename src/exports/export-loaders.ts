import DataLoader from 'dataloader';

import type { FileLinks } from '../files/file-links.js';
import type { ExportFileRow } from './export-file.js';
import type { ExportRepository } from './export-repository.js';
import type { Export } from './export.js';

/** Loads by id for one request and one organization: whatever waits for the same tick shares one statement. */
export class ExportLoaders {
  /** An export by its id; null when the organization has none. */
  readonly exports: DataLoader<string, Export | null>;
  /** The files of an export by the export's id. */
  readonly files: DataLoader<string, readonly ExportFileRow[]>;

  constructor(repository: ExportRepository, organization: string) {
    this.exports = new DataLoader(async (ids) => {
      const found = await repository.findByIds(organization, ids);
      const byId = new Map(found.map((each) => [each.id, each]));
      return ids.map((id) => byId.get(id) ?? null);
    });
    this.files = new DataLoader(async (exportIds) => {
      const found = await repository.filesOf(organization, exportIds);
      const byExport = new Map<string, ExportFileRow[]>(exportIds.map((id) => [id, []]));
      for (const file of found) byExport.get(file.exportId)?.push(file);
      return exportIds.map((id) => byExport.get(id) ?? []);
    });
  }
}

/** What the resolvers of exports need to know of a request. */
export interface ExportContext {
  readonly organization: string;
  readonly loaders: ExportLoaders;
  /** Makes the links of its answer. */
  readonly links: FileLinks;
}

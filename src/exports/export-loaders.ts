import DataLoader from 'dataloader';

import { toError } from '../errors.js';
import type { ExportFileRow } from './export-file.js';
import type { ExportRepository } from './export-repository.js';
import type { ExportColumn, ExportRow } from './export.js';

/** One export that somebody waits for. */
interface ExportKey {
  readonly organization: string;
  readonly id: string;
}

/** So many ids at most share a statement: far below the 32,766 parameters that SQLite takes. */
const MAX_BATCH = 5_000;

/**
 * Loads by id, for all requests: whatever waits for the same turn of the event loop shares a statement, so that under load
 * many requests cost the database little more than one. Nothing is kept, so no answer is older than its question. A
 * statement names one organization, and its failure is that of the requests in it alone.
 */
export class ExportLoaders {
  readonly #exports: DataLoader<ExportKey & { columns: readonly ExportColumn[] }, ExportRow | null>;
  readonly #files: DataLoader<ExportKey, readonly ExportFileRow[]>;

  constructor(repository: ExportRepository) {
    const options = {
      cache: false,
      maxBatchSize: MAX_BATCH,
      batchScheduleFn: (send: () => void) => void setImmediate(send),
    };
    this.#exports = new DataLoader(
      byOrganization(async (organization, keys) => {
        // Many keys have the very same columns: those that one place in a document asks for.
        const selected = new Set(keys.map((key) => key.columns));
        const columns = [...new Set([...selected].flat())];
        const rows = await repository.findByIds(organization, idsOf(keys), columns);
        const byId = new Map(rows.map((row) => [row.id, row]));
        return (id) => byId.get(id) ?? null;
      }),
      options,
    );
    this.#files = new DataLoader(
      byOrganization(async (organization, keys) => {
        const byExport = await repository.filesOf(organization, idsOf(keys));
        return (id) => byExport.get(id) ?? [];
      }),
      options,
    );
  }

  /** At least these columns of an export; null when the organization has none with this id. */
  export(
    organization: string,
    id: string,
    columns: readonly ExportColumn[],
  ): Promise<ExportRow | null> {
    return this.#exports.load({ organization, id, columns });
  }

  /** The files of an export. */
  files(organization: string, id: string): Promise<readonly ExportFileRow[]> {
    return this.#files.load({ organization, id });
  }
}

/** A batch function that asks once for each organization. */
function byOrganization<Key extends ExportKey, Value>(
  find: (organization: string, keys: readonly Key[]) => Promise<(id: string) => Value>,
): (keys: readonly Key[]) => Promise<(Value | Error)[]> {
  return async (keys) => {
    const organizations = [...new Set(keys.map((key) => key.organization))];
    const found = new Map<string, (id: string) => Value | Error>();
    await Promise.all(
      organizations.map(async (organization) => {
        const theirs = keys.filter((key) => key.organization === organization);
        try {
          found.set(organization, await find(organization, theirs));
        } catch (error) {
          const failure = toError(error);
          found.set(organization, () => failure);
        }
      }),
    );
    return keys.map(({ organization, id }) => {
      const lookUp = found.get(organization);
      return lookUp === undefined ? new Error('An organization was not asked for') : lookUp(id);
    });
  };
}

function idsOf(keys: readonly ExportKey[]): string[] {
  return [...new Set(keys.map(({ id }) => id))];
}

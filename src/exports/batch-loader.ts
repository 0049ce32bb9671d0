import DataLoader from 'dataloader';

import { toError } from '../errors.js';
import type { ExportColumn } from './export.js';

interface Key {
  readonly organization: string;
  readonly id: string;
  readonly columns: readonly ExportColumn[];
}

/** Finds rows of one organization by the id of their export. */
type Find<Found> = (
  organization: string,
  ids: readonly string[],
  columns: readonly ExportColumn[],
) => Promise<ReadonlyMap<string, Found>>;

/** Far below the 32,766 parameters that SQLite takes in one statement. */
const MAX_IDS_PER_STATEMENT = 5_000;

/**
 * Batches look-ups by id across requests: what an organization looks up in one turn of the event
 * loop is one statement. It caches nothing, so results are never stale. A failed statement fails
 * only the look-ups of its organization.
 */
export class BatchLoader<Found> {
  readonly #loader: DataLoader<Key, Found | undefined>;

  constructor(find: Find<Found>) {
    this.#loader = new DataLoader((keys) => loadBatch(find, keys), {
      cache: false,
      maxBatchSize: MAX_IDS_PER_STATEMENT,
      batchScheduleFn: (dispatch) => void setImmediate(dispatch),
    });
  }

  /** Resolves to what exists, by id. */
  async load(
    organization: string,
    ids: readonly string[],
    columns: readonly ExportColumn[] = [],
  ): Promise<ReadonlyMap<string, Found>> {
    const loads = ids.map((id) => this.#loader.load({ organization, id, columns }));
    const found = new Map<string, Found>();
    for (const [index, value] of (await Promise.all(loads)).entries()) {
      const id = ids[index];
      if (id !== undefined && value !== undefined) found.set(id, value);
    }
    return found;
  }
}

async function loadBatch<Found>(
  find: Find<Found>,
  keys: readonly Key[],
): Promise<(Found | undefined | Error)[]> {
  const organizations = [...new Set(keys.map(({ organization }) => organization))];
  const results = new Map<string, ReadonlyMap<string, Found> | Error>();
  await Promise.all(
    organizations.map(async (organization) => {
      const own = keys.filter((key) => key.organization === organization);
      const ids = [...new Set(own.map(({ id }) => id))];
      // The keys of one field in a document share their array of columns.
      const selections = new Set(own.map(({ columns }) => columns));
      const columns = [...new Set([...selections].flat())];
      results.set(organization, await find(organization, ids, columns).catch(toError));
    }),
  );
  return keys.map(({ organization, id }) => {
    const result = results.get(organization);
    return result instanceof Error ? result : result?.get(id);
  });
}

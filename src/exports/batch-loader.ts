import { setImmediate } from 'node:timers/promises';

import type { ExportColumn } from './export.js';

/** Far below the 32,766 parameters that SQLite takes in one statement. */
const MAX_IDS_PER_STATEMENT = 5_000;

interface Batch<Found> {
  readonly ids: Set<string>;
  /** Arrays rather than columns, because the requests of a document share theirs. */
  readonly selections: Set<readonly ExportColumn[]>;
  readonly found: Promise<ReadonlyMap<string, Found>>;
}

/**
 * Batches look-ups by id as DataLoader does, but across requests: what an organization looks up in
 * one turn of the event loop is one statement. It caches nothing, so results are never stale.
 */
export class BatchLoader<Found> {
  readonly #batches = new Map<string, Batch<Found>>();

  constructor(
    private readonly find: (
      organization: string,
      ids: readonly string[],
      columns: readonly ExportColumn[],
    ) => Promise<ReadonlyMap<string, Found>>,
  ) {}

  /** Returns what was found, by id, together with what other requests of the batch found. */
  load(
    organization: string,
    ids: readonly string[],
    columns: readonly ExportColumn[] = [],
  ): Promise<ReadonlyMap<string, Found>> {
    let batch = this.#batches.get(organization);
    if (batch === undefined || batch.ids.size + ids.length > MAX_IDS_PER_STATEMENT) {
      batch = this.open(organization);
      this.#batches.set(organization, batch);
    }
    for (const id of ids) batch.ids.add(id);
    batch.selections.add(columns);
    return batch.found;
  }

  private open(organization: string): Batch<Found> {
    const batch: Batch<Found> = {
      ids: new Set(),
      selections: new Set(),
      found: setImmediate().then(() => {
        if (this.#batches.get(organization) === batch) this.#batches.delete(organization);
        const columns = new Set([...batch.selections].flat());
        return this.find(organization, [...batch.ids], [...columns]);
      }),
    };
    return batch;
  }
}

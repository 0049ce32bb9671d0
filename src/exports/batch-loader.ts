import DataLoader from 'dataloader';

import type { QueryOrigin } from '../database/database.js';
import { SharedOrigin } from '../database/shared-origin.js';
import { toError } from '../errors.js';
import type { ExportScope } from './export-scope.js';
import type { ExportColumn } from './export.js';

type Origin = QueryOrigin & ExportScope;

/** Several ids are one key, so that a page costs one promise instead of one for each row. */
interface Key {
  readonly origin: Origin;
  readonly ids: readonly string[];
  readonly columns: readonly ExportColumn[];
}

/** By the id of their export. */
type Rows<Row> = ReadonlyMap<string, Row>;

type Find<Row> = (
  origin: Origin,
  ids: readonly string[],
  columns: readonly ExportColumn[],
) => Promise<Rows<Row>>;

const MAX_IDS_PER_STATEMENT = 1_000;
/**
 * From so many ids on, further requests get a statement of their own: one for all would leave the
 * gateway idle until its end, and then the database.
 */
const FULL_BATCH = 200;

/**
 * Batches lookups by id across requests: what is looked up in one scope and one turn of the event
 * loop shares statements. It caches nothing, so results are never stale. A failed statement fails
 * only its own lookups.
 */
export class BatchLoader<Row> {
  readonly #loader: DataLoader<Key, Rows<Row>>;

  constructor(find: Find<Row>) {
    this.#loader = new DataLoader((keys) => loadBatch(find, keys), {
      cache: false,
      batchScheduleFn: (dispatch) => void setImmediate(dispatch),
    });
  }

  /** Resolves to the rows by id, among them rows of the same batch's other lookups. */
  load(
    origin: Origin,
    ids: readonly string[],
    columns: readonly ExportColumn[] = [],
  ): Promise<Rows<Row>> {
    return this.#loader.load({ origin, ids, columns });
  }
}

/** The lookups of requests in one scope. */
class Batch extends SharedOrigin implements ExportScope {
  readonly onlyRequestedBy: string | null;
  readonly ids = new Set<string>();
  /** The keys of one field in a document share their array of columns. */
  readonly selections = new Set<readonly ExportColumn[]>();

  constructor(override readonly origins: [Origin, ...Origin[]]) {
    super(origins);
    this.onlyRequestedBy = origins[0].onlyRequestedBy;
  }

  add({ ids, columns }: Key): void {
    for (const id of ids) this.ids.add(id);
    this.selections.add(columns);
  }
}

async function loadBatch<Row>(
  find: Find<Row>,
  keys: readonly Key[],
): Promise<(Rows<Row> | Error)[]> {
  const batches: Batch[] = [];
  /** The last batch of each scope. */
  const lastOf = new Map<string, Batch>();
  // By origin, because a request may have thousands of keys.
  const batchOf = new Map<Origin, Batch>();
  for (const key of keys) {
    const { origin } = key;
    let batch = batchOf.get(origin);
    if (batch === undefined) {
      const name = scopeName(origin);
      batch = lastOf.get(name);
      if (batch === undefined || batch.ids.size >= FULL_BATCH) {
        batches.push((batch = new Batch([origin])));
        lastOf.set(name, batch);
      } else {
        batch.origins.push(origin);
      }
      batchOf.set(origin, batch);
    }
    batch.add(key);
  }
  const results = new Map<Batch | undefined, Rows<Row> | Error>();
  await Promise.all(
    batches.map(async (batch) => {
      results.set(batch, await load(find, batch).catch(toError));
    }),
  );
  return keys.map(({ origin }) => results.get(batchOf.get(origin)) ?? new Map());
}

/** Equal for equal scopes only: a requester can have any text. */
function scopeName({ organization, onlyRequestedBy }: ExportScope): string {
  return JSON.stringify([organization, onlyRequestedBy]);
}

/** Loads the ids of a batch, statement after statement. */
async function load<Row>(find: Find<Row>, batch: Batch): Promise<Rows<Row>> {
  const ids = [...batch.ids];
  const columns = [...new Set([...batch.selections].flat())];
  if (ids.length <= MAX_IDS_PER_STATEMENT) return find(batch, ids, columns);
  const rows = new Map<string, Row>();
  while (ids.length > 0) {
    const part = ids.splice(0, MAX_IDS_PER_STATEMENT);
    for (const [id, row] of await find(batch, part, columns)) rows.set(id, row);
  }
  return rows;
}

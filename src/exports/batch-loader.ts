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

/** One long statement would leave the gateway idle until its end, and then the database. */
const MAX_IDS_PER_STATEMENT = 100;
/** Of a batch, at once. */
const MAX_STATEMENTS = 4;

/**
 * Batches lookups by id across requests: what is looked up in one scope and one turn of the event
 * loop is one statement. It caches nothing, so results are never stale. A failed statement fails
 * only the lookups of its scope.
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

/** The keys of one scope. */
class Batch extends SharedOrigin implements ExportScope {
  readonly onlyRequestedBy: string | null;
  readonly keys: Key[] = [];

  constructor(override readonly origins: [Origin, ...Origin[]]) {
    super(origins);
    this.onlyRequestedBy = origins[0].onlyRequestedBy;
  }
}

async function loadBatch<Row>(
  find: Find<Row>,
  keys: readonly Key[],
): Promise<(Rows<Row> | Error)[]> {
  const batches = new Map<string, Batch>();
  // By origin, because a request may have thousands of keys.
  const batchOf = new Map<Origin, Batch>();
  for (const key of keys) {
    const { origin } = key;
    let batch = batchOf.get(origin);
    if (batch === undefined) {
      const name = scopeName(origin);
      batch = batches.get(name);
      if (batch === undefined) batches.set(name, (batch = new Batch([origin])));
      else batch.origins.push(origin);
      batchOf.set(origin, batch);
    }
    batch.keys.push(key);
  }
  const results = new Map<Batch | undefined, Rows<Row> | Error>();
  await Promise.all(
    [...batches.values()].map(async (batch) => {
      results.set(batch, await load(find, batch).catch(toError));
    }),
  );
  return keys.map(({ origin }) => results.get(batchOf.get(origin)) ?? new Map());
}

/** Equal for equal scopes only: a requester can have any text. */
function scopeName({ organization, onlyRequestedBy }: ExportScope): string {
  return JSON.stringify([organization, onlyRequestedBy]);
}

/** Loads the keys of a batch by as few statements as the limits allow. */
async function load<Row>(find: Find<Row>, batch: Batch): Promise<Rows<Row>> {
  const distinctIds = new Set<string>();
  // The keys of one field in a document share their array of columns.
  const selections = new Set<readonly ExportColumn[]>();
  for (const key of batch.keys) {
    for (const id of key.ids) distinctIds.add(id);
    selections.add(key.columns);
  }
  const ids = [...distinctIds];
  const columns = [...new Set([...selections].flat())];
  if (ids.length <= MAX_IDS_PER_STATEMENT) return find(batch, ids, columns);
  const rows = new Map<string, Row>();
  while (ids.length > 0) {
    const parts: Promise<Rows<Row>>[] = [];
    while (ids.length > 0 && parts.length < MAX_STATEMENTS) {
      parts.push(find(batch, ids.splice(0, MAX_IDS_PER_STATEMENT), columns));
    }
    for (const part of await Promise.all(parts)) {
      for (const [id, row] of part) rows.set(id, row);
    }
  }
  return rows;
}

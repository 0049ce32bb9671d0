import DataLoader from 'dataloader';

import type { QueryOrigin } from '../database/database.js';
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

async function loadBatch<Row>(
  find: Find<Row>,
  keys: readonly Key[],
): Promise<(Rows<Row> | Error)[]> {
  // By origin, because a request may have thousands of keys.
  const names = new Map<Origin, string>();
  for (const { origin } of keys) if (!names.has(origin)) names.set(origin, scopeName(origin));
  for (const origin of names.keys()) origin.onStarting?.();
  const scopes = new Map([...names].map(([origin, name]) => [name, origin]));
  const results = new Map<string | undefined, Rows<Row> | Error>();
  await Promise.all(
    [...scopes].map(async ([name, scope]) => {
      const own = keys.filter(({ origin }) => names.get(origin) === name);
      results.set(name, await loadOwn(find, scope, own).catch(toError));
    }),
  );
  return keys.map(({ origin }) => results.get(names.get(origin)) ?? new Map());
}

/** Equal for equal scopes only: a requester can have any text. */
function scopeName({ organization, onlyRequestedBy }: ExportScope): string {
  return JSON.stringify([organization, onlyRequestedBy]);
}

/** Loads the keys of one scope, statement after statement. */
async function loadOwn<Row>(
  find: Find<Row>,
  { organization, onlyRequestedBy }: ExportScope,
  keys: readonly Key[],
): Promise<Rows<Row>> {
  const ids = [...new Set(keys.flatMap((key) => key.ids))];
  // The keys of one field in a document share their array of columns.
  const selections = new Set(keys.map(({ columns }) => columns));
  const columns = [...new Set([...selections].flat())];
  const origin = {
    organization,
    onlyRequestedBy,
    viewer: keys[0]?.origin.viewer,
    fromPrimary: keys.some((key) => key.origin.fromPrimary),
    get isAbandoned() {
      return keys.every((key) => key.origin.isAbandoned);
    },
  };
  if (ids.length <= MAX_IDS_PER_STATEMENT) return find(origin, ids, columns);
  const rows = new Map<string, Row>();
  while (ids.length > 0) {
    const part = ids.splice(0, MAX_IDS_PER_STATEMENT);
    for (const [id, row] of await find(origin, part, columns)) rows.set(id, row);
  }
  return rows;
}

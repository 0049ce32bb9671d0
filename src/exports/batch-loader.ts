import DataLoader from 'dataloader';

import { toError } from '../errors.js';
import type { ExportColumn } from './export.js';

/** Several ids are one key, so that a page costs one promise instead of one for each row. */
interface Key {
  readonly organization: string;
  readonly ids: readonly string[];
  readonly columns: readonly ExportColumn[];
}

/** By the id of their export. */
type Rows<Row> = ReadonlyMap<string, Row>;

type Find<Row> = (
  organization: string,
  ids: readonly string[],
  columns: readonly ExportColumn[],
) => Promise<Rows<Row>>;

/** Far below the 32,766 parameters that SQLite takes in one statement. */
const MAX_IDS_PER_STATEMENT = 5_000;

/**
 * Batches look-ups by id across requests: what an organization looks up in one turn of the event
 * loop is one statement. It caches nothing, so results are never stale. A failed statement fails
 * only the look-ups of its organization.
 */
export class BatchLoader<Row> {
  readonly #loader: DataLoader<Key, Rows<Row>>;

  constructor(find: Find<Row>) {
    this.#loader = new DataLoader((keys) => loadBatch(find, keys), {
      cache: false,
      batchScheduleFn: (dispatch) => void setImmediate(dispatch),
    });
  }

  /** Resolves to the rows by id, among them rows of the same batch's other look-ups. */
  load(
    organization: string,
    ids: readonly string[],
    columns: readonly ExportColumn[] = [],
  ): Promise<Rows<Row>> {
    return this.#loader.load({ organization, ids, columns });
  }
}

async function loadBatch<Row>(
  find: Find<Row>,
  keys: readonly Key[],
): Promise<(Rows<Row> | Error)[]> {
  const organizations = [...new Set(keys.map(({ organization }) => organization))];
  const results = new Map<string, Rows<Row> | Error>();
  await Promise.all(
    organizations.map(async (organization) => {
      const own = keys.filter((key) => key.organization === organization);
      results.set(organization, await loadOwn(find, organization, own).catch(toError));
    }),
  );
  return keys.map(({ organization }) => results.get(organization) ?? new Map());
}

/** Loads the keys of one organization. */
async function loadOwn<Row>(
  find: Find<Row>,
  organization: string,
  keys: readonly Key[],
): Promise<Rows<Row>> {
  const ids = [...new Set(keys.flatMap((key) => key.ids))];
  // The keys of one field in a document share their array of columns.
  const selections = new Set(keys.map(({ columns }) => columns));
  const columns = [...new Set([...selections].flat())];
  if (ids.length <= MAX_IDS_PER_STATEMENT) return find(organization, ids, columns);
  const rows = new Map<string, Row>();
  while (ids.length > 0) {
    const part = ids.splice(0, MAX_IDS_PER_STATEMENT);
    for (const [id, row] of await find(organization, part, columns)) rows.set(id, row);
  }
  return rows;
}

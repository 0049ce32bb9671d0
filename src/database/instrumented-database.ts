import { LRUCache } from 'lru-cache';

import type { Logger } from '../logger.js';
import type { Database, QueryOrigin } from './database.js';
import type { SqlValue } from './sql-format.js';

const SLOW_MS = 250;
/** A statement of the change feed has some 30 kB. */
const MAX_LOGGED_SQL = 2_000;

export interface CompletedQuery {
  readonly summary: string;
  readonly failed: boolean;
  readonly seconds: number;
}

/**
 * Tells the origin of each query that it starts, reports it to `onQuery`, and logs it, without
 * parameters, which are personal data.
 */
export function instrumentedDatabase(
  database: Database,
  { onQuery, logger }: { onQuery: (query: CompletedQuery) => void; logger: Logger },
): Database {
  async function query<Row>(
    sql: string,
    parameters?: readonly SqlValue[],
    origin?: QueryOrigin,
  ): Promise<Row[]> {
    // Here, because a way to the database that forgot it would let later requests share old rows.
    origin?.onStarting?.();
    logger.debug({ sql }, 'statement');
    const startedAt = performance.now();
    let failed = true;
    try {
      const rows = await database.query<Row>(sql, parameters, origin);
      failed = false;
      return rows;
    } finally {
      const ms = performance.now() - startedAt;
      onQuery({ summary: querySummary(sql), failed, seconds: ms / 1_000 });
      if (ms >= SLOW_MS) {
        const { organization, viewer } = origin ?? {};
        const client = { organization, viewer: viewer ?? undefined };
        const shown = sql.slice(0, MAX_LOGGED_SQL);
        logger.warn({ sql: shown, ms: Math.round(ms), failed, ...client }, 'slow statement');
      }
    }
  }
  return { ...database, query };
}

/** By SQL, in bytes; a statement with many ids is too large for it. */
const summaries = new LRUCache<string, string>({
  maxSize: 500_000,
  maxEntrySize: 5_000,
  sizeCalculation: (summary, sql) => 2 * (summary.length + sql.length),
});

/** A label of low cardinality: the operation and tables, such as `SELECT exports`. */
export function querySummary(sql: string): string {
  const cached = summaries.get(sql);
  if (cached !== undefined) return cached;
  const tables = [...sql.matchAll(/\b(?:FROM|JOIN) (\w+)/g)].map(([, table]) => table);
  const summary = ['SELECT', ...new Set(tables)].join(' ');
  summaries.set(sql, summary);
  return summary;
}

import { LRUCache } from 'lru-cache';

import type { Logger } from '../logger.js';
import type { Database } from './database.js';

/** In milliseconds. What takes longer is worth a look: hardly any statement should take a tenth of it. */
const SLOW_MS = 250;

/** A statement that has its answer, or failed. */
export interface CompletedQuery {
  /** Of what kind it is. */
  readonly summary: string;
  readonly failed: boolean;
  readonly seconds: number;
}

/** The same database. Says of each statement how long it took; those that took long are logged, without the values in them. */
export function instrumentedDatabase(
  database: Database,
  {
    onQuery,
    logger,
  }: {
    onQuery: (statement: CompletedQuery) => void;
    logger: Logger;
  },
): Database {
  function ended(sql: string, startedAt: number, failed: boolean): void {
    const ms = performance.now() - startedAt;
    onQuery({ summary: querySummary(sql), failed, seconds: ms / 1_000 });
    if (ms >= SLOW_MS) logger.warn({ sql, ms: Math.round(ms), failed }, 'slow statement');
  }

  return {
    async query<Row>(sql: string, parameters?: readonly unknown[]) {
      const startedAt = performance.now();
      try {
        const rows = await database.query<Row>(sql, parameters);
        ended(sql, startedAt, false);
        return rows;
      } catch (error) {
        ended(sql, startedAt, true);
        throw error;
      }
    },
    indexHint: (name) => database.indexHint(name),
    poolStats: () => database.poolStats(),
    close: () => database.close(),
  };
}

const summaries = new LRUCache<string, string>({ max: 1_000 });

/** What a statement does and to which tables, such as `SELECT exports`: few kinds, however many parameters it has. */
export function querySummary(sql: string): string {
  const known = summaries.get(sql);
  if (known !== undefined) return known;
  const tables = [...sql.matchAll(/\b(?:FROM|JOIN) (\w+)/g)].map(([, table]) => table);
  const summary = ['SELECT', ...new Set(tables)].join(' ');
  summaries.set(sql, summary);
  return summary;
}

import { expect, it, jest } from '@jest/globals';
import { pino } from 'pino';

import type { Database } from '../../src/database/database.js';
import {
  instrumentedDatabase,
  type CompletedQuery,
} from '../../src/database/instrumented-database.js';

const sql = `SELECT e.id FROM (SELECT id FROM exports WHERE name = ?) page JOIN exports e ON e.id = page.id ${'AND 1 '.repeat(500)}`;
const error = new Error('no such table');

// The log has the start of a long statement.
it.each([
  {
    behavior: 'reports a fast query, first to its origin, and logs only its statement',
    ms: 249,
    failed: false,
  },
  { behavior: 'logs a slow query', ms: 250, failed: false },
  { behavior: 'passes on the error of a failed query', ms: 1_000, failed: true },
])('$behavior, without parameters', async ({ ms, failed }) => {
  const lines: Record<string, unknown>[] = [];
  const queries: CompletedQuery[] = [];
  const onStarting = jest.fn();
  let now = 1_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const database: Database = {
    catalog: new Map(),
    async query() {
      expect(onStarting).toHaveBeenCalledTimes(1);
      now += ms;
      if (failed) throw error;
      return [];
    },
    indexHint: (name) => `BY ${name}`,
    currentTimeSql: '1',
    poolStats: () => [],
    close: async () => undefined,
  };
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  const instrumented = instrumentedDatabase(database, {
    onQuery: (query) => queries.push(query),
    logger: pino({ level: 'debug' }, { write }),
  });
  const client = { organization: 'org_a', viewer: 'key_1' };
  const rows = instrumented.query(sql, ['Jane'], { ...client, isAbandoned: false, onStarting });
  await (failed ? expect(rows).rejects.toBe(error) : expect(rows).resolves.toEqual([]));
  expect(queries).toEqual([{ summary: 'SELECT exports', failed, seconds: ms / 1_000 }]);
  const slow = {
    level: 40,
    msg: 'slow statement',
    sql: sql.slice(0, 2_000),
    ms,
    failed,
    ...client,
  };
  expect(lines).toMatchObject([{ level: 20, sql }, ...(ms < 250 ? [] : [slow])]);
  expect(JSON.stringify(lines)).not.toContain('Jane');
  expect(instrumented.indexHint('x')).toBe('BY x');
});

import { expect, it, jest } from '@jest/globals';
import { pino } from 'pino';

import type { Database } from '../../src/database/database.js';
import { instrumentedDatabase } from '../../src/database/instrumented-database.js';

/** A database whose statements take so long, by the clock of the process, and end so. */
function observed(ms: number, end: () => Promise<never[]>) {
  const lines: Record<string, unknown>[] = [];
  const statements: { summary: string; failed: boolean; seconds: number }[] = [];
  let now = 1_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const database: Database = {
    async query() {
      now += ms;
      return end();
    },
    indexHint: (name) => `BY ${name}`,
    poolStats: () => [],
    close: async () => undefined,
  };
  const logger = pino(
    { level: 'warn' },
    { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const onQuery = (statement: (typeof statements)[number]) => statements.push(statement);
  return { database: instrumentedDatabase(database, { onQuery, logger }), lines, statements };
}

const sql =
  'SELECT e.id FROM (SELECT id FROM exports WHERE name = ?) page JOIN exports e ON e.id = page.id';

it('tells how long a statement took, and logs none that is quick', async () => {
  const { database, lines, statements } = observed(249, async () => []);
  expect(await database.query(sql, ['Jane'])).toEqual([]);
  expect(statements).toEqual([{ summary: 'SELECT exports', failed: false, seconds: 0.249 }]);
  expect(lines).toEqual([]);
});

it('logs a slow statement without its values', async () => {
  const { database, lines } = observed(250, async () => []);
  await database.query(sql, ['Jane']);
  expect(lines).toMatchObject([{ level: 40, msg: 'slow statement', sql, ms: 250, failed: false }]);
  expect(JSON.stringify(lines)).not.toContain('Jane');
});

it('passes an error on, and says that the statement failed', async () => {
  const error = new Error('no such table');
  const { database, lines, statements } = observed(1_000, () => Promise.reject(error));
  await expect(database.query(sql)).rejects.toBe(error);
  expect(statements).toEqual([{ summary: 'SELECT exports', failed: true, seconds: 1 }]);
  expect(lines).toMatchObject([{ msg: 'slow statement', failed: true }]);
});

import { setImmediate } from 'node:timers/promises';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import type { MysqlPool } from '../../src/database/mysql-pool.js';
import { TickClock } from '../../src/database/tick-clock.js';
import { describeWith } from '../support/describe-with.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { createPool } from './create-pool.js';

const CONNECTIONS = 10;

function blockEventLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describeWith('mysql', 'the deadline of a query', () => {
  let database: TestDatabase;
  let clock: TickClock;
  let pool: MysqlPool;
  let connections: number[];

  beforeEach(async () => {
    database = await createTestDatabase();
    clock = new TickClock(() => {
      pool.onTick();
    });
    const { primary } = mysqlConfig(database.url);
    pool = await createPool(primary, clock);
    connections = await connectionIds();
  });
  afterEach(async () => {
    clock.stop();
    pool.close();
    await database.drop();
  });

  const query = (sql: string, ms: number) =>
    pool.query(sql, [], { deadline: performance.now() + ms, origin: undefined });
  const noResponse = 'did not respond in time';

  /** The connections of the pool, each of which runs a query. */
  async function connectionIds(): Promise<number[]> {
    const sql = 'SELECT CONNECTION_ID() AS id, SLEEP(0.02)';
    const all = Array.from({ length: CONNECTIONS }, () => query(sql, 10_000));
    const rows = (await Promise.all(all)) as [{ id: number }][];
    return rows.map(([{ id }]) => id).sort();
  }

  it('is met by a response that arrives while the event loop is blocked', async () => {
    const rows = query('SELECT SLEEP(0.05) AS it', 300);
    // The query is sent, and the event loop continues with its timers.
    await setImmediate();
    blockEventLoop(500);
    expect(await rows).toEqual([{ it: 0 }]);
    expect(await connectionIds()).toEqual(connections);
  });

  it('is kept however long the turns of a busy event loop are', async () => {
    const others = Array.from({ length: CONNECTIONS }, () => query('SELECT SLEEP(1.4)', 10_000));
    const failure = expect(query('SELECT 1', 600)).rejects.toThrow(noResponse);
    const ended = failure.then(() => true);
    let turns = 0;
    while (!(await Promise.race([ended, setImmediate(false)]))) {
      turns++;
      blockEventLoop(200);
    }
    // By ticks, one a turn at most, it would be at least six.
    expect(turns).toBeLessThan(6);
    await Promise.all(others);
  });

  it('travels with its statement, so that the server ends it in time', async () => {
    const names = ['a', 'b', 'c'].map((name) => `information_schema.columns ${name}`).join();
    const sql = `SELECT COUNT(*) FROM ${names} WHERE CONCAT(a.column_name, b.column_name, c.column_name) = ''`;
    await expect(query(sql, 500)).rejects.toThrow(/max_statement_time|maximum statement execution/);
    expect(await connectionIds()).toEqual(connections);
  });

  it('ends a query that waits for a connection, which other queries keep', async () => {
    const others = connectionIds();
    const late = expect(query('SELECT 1', 150)).rejects.toThrow(noResponse);
    await setImmediate();
    blockEventLoop(400);
    expect(await others).toEqual(connections);
    await late;
    expect(await connectionIds()).toEqual(connections);
  });
});

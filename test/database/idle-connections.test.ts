import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { CheckedPool } from '../../src/database/checked-pool.js';
import type { MysqlPool } from '../../src/database/mysql-pool.js';
import { TickClock } from '../../src/database/tick-clock.js';
import { createDatabaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { describeWith } from '../support/describe-with.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { createPool, optionsOf } from './create-pool.js';

const CONNECTIONS = 10;

describeWith('mysql', 'connections that were idle', () => {
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  let clock: TickClock;
  let pool: MysqlPool;

  beforeEach(async () => {
    database = await createTestDatabase();
    await database.query('CREATE TABLE notes (id INT)');
    proxy = await createDatabaseProxy(database.url);
    await proxy.open();
    clock = new TickClock(() => {
      pool.onTick();
    });
    const { primary } = mysqlConfig(proxy.url);
    pool = await createPool(primary, clock);
  });
  afterEach(async () => {
    clock.stop();
    pool.close();
    await proxy.close();
    await database.drop();
  });

  const query = <Row>(sql: string) =>
    pool.query(sql, [], { deadline: performance.now() + 1_700, origin: undefined }) as Promise<
      Row[]
    >;

  /** The connections of ten queries at once. */
  async function connectionIds(): Promise<number[]> {
    const sql = 'SELECT CONNECTION_ID() AS id, SLEEP(0.02)';
    const all = Array.from({ length: CONNECTIONS }, () => query<{ id: number }>(sql));
    return (await Promise.all(all)).flatMap((rows) => rows.map(({ id }) => id)).sort();
  }

  async function untilTicks(count: number): Promise<void> {
    const from = clock.now;
    await until(() => clock.now >= from + count || undefined);
  }

  it('are used again when they work', async () => {
    const before = await connectionIds();
    await untilTicks(4);
    expect(await connectionIds()).toEqual(before);
  });

  it.each<['drop' | 'reset']>([['drop'], ['reset']])(
    'cost no query an error when a proxy has forgotten them: %s',
    async (fate) => {
      const before = await connectionIds();
      await untilTicks(4);
      proxy.forget(fate);
      const after = await connectionIds();
      expect(after.filter((id) => before.includes(id))).toEqual([]);
      expect(await connectionIds()).toEqual(after);
    },
  );

  it('are no longer open after 45 seconds, and the server sees no aborted connection', async () => {
    const moment = { now: 0 };
    const checked = new CheckedPool(await optionsOf(mysqlConfig(proxy.url).primary), moment);
    const sessions = async () => {
      const of = 'FROM information_schema.processlist WHERE db = DATABASE()';
      const [row] = await database.query<{ count: number }>(`SELECT COUNT(*) AS count ${of}`);
      // Without the session that asks.
      return Number(row?.count) - 1;
    };
    const aborted = () => database.query("SHOW GLOBAL STATUS LIKE 'Aborted_clients'");
    const before = await aborted();
    await new Promise<void>((resolve, reject) => {
      checked.acquire((error, connection) => {
        if (error !== null) reject(error);
        else {
          checked.release(connection);
          resolve();
        }
      });
    });
    moment.now = 449;
    checked.onTick();
    expect(await sessions()).toBe(1);
    moment.now = 450;
    checked.onTick();
    await until(async () => (await sessions()) === 0 || undefined);
    expect(await aborted()).toEqual(before);
    checked.close();
  });

  it.each([
    { sql: 'SELECT COUNT(*) AS it, SLEEP(0.5) FROM notes', isRetried: true },
    { sql: 'INSERT INTO notes SELECT SLEEP(0.5)', isRetried: false },
  ])('are replaced once when they break: $sql', async ({ sql, isRetried }) => {
    const pending = query(sql).then(
      () => true,
      () => false,
    );
    const running = `SELECT id AS id FROM information_schema.processlist
      WHERE db = DATABASE() AND info LIKE '%SLEEP(0.5)%' AND id <> CONNECTION_ID()`;
    const find = async () => (await database.query<{ id: number }>(running))[0];
    const { id } = await until(find);
    await database.query(`KILL ${id}`);
    expect(await pending).toBe(isRetried);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createTables, createTestDataSource } from '../support/data-source.js';
import { engines, mysql, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRows } from '../support/rows.js';

interface Listed {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly isExpired: boolean;
}

/** Times of the columns; those of less precision round them. */
const stored = [
  ...['1970-01-02 00:00:00', '2026-11-01 11:59:59.999', '2026-11-01 12:00:00'],
  ...['2026-11-01 12:00:00.0005', '2026-11-01 12:00:00.4', '2038-01-19 03:14:07'],
];
/** Also those that a TIMESTAMP, or no column, can hold. */
const bounds = [
  ...['0000-01-01T00:00:00+01:00', '0001-01-01T00:00:00Z', '1969-12-31T23:59:59.999Z'],
  ...['2026-11-01T11:59:59.999Z', '2026-11-01T12:00:00Z', '2026-11-01T12:00:00.001Z'],
  ...['2026-11-01T12:00:00.4Z', '2026-11-01T12:00:00.500Z', '2038-01-19T03:14:08Z'],
  ...['2200-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59-01:00'],
];
/** No date, in the ways that writers store it, and times that have passed and that have not. */
const expiries = [
  'NULL',
  "'0000-00-00 00:00:00'",
  "'2026-01-01 00:00:00'",
  "'2037-01-01 00:00:00'",
  'NULL',
  'NULL',
];

describe.each([
  ...engines.map((engine) => ({ engine, name: engine.engine, type: null })),
  ...['DATETIME', 'DATETIME(6)', 'TIMESTAMP NULL', 'TIMESTAMP(3) NULL', 'TIMESTAMP(6) NULL'].map(
    (type) => ({ engine: mysql, name: type, type }),
  ),
])('times in $name', ({ engine, type }) => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    database = await engine.provide();
    await createTables(database.config, { exports: exportRows(stored.length) });
    const source = await createTestDataSource(database.config);
    await source.initialize();
    const runner = source.createQueryRunner();
    if (engine === mysql) await runner.query("SET sql_mode = '', time_zone = '+00:00'");
    for (const column of type === null ? [] : ['created_at', 'updated_at', 'expires_at']) {
      await runner.query(`ALTER TABLE exports MODIFY ${column} ${type}`);
    }
    // SQLite stores the text that workers write: three digits.
    const written = stored.map((time) =>
      engine === mysql ? time : time.padEnd(20, '.').padEnd(23, '0').slice(0, 23),
    );
    for (const [index, created] of written.entries()) {
      await runner.query(
        `UPDATE exports SET created_at = '${created}', updated_at = '${written.at(-1 - index)}',
           expires_at = ${expiries[index]} WHERE id = '${exportId(index)}'`,
      );
    }
    await runner.release();
    await source.destroy();
    gateway = await startGateway(database);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  async function list(filter: object, after: string | null = null) {
    const { data, errors } = await gateway.query<{
      exports: { data: Listed[]; pagination: { totalCount: number; endCursor: string | null } };
    }>(
      `query ($filter: ExportFilter, $after: String) {
         exports(filter: $filter, after: $after, limit: 3) {
           data { id createdAt updatedAt isExpired } pagination { totalCount endCursor } } }`,
      { filter, after },
    );
    expect(errors).toBeUndefined();
    return data.exports;
  }

  /** Page by page, with the number that is counted. */
  async function listAll(filter: object): Promise<Listed[]> {
    const rows: Listed[] = [];
    let page = await list(filter);
    const { totalCount } = page.pagination;
    while (page.data.length > 0) {
      rows.push(...page.data);
      page = await list(filter, page.pagination.endCursor);
    }
    expect(rows).toHaveLength(totalCount);
    return rows;
  }

  it('compare with both ends of a range to the millisecond, and never fail', async () => {
    const all = await listAll({});
    expect(all).toHaveLength(stored.length);
    const fields = ['createdAt', 'updatedAt'] as const;
    for (const bound of bounds) {
      const ranges = fields.flatMap((field) =>
        ['gte', 'lt'].map(
          (end) => `${field}_${end}: exports(filter: { ${field}: { ${end}: "${bound}" } }) {
          data { id createdAt updatedAt isExpired } pagination { totalCount } }`,
        ),
      );
      const { data, errors } = await gateway.query(`{ ${ranges.join(' ')} }`);
      const expected = fields.flatMap((field) => {
        const has = (at: Listed) => new Date(at[field]) >= new Date(bound);
        const rows = { gte: all.filter(has), lt: all.filter((row) => !has(row)) };
        return Object.entries(rows).map(([end, list]) => [
          `${field}_${end}`,
          { data: list, pagination: { totalCount: list.length } },
        ]);
      });
      expect({ bound, errors, data: Object.entries(data) }).toEqual({ bound, data: expected });
    }
  });

  it('compare in the same way with a range and a cursor together', async () => {
    const all = await listAll({});
    const [from, to] = ['2026-11-01T11:59:59.999Z', '2026-11-01T12:00:00.001Z'];
    const isUpdated = ({ updatedAt }: Listed) => new Date(updatedAt) >= new Date(from);
    expect(await listAll({ updatedAt: { gte: from } })).toEqual(all.filter(isUpdated));
    const isCreated = ({ createdAt }: Listed) => new Date(createdAt) < new Date(to);
    expect(await listAll({ createdAt: { lt: to } })).toEqual(all.filter(isCreated));
  });

  it('have expired in the filter as in the field, and zero dates are no expiry', async () => {
    const all = await listAll({});
    expect(all.filter(({ isExpired }) => isExpired).map(({ id }) => id)).toEqual([exportId(2)]);
    for (const isExpired of [true, false]) {
      const expected = all.filter((row) => row.isExpired === isExpired);
      expect(await listAll({ isExpired })).toEqual(expected);
    }
  });
});

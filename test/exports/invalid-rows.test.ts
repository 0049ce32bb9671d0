import { beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportResource } from '../../src/exports/export.js';
import { engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRows, fileRow } from '../support/rows.js';

interface Page {
  exports: {
    data: { id: string; resource?: string }[];
    pagination: { hasMore: boolean; endCursor: string | null; totalCount?: number };
  };
}

describe.each(engines)('invalid rows on $engine', (engine) => {
  const gateway = useGateway(engine, {
    exports: exportRows(40),
    files: [fileRow(0, ExportFileKind.CSV)],
  });
  const ids = (...indexes: number[]) => indexes.map((index) => ({ id: exportId(index) }));
  /** Whatever a request selects. */
  const valid = [...Array(38).keys()].filter((at) => at < 2 || (at > 3 && at < 20) || at > 29);
  const list = (args: string) =>
    gateway.query<Page>(`{ exports(${args}) { data { id } pagination { hasMore endCursor } } }`);

  beforeAll(async () => {
    const runner = gateway.source.createQueryRunner();
    const change = (index: number, values: string) =>
      runner.query(`UPDATE exports SET ${values} WHERE id = '${exportId(index)}'`);
    if (engine.engine === 'MySQL') {
      const [{ version }] = (await runner.query('SELECT VERSION() AS version')) as [
        { version: string },
      ];
      await runner.query(`SET sql_mode = ''`);
      if (version.includes('MariaDB')) {
        await runner.query('SET check_constraint_checks = 0');
      } else {
        const checks = (await runner.query(
          `SELECT CONSTRAINT_NAME AS name FROM information_schema.TABLE_CONSTRAINTS
           WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'exports' AND CONSTRAINT_TYPE = 'CHECK'`,
        )) as { name: string }[];
        for (const { name } of checks) {
          await runner.query(`ALTER TABLE exports ALTER CHECK ${name} NOT ENFORCED`);
        }
      }
    } else {
      await runner.query('PRAGMA ignore_check_constraints = ON');
    }
    await change(1, "resource = 'invoices', expires_at = '0000-00-00 00:00:00.000'");
    for (const index of [2, 3, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]) {
      await change(index, "status = 'archived'");
    }
    await change(39, "created_at = '0000-00-00 00:00:00.000'");
    await change(38, "updated_at = '0000-00-00 00:00:00.000'");
    await runner.release();
  });

  it('do not fail a page, which reads on until it is full', async () => {
    const { data, errors } = await gateway.query<Page>(
      '{ exports(limit: 4) { data { id status } pagination { hasMore totalCount } } }',
    );
    expect(errors).toBeUndefined();
    expect(data.exports.data.map(({ id }) => ({ id }))).toEqual(ids(0, 1, 4, 5));
    expect(data.exports.pagination).toEqual({ hasMore: true, totalCount: 40 });
  });

  it('are counted in the total, and as OTHER or in no facet', async () => {
    const { data } = await gateway.query(
      `{ exports(filter: { resources: [OTHER, CONTACT] }) { facets { statuses { count } resources { resource count } }
           pagination { totalCount } } others: exports(filter: { resource: OTHER }) { data { id } } }`,
    );
    const counts = Object.fromEntries(
      Object.keys(ExportResource).map((resource) => [resource, resource === 'OTHER' ? 1 : 0]),
    );
    const contacts = 39;
    expect(data).toEqual({
      exports: {
        facets: {
          statuses: [0, 0, 28, 0, 0].map((count) => ({ count })),
          resources: Object.entries({ ...counts, CONTACT: contacts }).map(([resource, count]) => ({
            resource,
            count,
          })),
        },
        pagination: { totalCount: 40 },
      },
      others: { data: ids(1) },
    });
  });

  it('are read on past in at most three statements', async () => {
    const { data, statements } = await gateway.query<Page>(
      '{ exports(page: 6, limit: 4) { data { id status } pagination { hasMore endCursor } } }',
    );
    expect(statements).toHaveLength(3);
    // The zero date is first in the order.
    expect(data.exports.data.map(({ id }) => ({ id }))).toEqual(ids(19, 30, 31, 32));
  });

  it.each([
    { direction: 'ASC', way: 'forwards' },
    { direction: 'DESC', way: 'forwards' },
    { direction: 'ASC', way: 'backwards' },
    { direction: 'DESC', way: 'backwards' },
  ])('neither end nor repeat a list by cursors: $direction, $way', async ({ direction, way }) => {
    const isForward = way === 'forwards';
    const [size, argument] = isForward ? ['first', 'after'] : ['last', 'before'];
    const [more, next] = isForward
      ? ['hasNextPage', 'endCursor']
      : ['hasPreviousPage', 'startCursor'];
    const readFrom = async (cursor: string | null) => {
      const { data, errors } = await gateway.query<{
        exports: { data: { id: string }[]; pageInfo: { more: boolean; next: string | null } };
      }>(
        `query ($cursor: String) {
           exports(direction: ${direction}, ${size}: 1, ${argument}: $cursor) {
             data { id status } pageInfo { more: ${more} next: ${next} } } }`,
        { cursor },
      );
      expect(errors).toBeUndefined();
      return data.exports;
    };
    const pages = [await readFrom(null)];
    while (pages.length < 40 && pages.at(-1)?.pageInfo.more === true) {
      pages.push(await readFrom(pages.at(-1)?.pageInfo.next ?? null));
    }
    const found = pages.flatMap(({ data }) => data.map(({ id }) => ({ id })));
    const isAscending = (direction === 'ASC') === isForward;
    expect(found).toEqual(ids(...(isAscending ? valid : valid.toReversed())));
    // A page beyond the last one ends where it began.
    const last = pages.at(-1)?.pageInfo.next ?? null;
    const pageInfo = { more: false, next: last };
    expect(await readFrom(last)).toEqual({ data: [], pageInfo });
  });

  it('never become a cursor, and are null by id', async () => {
    const { data } = await list('limit: 100');
    const found = data.exports.data;
    expect(found).toEqual(ids(...valid));
    const after = data.exports.pagination.endCursor;
    const next = await list(`limit: 100, after: "${String(after)}"`);
    expect([next.errors, next.data.exports.data]).toEqual([undefined, []]);

    const byId = await gateway.query(
      `{ zero: export(id: "${exportId(39)}") { id createdAt }
         unknown: export(id: "${exportId(2)}") { id } intact: export(id: "${exportId(0)}") { id } }`,
    );
    expect(byId.data).toEqual({ zero: null, unknown: null, intact: { id: exportId(0) } });
    expect(byId.errors).toBeUndefined();
  });

  it('are logged once with their id, and counted each time', async () => {
    const lines = gateway.log.filter(({ id }) => id === exportId(2));
    expect(lines).toEqual([
      expect.objectContaining({
        column: 'status',
        msg: 'An export is left out because of an invalid value',
      }),
    ]);
    const { text } = await gateway.send({ path: '/metrics' });
    expect(Number(/^exports_gateway_invalid_rows_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(
      2,
    );
  });

  it('do not include an unknown resource, which is OTHER, also in a filter', async () => {
    const { data } = await gateway.query<Page>(
      '{ exports(filter: { resource: OTHER }) { data { id resource expiresAt } pagination { totalCount } } }',
    );
    expect(data.exports).toEqual({
      data: [{ id: exportId(1), resource: 'OTHER', expiresAt: null }],
      pagination: { totalCount: 1 },
    });
  });
});

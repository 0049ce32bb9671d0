import 'reflect-metadata';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { estimateCompletion, progressOf } from '../../src/exports/export-progress.js';
import { ExportStatus, type ExportRow } from '../../src/exports/export.js';
import { createTables, createTestDataSource } from '../support/data-source.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, useGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';

const { QUEUED, PROCESSING, COMPLETED, FAILED, TIMED_OUT } = ExportStatus;

describe('the progress of an export', () => {
  it.each<[ExportStatus, processed: number, total: number, expected: number | null]>([
    [QUEUED, 0, 0, null],
    [QUEUED, 0, 10, 0],
    [PROCESSING, 0, 10, 0],
    [PROCESSING, 1, 3, 1 / 3],
    [PROCESSING, 10, 10, 1],
    [PROCESSING, 11, 10, 1],
    [PROCESSING, -1, 10, 0],
    [PROCESSING, 5, 0, null],
    [PROCESSING, 5, -1, null],
    [PROCESSING, 2 ** 31 - 1, 2 ** 31 - 1, 1],
    [FAILED, 4, 10, 0.4],
    [TIMED_OUT, 4, 0, null],
    [COMPLETED, 4, 10, 1],
    [COMPLETED, 0, 0, 1],
  ])('of status %s with %i of %i records is %p', (status, countProcessed, countTotal, expected) => {
    expect(progressOf({ id: 'a', status, countProcessed, countTotal })).toBe(expected);
  });
});

describe('the estimated completion of an export', () => {
  const running = {
    ...{ id: 'a', status: PROCESSING, countProcessed: 25, countTotal: 100 },
    ...{ startedAt: '2026-11-02 12:00:00.000', updatedAt: '2026-11-02 12:01:00.000' },
  };
  const none = null;
  it.each<[what: string, changes: Partial<ExportRow>, now: string, expected: string | null]>([
    ['goes on at the pace so far', {}, '12:01:30.000', '12:04:00.000Z'],
    ['takes the time of the last change', { countProcessed: 50 }, '12:01:30.000', '12:02:00.000Z'],
    ['may be now', {}, '12:04:00.000', '12:04:00.000Z'],
    ['has passed', {}, '12:04:01.000', none],
    [
      'takes microseconds',
      { startedAt: '2026-11-02 12:00:00.000999' },
      '12:01:30',
      '12:04:00.000Z',
    ],
    ['takes whole seconds', { startedAt: '2026-11-02 12:00:00' }, '12:01:30', '12:04:00.000Z'],
    ['is the last change with all records', { countProcessed: 100 }, '12:01:00', '12:01:00.000Z'],
    ['needs a start', { startedAt: null }, '12:01:30', none],
    ['needs progress', { countProcessed: 0 }, '12:01:30', none],
    ['needs a number of records', { countTotal: 0 }, '12:01:30', none],
    ['is for a queued export', { status: QUEUED }, '12:01:30', none],
    ['is for a completed export', { status: COMPLETED }, '12:01:00', none],
    ['is for a failed export', { status: FAILED }, '12:01:30', none],
    ['starts after the change', { startedAt: '2026-11-02 12:02:00.000' }, '12:01:00', none],
  ])('%s', (_, changes, now, expected) => {
    const estimate = estimateCompletion({ ...running, ...changes }, new Date(`2026-11-02T${now}Z`));
    expect(estimate?.toISOString().slice(11) ?? null).toBe(expected);
  });

  it.each([
    [0, true],
    [1, false],
  ])('reaches a year ahead, and not %i ms more', (more, isEstimated) => {
    const now = Date.parse('2026-11-02T12:00:00.000Z');
    // One half takes a year.
    const year = 365 * 86_400_000 + more;
    const [startedAt, updatedAt] = [now - year, now].map((at) => toSqlDateTime(new Date(at)));
    const row = { ...running, countProcessed: 50, startedAt, updatedAt } as ExportRow;
    expect(estimateCompletion(row, new Date(now)) !== null).toBe(isEstimated);
  });
});

const fields = 'countProcessed progress estimatedCompletionAt isExpired';
const documents = {
  export: (selection: string) => `{ found: export(id: "${exportId(0)}") { ${selection} } }`,
  exportsByIds: (selection: string) =>
    `{ found: exportsByIds(ids: ["${exportId(0)}"]) { ${selection} } }`,
  exports: (selection: string) => `{ found: exports(limit: 1) { data { ${selection} } } }`,
  _entities: (selection: string) =>
    `query ($refs: [_Any!]! = [{ __typename: "Export", id: "${exportId(0)}" }]) {
       found: _entities(representations: $refs) { ... on Export { ${selection} } } }`,
};
type Field = keyof typeof documents;
const fieldNames = Object.keys(documents) as Field[];

/** The only export in the response, and the columns that its statement reads beside the others. */
async function read(gateway: Gateway, field: Field, selection: string) {
  const { data, errors, statements } = await gateway.query<{ found: unknown }>(
    documents[field](selection),
  );
  expect(errors).toBeUndefined();
  expect(statements).toHaveLength(1);
  const { found } = data;
  const row = field === 'exports' ? (found as { data: unknown }).data : found;
  const columns = statements[0]?.match(/(?<= AS )(countProcessed|startedAt|expiresAt)\b/g) ?? [];
  return { row: Array.isArray(row) ? (row[0] as unknown) : row, columns };
}

describe.each(engines)('the computed fields on $engine', (engine) => {
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const gateway = useGateway(engine, {
    exports: [
      exportRow(0, {
        ...{ status: PROCESSING, countTotal: 1_000, countProcessed: 10 },
        ...{ startedAt: new Date(now - 120_000), updatedAt: new Date(now - 60_000) },
        expiresAt: new Date(now + 60_000),
      }),
      exportRow(1, { countProcessed: 3, expiresAt: new Date(now) }),
    ],
  });

  it.each(fieldNames)('are those of the row, again when compiled, by %s', async (field) => {
    for (let use = 1; use <= 3; use += 1) {
      expect((await read(gateway, field, fields)).row).toEqual({
        ...{ countProcessed: 10, progress: 0.01 },
        estimatedCompletionAt: new Date(now - 60_000 + 99 * 60_000).toISOString(),
        isExpired: false,
      });
    }
  });

  it.each(
    fieldNames.flatMap((field) =>
      Object.entries({
        'id countTotal': [],
        countProcessed: ['countProcessed'],
        progress: ['countProcessed'],
        estimatedCompletionAt: ['countProcessed', 'startedAt'],
        isExpired: ['expiresAt'],
      }).map(([selection, columns]) => ({ field, selection, columns })),
    ),
  )('of $field read what they need for $selection', async ({ field, selection, columns }) => {
    expect((await read(gateway, field, selection)).columns).toEqual(columns);
  });

  it('are of an export with files, too', async () => {
    const { data, errors } = await gateway.query<{ export: object }>(
      `{ export(id: "${exportId(1)}") { ${fields} files { state } } }`,
    );
    expect(errors).toBeUndefined();
    const computed = { progress: 1, estimatedCompletionAt: null, isExpired: true };
    expect(data.export).toMatchObject({ countProcessed: 3, ...computed });
  });
});

describe.each(engines)('a view of the required columns on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    database = await provide();
    await createTables(database.config, {
      exports: [exportRow(0, { status: PROCESSING, startedAt: new Date() }), exportRow(1)],
    });
    const source = await createTestDataSource(database.config);
    await source.initialize();
    await source.query('ALTER TABLE exports RENAME TO jobs');
    await source.query(
      `CREATE VIEW exports AS SELECT id, organization_id, name, resource, status, count_total,
         created_at, updated_at FROM jobs`,
    );
    await source.destroy();
    gateway = await startGateway(database);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  const computed = { progress: null, estimatedCompletionAt: null, isExpired: false };

  it.each(fieldNames)('has 0 processed records and no progress, by %s', async (field) => {
    const expected = { countProcessed: 0, ...computed, failureCode: null };
    expect((await read(gateway, field, `${fields} failureCode`)).row).toEqual(expected);
  });

  it('has none of a completed export either', async () => {
    const { data } = await gateway.query(`{ export(id: "${exportId(1)}") { ${fields} } }`);
    expect(data).toEqual({ export: { countProcessed: 0, ...computed } });
  });
});

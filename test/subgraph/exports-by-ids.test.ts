import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { engines, type EngineDatabase } from '../support/engines.js';
import type { Gateway } from '../support/gateway.js';
import { exportId } from '../support/rows.js';
import { FOREIGN, startWithOwnAndForeign, UNKNOWN } from './tenant-isolation.js';

interface Found {
  readonly exportsByIds: readonly (Record<string, unknown> | null)[];
}

describe.each(engines)('exportsByIds on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await provide();
    gateway = await startWithOwnAndForeign(database);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  const ask = (indexes: readonly number[], selection: string, flags = '') =>
    gateway.query<Found>(
      `query ($ids: [ID!]!) { exportsByIds(ids: $ids${flags}) { ${selection} } }`,
      { ids: indexes.map(exportId) },
    );

  it('keeps the order of the ids: 100 in one statement', async () => {
    const indexes = [...Array(100).keys()].map((index) => (index * 37) % 101);
    const { data, errors, statements } = await ask(indexes, 'id name');
    expect(errors).toBeUndefined();
    expect(data.exportsByIds).toEqual(
      indexes.map((index) => ({ id: exportId(index), name: `Export ${index}` })),
    );
    expect(statements).toEqual([expect.stringContaining(' e.id IN (')]);
  });

  it('gives 100 with all of their links in two statements', async () => {
    const { data, statements, linksSigned } = await ask(
      [...Array(100).keys()],
      'id jsonUrl csvUrl csvErrorUrl csvSanitizedUrl files { kind url }',
    );
    expect(data.exportsByIds).toHaveLength(100);
    expect(statements).toHaveLength(2);
    expect(linksSigned).toBe(100 * (4 + 4));
  });

  it('has null where there is none, or one of another organization, and answers duplicates', async () => {
    const { data, errors, statements } = await ask([1, UNKNOWN, 2, FOREIGN, 1, UNKNOWN], 'id');
    expect(errors).toBeUndefined();
    expect(data.exportsByIds).toEqual([
      { id: exportId(1) },
      null,
      { id: exportId(2) },
      null,
      { id: exportId(1) },
      null,
    ]);
    expect(statements).toHaveLength(1);
  });

  it.each([
    { flags: '', json: true, csv: true },
    { flags: ', includeCsv: false', json: true, csv: false },
    { flags: ', includeJson: false', json: false, csv: true },
    { flags: ', includeCsv: false, includeJson: false', json: false, csv: false },
  ])('has the links that are asked for: ($flags)', async ({ flags, json, csv }) => {
    const { data, statements, linksSigned } = await ask(
      [0],
      'jsonUrl csvUrl csvErrorUrl csvSanitizedUrl',
      flags,
    );
    const { jsonUrl, ...csvUrls } = data.exportsByIds[0] ?? {};
    expect(jsonUrl !== null).toBe(json);
    expect(Object.values(csvUrls).map((url) => url !== null)).toEqual([csv, csv, csv]);
    expect(statements).toHaveLength(json || csv ? 2 : 1);
    expect(linksSigned).toBe((json ? 1 : 0) + (csv ? 3 : 0));
  });

  it('refuses 101 ids before any SQL, naming the argument', async () => {
    const { data, errors, statements } = await ask([...Array(101).keys()], 'id');
    expect(data).toBeNull();
    expect(errors).toEqual([
      expect.objectContaining({
        message: 'ids must be at most 100, not 101.',
        path: ['exportsByIds'],
        extensions: { code: 'BAD_USER_INPUT' },
      }),
    ]);
    expect(statements).toEqual([]);
  });

  it('is empty, without a statement, for no ids', async () => {
    const { data, statements } = await ask([], 'id');
    expect([data, statements]).toEqual([{ exportsByIds: [] }, []]);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  matchesFilter,
  normalizeExportFilter,
  type FilterViewer,
} from '../../src/exports/export-filter.js';
import { isInScope } from '../../src/exports/export-scope.js';
import { ExportResource, ExportStatus, type Export } from '../../src/exports/export.js';
import { signToken, tokensAccepted } from '../auth/credentials.js';
import { engines } from '../support/engines.js';
import { startGateway, useGateway, type Gateway } from '../support/gateway.js';
import { clearRows, exportRow, exportRows, insertRows } from '../support/rows.js';
import { chronological, idsInOrder, orders, readFacets, readPage, storedRow } from './lists.js';

const ROWS = 57;

/** Few distinct values in every ordered column, so that most rows tie. */
const changesOf = (index: number): Partial<Export> => ({
  countBatches: (index * 5) % 4,
  countTotal: ((index * 11) % 3) * 1_000 - 1,
  // A millisecond apart, across a whole second.
  createdAt: new Date(Date.UTC(2026, 10, 1, 12, 0, 0, 998) + ((index * 7) % 5)),
  updatedAt: new Date(Date.UTC(2026, 10, 1) + ((index * 13) % 3) * 1_000),
});
const rows = exportRows(ROWS, changesOf);
const ids = idsInOrder(rows, chronological);

// Beyond ASCII the engines differ in letter case, so é has one case only.
const letters = ['a', 'A', 'b', 'B', '%', '_', '!', '\\', "'", '"', '🎉', 'é', ' '];
const text = (maxLength: number) => fc.string({ unit: fc.constantFrom(...letters), maxLength });
/** The first and last times that a DATETIME column holds, and around 1970. */
const times = [
  ...['1000-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z', '1970-01-01T00:00:00.000Z'],
  ...['2026-11-01T12:00:00.998Z', '9999-12-31T23:59:59.999Z'],
].map((time) => new Date(time));
const counts = [-2_147_483_648, -1, 0, 1, 2_147_483_647];

/** MySQL takes `ann` and `ann ` as equal. */
const requesters = ['ann', 'ann ', "Ann'%_\\🎉"];

// Few values, for many ties. The other organizations match `org_demo` as a pattern or in other case.
const rowArbitrary = fc.record({
  organizationId: fc.constantFrom(
    ...['org_demo', 'org_demo', 'org_demo', 'org_demo'],
    ...['ORG_DEMO', 'orgxdemo', 'org_demo2', 'org_dem'],
  ),
  name: text(8),
  resource: fc.constantFrom(...Object.values(ExportResource)),
  status: fc.constantFrom(...Object.values(ExportStatus)),
  requestedBy: fc.constantFrom(null, ...requesters),
  countBatches: fc.constantFrom(...counts),
  countTotal: fc.constantFrom(...counts),
  createdAt: fc.constantFrom(...times),
  updatedAt: fc.constantFrom(...times),
  expiresAt: fc.constantFrom(
    null,
    ...['2020-01-01T00:00:00.000Z', '2026-11-01T11:59:59.999Z', '2026-11-01T12:00:00.000Z'].map(
      (time) => new Date(time),
    ),
    ...['2026-11-01T12:00:00.001Z', '9999-12-31T23:59:59.999Z'].map((time) => new Date(time)),
  ),
});
/** At, before and after the times of rows, and those that no column can hold. */
const bounds = [
  ...times.flatMap((time) => [-1, 0, 1].map((ms) => new Date(time.getTime() + ms).toISOString())),
  ...['0000-01-01T00:00:00+01:00', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59-01:00'],
].filter((time) => !time.startsWith('+'));
const bound = fc.option(
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...times.map((time) => time.toISOString())) },
    { weight: 1, arbitrary: fc.constantFrom(...bounds) },
  ),
  { freq: 2 },
);
const range = fc.record({ gte: bound, lt: bound });
type Range = typeof range extends fc.Arbitrary<infer Value> ? Value : never;
const isWithin = (time: Date, { gte, lt }: Range) =>
  (gte === null || time >= new Date(gte)) && (lt === null || time < new Date(lt));
const asDates = ({ gte, lt }: Range) => ({
  gte: gte === null ? null : new Date(gte),
  lt: lt === null ? null : new Date(lt),
});
const keysOf = <Values extends object>(values: Values) =>
  Object.keys(values) as (keyof Values & string)[];

const conditions = {
  resource: fc.option(fc.constantFrom(...keysOf(ExportResource))),
  resources: fc.option(fc.array(fc.constantFrom(...keysOf(ExportResource)), { maxLength: 5 })),
  statuses: fc.option(fc.array(fc.constantFrom(...keysOf(ExportStatus)), { maxLength: 6 })),
  search: fc.option(text(2)),
  requestedBy: fc.option(fc.constantFrom('', ...requesters)),
  mine: fc.option(fc.boolean()),
  isExpired: fc.option(fc.boolean()),
  createdAt: fc.option(range),
  updatedAt: fc.option(range),
};
type Values<Conditions> = {
  [Name in keyof Conditions]?: Conditions[Name] extends fc.Arbitrary<infer Value> ? Value : never;
};
type Filter = Values<typeof conditions>;
/** A filter as clients send it. With more conditions, hardly any row meets all others of one. */
const filterArbitrary = fc.subarray(keysOf(conditions), { maxLength: 3 }).chain((names) =>
  fc.record(conditions, { requiredKeys: [] }).map((all): Filter => {
    const others = keysOf(all).filter((name) => !names.includes(name));
    return { ...all, ...Object.fromEntries(others.map((name) => [name, null])) };
  }),
);

/** Of a token that sees the exports of one requester, of one that sees all, and of no token. */
const viewers = [
  { requester: null, onlyRequestedBy: null },
  ...requesters.map((requester) => ({ requester, onlyRequestedBy: requester })),
  { requester: 'ann', onlyRequestedBy: null },
] as const satisfies FilterViewer[];

const listArbitrary = fc
  .record({
    viewer: fc.constantFrom<FilterViewer>(...viewers),
    filter: filterArbitrary,
    order: fc.constantFrom(...orders),
    limit: fc.constantFrom(...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 100]),
  })
  .filter(({ viewer, filter }) => viewer.requester !== null || filter.mine !== true);
const lowerCase = (name: string) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

interface List {
  readonly viewer: FilterViewer;
  readonly filter: Filter;
  readonly now?: Date;
}

/** Whether a list has a row, in plain JavaScript. */
const isExpected =
  ({ viewer, filter, now = new Date() }: List) =>
  (row: Export) => {
    const { createdAt, updatedAt } = filter;
    return [
      row.organizationId === 'org_demo',
      viewer.onlyRequestedBy === null || row.requestedBy === viewer.onlyRequestedBy,
      filter.resource == null || row.resource === ExportResource[filter.resource],
      !filter.resources?.length ||
        filter.resources.some((resource) => row.resource === ExportResource[resource]),
      !filter.statuses?.length ||
        filter.statuses.some((status) => row.status === ExportStatus[status]),
      lowerCase(row.name).includes(lowerCase((filter.search ?? '').trim())),
      filter.requestedBy == null || row.requestedBy === filter.requestedBy,
      filter.mine !== true || row.requestedBy === viewer.requester,
      filter.isExpired == null ||
        (row.expiresAt !== null && row.expiresAt <= now) === filter.isExpired,
      createdAt == null || isWithin(row.createdAt, createdAt),
      updatedAt == null || isWithin(row.updatedAt, updatedAt),
    ].every(Boolean);
  };

/** The facets of a list and its total, in plain JavaScript. */
function facetsOf(all: readonly Export[], { viewer, filter }: List) {
  const withoutResources = { ...filter, resource: null, resources: null };
  const withoutStatuses = { ...filter, statuses: null };
  const counted = (others: Filter, column: 'resource' | 'status', values: object) =>
    Object.entries(values).map(([name, value]) => ({
      [column]: name,
      count: all
        .filter(isExpected({ viewer, filter: others }))
        .filter((row) => row[column] === value).length,
    }));
  return {
    facets: {
      statuses: counted(withoutStatuses, 'status', ExportStatus),
      resources: counted(withoutResources, 'resource', ExportResource),
    },
    pagination: { totalCount: all.filter(isExpected({ viewer, filter })).length },
  };
}

it('a subscription has the same exports as a list with its filter', () => {
  const now = new Date('2026-11-01T12:00:00.000Z');
  const property = fc.property(rowArbitrary, listArbitrary, (changes, { viewer, filter }) => {
    const row = exportRow(1, { ...changes, organizationId: 'org_demo' });
    const { resource = null, resources, statuses, createdAt, updatedAt } = filter;
    const normalized = normalizeExportFilter(
      {
        ...filter,
        resource: resource && ExportResource[resource],
        resources: resources?.map((each) => ExportResource[each]) ?? null,
        statuses: statuses?.map((each) => ExportStatus[each]) ?? null,
        createdAt: createdAt ? asDates(createdAt) : null,
        updatedAt: updatedAt ? asDates(updatedAt) : null,
      },
      viewer,
    );
    const stored = storedRow(row);
    const isMatching =
      isInScope(stored, viewer.onlyRequestedBy) && matchesFilter(stored, normalized, now);
    expect(isMatching).toBe(isExpected({ viewer, filter, now })(row));
  });
  fc.assert(property, { numRuns: 5_000 });
});

describe.each(engines)('a list of exports on $engine', (engine) => {
  const gateway = useGateway(engine);
  const insert = (exports: readonly Export[]) => insertRows(gateway.source, { exports });
  beforeEach(() => clearRows(gateway.source));

  it('equals what plain JavaScript computes, page by page and cursor by cursor', async () => {
    const restricted = await startGateway(
      { config: gateway.config.database },
      { config: tokensAccepted({ JWT_REQUESTER_CLAIM: 'sub', JWT_ALL_EXPORTS_SCOPE: 'all' }) },
    );
    async function seenBy(viewer: FilterViewer): Promise<Pick<Gateway, 'send'>> {
      const { requester, onlyRequestedBy } = viewer;
      if (requester === null) return gateway;
      const scope = onlyRequestedBy === null ? 'all' : '';
      const token = await signToken({ org_id: 'org_demo', sub: requester, scope });
      const headers = ['Authorization', `Bearer ${token}`];
      return { send: (request) => restricted.send({ headers, ...request }) };
    }
    const property = fc.asyncProperty(
      fc.array(rowArbitrary, { minLength: 1, maxLength: 40 }),
      fc.array(listArbitrary, { minLength: 1, maxLength: 3 }),
      async (changes, lists) => {
        const all = changes.map((row, index) => exportRow((index * 7_919) % 100_003, row));
        await clearRows(gateway.source);
        await insert(all);
        for (const { viewer, filter, order, limit } of lists) {
          const seen = await seenBy(viewer);
          const matching = all.filter(isExpected({ viewer, filter }));
          const expectedIds = idsInOrder(matching, order);
          const totalPages = Math.ceil(expectedIds.length / limit);
          // GraphQL accepts a single value as a list of one.
          const { statuses } = filter;
          const sent = { ...filter, ...(statuses?.length === 1 && { statuses: statuses[0] }) };
          expect(await readFacets(seen, sent)).toEqual(facetsOf(all, { viewer, filter }));
          const args = `${order.args}, limit: ${limit}`;
          let after: string | null = null;
          // Also the page after the last, and one whose offset exceeds 32 bits.
          for (const page of [...Array(totalPages + 1).keys(), 2_147_483_646].map((at) => at + 1)) {
            const expected = expectedIds.slice((page - 1) * limit, page * limit);
            const pagination = {
              ...{ page, limit, hasMore: page < totalPages, totalPages },
              totalCount: expectedIds.length,
              endCursor: expected.length === 0 ? null : expect.any(String),
            };
            const byNumber = await readPage(seen, `${args}, page: ${page}`, null, sent);
            expect(byNumber).toEqual({ ids: expected, pagination });
            if (page > Math.max(totalPages + 1, 1)) break;
            // The page argument keeps its default beside a cursor.
            expect(await readPage(seen, args, after, sent)).toEqual({
              ids: expected,
              pagination: {
                ...byNumber.pagination,
                page: 1,
                endCursor: byNumber.pagination.endCursor ?? after,
              },
            });
            after = byNumber.pagination.endCursor;
          }
        }
      },
    );
    const checked = fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 25_000 });
    await checked.finally(() => restricted.close());
  });

  it('has the ten oldest exports by default, and takes null and absent variables as absent', async () => {
    await insert([...rows].reverse());
    const lists = [
      ...['exports', 'exports(filter: null, after: null)', 'exports(filter: {})'],
      'exports(page: $page, limit: $limit, orderBy: $orderBy, direction: $direction)',
      'exports(filter: { resource: null, statuses: null, search: null })',
    ];
    const selection = '{ data { id } pagination { page limit hasMore totalCount totalPages } }';
    const { data, errors } = await gateway.query<Record<string, object>>(
      `query ($page: Int, $limit: Int, $orderBy: ExportOrderBy, $direction: ExportSortDirection) {
         ${lists.map((list, index) => `a${index}: ${list} ${selection}`).join(' ')} }`,
    );
    expect(errors).toBeUndefined();
    const expected = {
      data: ids.slice(0, 10).map((id) => ({ id })),
      pagination: { page: 1, limit: 10, hasMore: true, totalCount: ROWS, totalPages: 6 },
    };
    expect(Object.values(data)).toEqual(lists.map(() => expected));
  });

  it.each(['org%', 'org_empty'])(
    'has only exports of the organization %s',
    async (organization) => {
      const own = exportRow(ROWS, { organizationId: 'org%' });
      await insert([...rows, own]);
      const config = { auth: { kind: 'off', organization } } as const;
      const other = await startGateway({ config: gateway.config.database }, { config });
      const page = await readPage(other, 'limit: 100').finally(() => other.close());
      const expected = organization === 'org%' ? [own.id] : [];
      expect(page).toMatchObject({ ids: expected, pagination: { totalCount: expected.length } });
    },
  );

  it('after a cursor ignores page, allows another limit and counts the whole list', async () => {
    await insert(rows);
    const { pagination } = await readPage(gateway, 'limit: 5');
    const page = await readPage(gateway, 'limit: 7, page: 40', pagination.endCursor);
    expect(page.ids).toEqual(ids.slice(5, 12));
    expect(page.pagination).toMatchObject({ totalCount: ROWS, totalPages: 9 });
  });

  it.each(orders)(
    'includes new exports after a cursor by $args if they follow it',
    async (order) => {
      const before = [...Array(60).keys()].map((index) => exportRow(index * 10, changesOf(index)));
      // Of every value, on both sides of the cursor.
      const added = before.map((_, index) => exportRow(index * 10 + 3, changesOf(index)));
      await insert(before);
      const first = await readPage(gateway, `${order.args}, limit: 25`);
      await insert(added);
      // The cursor remains valid without its export.
      await gateway.source.query('DELETE FROM exports WHERE id = ?', [first.ids.at(-1)]);
      const all = idsInOrder([...before, ...added], order);
      const following = all.slice(all.indexOf(first.ids.at(-1) ?? '') + 1);
      const args = `${order.args}, limit: 100`;
      const next = await readPage(gateway, args, first.pagination.endCursor);
      expect(next.ids).toEqual(following);
    },
  );
});

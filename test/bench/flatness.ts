import type { Bench, Rounds } from './bench.js';
import { query } from './check.js';
import { FIRST_CREATED_AT } from './data.js';
import { digits, median, ratios } from './figures.js';
import {
  createRequest,
  createRequests,
  findWorkload,
  someDay,
  type GraphqlRequest,
} from './workloads.js';

const SIZES = [10_000, 100_000, 1_000_000] as const;

/** The maximum slowdown from the smallest to the largest table, except for counts. */
const GOAL = 1.3;

/** Creates the requests to a gateway at `origin` whose database has `rows` exports. */
type Create = (rows: number, origin: string) => GraphqlRequest[] | Promise<GraphqlRequest[]>;

const fromWorkload =
  (name: string): Create =>
  (rows) =>
    createRequests(findWorkload(name), rows);

type Filter = (index: number, rows: number) => object;

const newerHalf: Filter = (_index, rows) => ({
  createdAt: { gte: new Date(FIRST_CREATED_AT + rows * 30_000).toISOString() },
});
const someRequester: Filter = (index) => ({ requestedBy: `user${index % 900}@example.com` });

/** Lists of 20 to 11 exports in turn, so that concurrent ones differ, unless `limit` is given. */
function filtered(filter: Filter, orderBy = 'CREATED_AT', limit?: number): Create {
  return (rows) =>
    Array.from({ length: 900 }, (_, index) =>
      createRequest('ExportsInOrder', {
        ...{ filter: filter(index, rows), orderBy },
        limit: limit ?? 20 - (index % 10),
      }),
    );
}

const cases: readonly (readonly [title: string, goal: number | null, Create])[] = [
  ['W2', GOAL, fromWorkload('W2')],
  ['W4', null, fromWorkload('W4')],
  ['W4 without its count', GOAL, withoutCount],
  ['W5 by cursor', GOAL, byCursor],
  ['W5 by cursor, backwards', GOAL, backwards],
  ['W7', GOAL, fromWorkload('W7')],
  ['W9', GOAL, fromWorkload('W9')],
  ['W9 by countTotal', GOAL, filtered(someDay, 'COUNT_TOTAL')],
  ['the newer half by countTotal', GOAL, filtered(newerHalf, 'COUNT_TOTAL')],
  ['not expired', GOAL, filtered(() => ({ isExpired: false }))],
  ['expired, of which there are none', GOAL, filtered(() => ({ isExpired: true }))],
  // At ten thousand rows a requester has about four exports.
  ['of a requester', GOAL, filtered(someRequester, 'CREATED_AT', 2)],
  ['W12', GOAL, fromWorkload('W12')],
];

function withoutCount(rows: number): GraphqlRequest[] {
  const counts = createRequests(findWorkload('W4'), rows);
  return counts.map(({ variables }) => createRequest('Exports', variables));
}

/** The pages after those of W5, by the cursors of these. */
async function byCursor(rows: number, origin: string): Promise<GraphqlRequest[]> {
  const cursors = await cursorsOfW5(rows, origin);
  return cursors.map((after) => createRequest('ExportsByCursor', { after }));
}

async function backwards(rows: number, origin: string): Promise<GraphqlRequest[]> {
  const cursors = await cursorsOfW5(rows, origin);
  return cursors.map((before) => createRequest('LastExports', { last: 10, before }));
}

async function cursorsOfW5(rows: number, origin: string): Promise<string[]> {
  const cursors: string[] = [];
  for (let page = rows / 50; page < rows / 50 + 20; page++) {
    const { data } = (await query(origin, createRequest('ExportsByCursor', { page }))) as {
      data: { exports: { pagination: { endCursor: string } } };
    };
    cursors.push(data.exports.pagination.endCursor);
  }
  return cursors;
}

/** Measures the gateway on tables of several sizes and prints its slowdown. */
export async function measureFlatness(bench: Bench, rounds: Rounds): Promise<void> {
  const gateways = [];
  for (const rows of SIZES)
    gateways.push({ rows, contender: await bench.startContender('gateway', rows) });
  const results: Record<string, object> = {};
  for (const [title, goal, create] of cases) {
    console.error(`Measuring ${title}`);
    const targets = gateways.map(async ({ rows, contender }) => ({
      contender,
      requests: await create(rows, contender.origin),
    }));
    const measured = await bench.measure(await Promise.all(targets), rounds);
    const cpu = median(ratios(measured, (each) => each.cpu + each.databaseCpu));
    const slowdown = median(ratios(measured, ({ perSecond }) => 1 / perSecond));
    const perSecond = SIZES.map((rows, at) => [
      `${rows} rows`,
      digits(median((measured[at] ?? []).map((each) => each.perSecond))),
    ]);
    results[title] = {
      ...(Object.fromEntries(perSecond) as object),
      'times the CPU': digits(cpu),
      'times slower': digits(slowdown),
      ...(goal !== null && { goal, reached: slowdown <= goal }),
    };
  }
  console.log('Requests a second of the gateway as the table grows');
  console.table(results);
}

import type { Bench, Rounds } from './bench.js';
import { FIRST_CREATED_AT } from './data.js';
import { digits, median, ratios } from './figures.js';
import { createRequest } from './workloads.js';

const ROWS = 1_000_000;

/** The maximum time of facets and a count, as a multiple of the count without the facets' filters. */
const GOAL = 1.3;

const newerHalf = new Date(FIRST_CREATED_AT + ROWS * 30_000).toISOString();
const dimensions = { resources: ['CONTACT', 'GROUP'], statuses: ['FAILED', 'TIMED_OUT'] };
const filters = {
  'no other filter': {},
  'the newer half': { createdAt: { gte: newerHalf } },
  'not expired': { isExpired: false },
  'of a requester': { requestedBy: 'user7@example.com' },
  'search of a frequent word': { search: 'oslo' },
};

/**
 * Compares facets beside a count with the count that their statement has to read. With one
 * connection, so that no requests share a query.
 */
export async function measureFacets(bench: Bench, rounds: Rounds): Promise<void> {
  const contender = await bench.startContender('gateway', ROWS);
  const results: Record<string, object> = {};
  for (const [title, filter] of Object.entries(filters)) {
    console.error(`Measuring ${title}`);
    const requests = [
      createRequest('CountOnly', { filter }),
      createRequest('CountAndFacets', { filter }),
      createRequest('CountAndFacets', { filter: { ...filter, ...dimensions } }),
    ];
    const targets = requests.map((request) => ({ contender, requests: [request] }));
    const measured = await bench.measure(targets, { ...rounds, clients: 1 });
    const [count, all, both] = measured.map((each) => digits(median(each.map(({ p50 }) => p50))));
    const times = ratios(measured, ({ perSecond }) => 1 / perSecond);
    const cpu = median(ratios(measured, (each) => each.cpu + each.databaseCpu));
    results[title] = {
      'count ms': count,
      'facets ms': all,
      'with resources and statuses': both,
      'times the CPU': digits(cpu),
      'times the count': digits(median(times)),
      lowest: digits(Math.min(...times)),
      highest: digits(Math.max(...times)),
      goal: GOAL,
      reached: median(times) <= GOAL,
    };
  }
  console.log(`Facets and totalCount of ${ROWS} rows, half of them of the organization`);
  console.table(results);
}

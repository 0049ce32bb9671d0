import fc from 'fast-check';

import { errorCodes } from '../fuzz/responses.js';
import { exportId } from '../support/rows.js';

/** A request and the check of its response while the database is available. */
export interface Exchange {
  readonly name: string;
  readonly path: string;
  readonly init: RequestInit;
  readonly isExpected: (status: number, text: string) => boolean;
}

function graphql(
  name: string,
  body: string | object,
  isExpected: Exchange['isExpected'],
): Exchange {
  const headers = { 'content-type': 'application/json' };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { name, path: '/graphql', init: { method: 'POST', headers, body: text }, isExpected };
}

/** Expects exactly this data and no errors. */
export function success(query: string, data: object, variables?: object): Exchange {
  const expected = `${JSON.stringify({ data })}\n`;
  const isExpected: Exchange['isExpected'] = (status, text) => status === 200 && text === expected;
  return graphql(query, { query, variables }, isExpected);
}

/** Expects errors, all with this code. */
function failure(name: string, body: string | object, status: number, code: string): Exchange {
  return graphql(name, body, (received, text) => {
    const codes = received === status ? errorCodes({ status, text }) : [];
    return codes.length > 0 && codes.every((each) => each === code);
  });
}

function get(path: string, status: number, headers: Record<string, string> = {}): Exchange {
  const isExpected: Exchange['isExpected'] = (received) => received === status;
  return { name: `GET ${path}`, path, init: { headers }, isExpected };
}

const repeat = (times: number, text: (index: number) => string) =>
  Array.from({ length: times }, (_, index) => text(index)).join(' ');
const ids = (count: number) => Array.from({ length: count }, (_, at) => ({ id: exportId(at) }));
const entity = (index: number) => ({ __typename: 'Export', id: exportId(index) });
const listOf20 = 'query ($n: Int!) { exports(limit: $n) { data { id } } }';
const byId = 'query ($id: ID!) { export(id: $id) { name } }';
const entities =
  'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Export { name } } }';

/** Requests of front ends and routers for the rows of `fuzzedRows`. */
const valid: readonly Exchange[] = [
  success('{ exports(limit: 3) { data { id } pagination { page limit hasMore totalCount } } }', {
    exports: { data: ids(3), pagination: { page: 1, limit: 3, hasMore: true, totalCount: 30 } },
  }),
  success(listOf20, { exports: { data: ids(20) } }, { n: 20 }),
  success(byId, { export: { name: 'Export 4' } }, { id: exportId(4) }),
  success(byId, { export: null }, { id: 'exp_none' }),
  success(entities, { _entities: [{ name: 'Export 1' }, null] }, { r: [entity(1), entity(999)] }),
  get('/health/live', 200),
  get('/metrics', 200),
  get('/graphql', 200, { accept: 'text/html' }),
];

const everything = 'id files { url urlExpiresAt } jsonUrl csvUrl csvErrorUrl csvSanitizedUrl';
const wholePages = `{ ${repeat(20, (n) => `a${n}: exports(limit: 100) { data { ${everything} } }`)} }`;
const fanOut =
  '{ exports { data { ...F0 } } } fragment F20 on Export { id }' +
  repeat(20, (n) => `fragment F${n} on Export { ...F${n + 1} ...F${n + 1} }`);
const nested = `{ ${repeat(200, () => '... {')} _sdl ${repeat(200, () => '}')} }`;
const nestedBraces = repeat(3_300, () => '{a') + repeat(3_300, () => '}');
const manyFields = `{ ${repeat(10_001, () => 'a')} }`;
const listAfterX = '{ exports(after: "x") { data { id } } }';
const invalidStatuses = {
  query: 'query ($f: ExportFilter) { exports(filter: $f) { data { id } } }',
  variables: { f: { statuses: Array(10_000).fill('NONE') } },
};

/** Invalid, expensive and malicious requests. */
const invalid: readonly Exchange[] = [
  failure('no JSON', 'what?', 400, 'BAD_REQUEST'),
  failure('__proto__', '{"query":"{ __typename }","__proto__":{"a":1}}', 400, 'BAD_REQUEST'),
  failure('a batch', [{ query: '{ __typename }' }], 400, 'BAD_REQUEST'),
  failure('a body of 300 KiB', { query: ' '.repeat(300 * 1024) }, 413, 'BAD_REQUEST'),
  failure('10,001 tokens', { query: manyFields }, 400, 'GRAPHQL_PARSE_FAILED'),
  failure('3,300 nested braces', { query: nestedBraces }, 400, 'QUERY_TOO_COMPLEX'),
  failure('200 nested fragments', { query: nested }, 400, 'QUERY_TOO_COMPLEX'),
  failure('a million fields by fragments', { query: fanOut }, 400, 'QUERY_TOO_COMPLEX'),
  failure('twenty whole pages', { query: wholePages }, 400, 'QUERY_TOO_COMPLEX'),
  failure('10,000 invalid values', invalidStatuses, 400, 'BAD_USER_INPUT'),
  failure('a mutation', { query: 'mutation { drop }' }, 400, 'GRAPHQL_VALIDATION_FAILED'),
  failure('an invalid cursor', { query: listAfterX }, 200, 'BAD_USER_INPUT'),
  success('{ exports(page: 2147483647, limit: 100) { data { id } } }', { exports: { data: [] } }),
  success(`{ exports(filter: { search: "') OR 1=1; DROP TABLE exports; -- " }) { data { id } } }`, {
    exports: { data: [] },
  }),
  get('/files/..%2f..%2fetc%2fpasswd?expires=9999999999&signature=x', 403),
  get('/%ff', 400),
  get('/nowhere', 404),
];

export const isDefect = (code: string) => code === 'INTERNAL_SERVER_ERROR' || code === 'none';

/** Whether a generated request may receive this response while the database is available. */
function isPossible(status: number, text: string): boolean {
  const codes = errorCodes({ status, text });
  if (codes.some(isDefect) || codes.includes('SERVICE_UNAVAILABLE')) return false;
  return status === 200 || status === 400;
}

/** Generated, valid and invalid requests in turn, without end. */
export function* mixedExchanges(
  generated: fc.Arbitrary<() => object>,
  firstSeed: number,
): Generator<Exchange> {
  for (let batch = 0; ; batch += 1) {
    const requests = fc.sample(generated, { numRuns: 50, seed: firstSeed + batch });
    for (const [index, generate] of requests.entries()) {
      const request = generate();
      yield graphql(JSON.stringify(request), request, isPossible);
      for (const known of [valid, invalid]) {
        const at = (index + batch) % known.length;
        yield* known.slice(at, at + 1);
      }
    }
  }
}

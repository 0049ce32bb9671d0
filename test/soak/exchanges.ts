import { exportId } from '../support/rows.js';

/** One thing to send, and what is right to come back while the database is there. */
export interface Exchange {
  readonly name: string;
  readonly path: string;
  readonly init: RequestInit;
  readonly isRight: (status: number, text: string) => boolean;
}

const json = { 'content-type': 'application/json' };

function posted(name: string, body: string | object, isRight: Exchange['isRight']): Exchange {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { name, path: '/graphql', init: { method: 'POST', headers: json, body: text }, isRight };
}

/** Data alone, to the letter. */
function served(query: string, data: object, variables?: object): Exchange {
  const expected = `${JSON.stringify({ data })}\n`;
  return posted(query, { query, variables }, (status, text) => status === 200 && text === expected);
}

/** Errors of one code alone. */
function refused(name: string, body: string | object, status: number, code: string): Exchange {
  return posted(name, body, (received, text) => {
    if (received !== status) return false;
    const { errors = [] } = JSON.parse(text) as { errors?: { extensions: { code: string } }[] };
    return errors.length > 0 && errors.every(({ extensions }) => extensions.code === code);
  });
}

function fetched(path: string, status: number, headers: Record<string, string> = {}): Exchange {
  const isRight: Exchange['isRight'] = (received) => received === status;
  return { name: `GET ${path}`, path, init: { headers }, isRight };
}

const repeated = (times: number, text: string) => Array<string>(times).fill(text).join(' ');
const ids = (count: number) => [...Array(count).keys()].map((index) => ({ id: exportId(index) }));

/** What front ends and routers ask, of the rows of `insertFuzzedRows`. */
export const valid: readonly Exchange[] = [
  served('{ exports(limit: 3) { data { id } pagination { page limit hasMore totalCount } } }', {
    exports: {
      data: ids(3),
      pagination: { page: 1, limit: 3, hasMore: true, totalCount: 30 },
    },
  }),
  served(
    'query ($n: Int!) { exports(limit: $n) { data { id } } }',
    { exports: { data: ids(20) } },
    { n: 20 },
  ),
  served(
    'query ($id: ID!) { export(id: $id) { name } }',
    { export: { name: 'Export 4' } },
    { id: exportId(4) },
  ),
  served('{ export(id: "exp_none") { name } }', { export: null }),
  served(
    'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Export { name } } }',
    { _entities: [{ name: 'Export 1' }, null] },
    {
      r: [
        { __typename: 'Export', id: exportId(1) },
        { __typename: 'Export', id: 'exp_none' },
      ],
    },
  ),
  fetched('/health/live', 200),
  fetched('/metrics', 200),
  fetched('/graphql', 200, { accept: 'text/html' }),
];

const everything = 'id files { url urlExpiresAt } jsonUrl csvUrl csvErrorUrl csvSanitizedUrl';
const fanOut = [...Array(20).keys()].map(
  (n) => `fragment F${n} on Export { ...F${n + 1} ...F${n + 1} }`,
);
const wholePages = [...Array(20).keys()].map(
  (n) => `a${n}: exports(limit: 100) { data { ${everything} } }`,
);

/** What nobody in his right mind sends. */
export const hostile: readonly Exchange[] = [
  refused('no JSON', 'what?', 400, 'BAD_REQUEST'),
  refused(
    '__proto__ in JSON',
    '{"query":"{ __typename }","__proto__":{"a":1}}',
    400,
    'BAD_REQUEST',
  ),
  refused('a batch', [{ query: '{ __typename }' }], 400, 'BAD_REQUEST'),
  refused('a body of 300 KiB', { query: ' '.repeat(300 * 1024) }, 413, 'BAD_REQUEST'),
  refused('10,001 words', { query: `{ ${repeated(10_001, 'a')} }` }, 400, 'GRAPHQL_PARSE_FAILED'),
  refused('4,900 braces', { query: '{a'.repeat(4_900) }, 400, 'QUERY_TOO_COMPLEX'),
  refused(
    'braces within braces',
    { query: `{ ${'... { '.repeat(200)} _sdl ${'} '.repeat(200)} }` },
    400,
    'QUERY_TOO_COMPLEX',
  ),
  refused(
    'a million fields by fragments',
    { query: `{ exports { data { ...F0 } } } ${fanOut.join(' ')} fragment F20 on Export { id }` },
    400,
    'QUERY_TOO_COMPLEX',
  ),
  refused('twenty whole pages', { query: `{ ${wholePages.join(' ')} }` }, 400, 'QUERY_TOO_COMPLEX'),
  refused(
    'ten thousand wrong values',
    {
      query: 'query ($f: ExportFilter) { exports(filter: $f) { data { id } } }',
      variables: { f: { statuses: Array(10_000).fill('NONE') } },
    },
    400,
    'BAD_USER_INPUT',
  ),
  refused('a mutation', { query: 'mutation { drop }' }, 400, 'GRAPHQL_VALIDATION_FAILED'),
  refused(
    'a foreign cursor',
    { query: '{ exports(after: "x") { data { id } } }' },
    200,
    'BAD_USER_INPUT',
  ),
  served('{ exports(page: 2147483647, limit: 100) { data { id } } }', { exports: { data: [] } }),
  served(`{ exports(filter: { search: "') OR 1=1; DROP TABLE exports; -- " }) { data { id } } }`, {
    exports: { data: [] },
  }),
  fetched('/files/..%2f..%2fetc%2fpasswd?expires=9999999999&signature=x', 403),
  fetched('/%ff', 400),
  fetched('/nowhere', 404),
];

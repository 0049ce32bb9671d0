import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { pino } from 'pino';

import type { ExportResolver } from '../../src/exports/export-resolver.js';
import type { Context } from '../../src/graphql/context.js';
import { createSchema } from '../../src/graphql/schema.js';
import { createGraphqlServer, type GraphqlServer } from '../../src/graphql/server.js';
import type { SubscriptionOptions } from '../../src/graphql/subscription-execution.js';

const everything =
  'id name resource status countBatches countTotal countProcessed progress estimatedCompletionAt createdAt updatedAt startedAt completedAt expiresAt isExpired failureReason failureCode ' +
  'requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl ' +
  'files { id kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }';
const flags = 'includeCsv: true, includeJson: true';
const page = `exports(limit: 100, ${flags}) { data { ${everything} } pagination { page limit hasMore totalCount totalPages endCursor } }`;
const list = 'exports { data { id } }';
const limitedList = 'exports(limit: $n) { data { id } }';
const entities = '_entities(representations: $r)';
const representations = { r: Array(100).fill({}) };

function aliases(times: number, selection: string): string {
  return Array.from({ length: times }, (_, index) => `a${index}: ${selection}`).join(' ');
}

function nest(times: number, opening: string, inside: string): string {
  return opening.repeat(times) + inside + ' }'.repeat(times);
}

const rejections: string[] = [];
let apollo: GraphqlServer['apollo'];

beforeAll(async () => {
  // The limits apply before the resolver, which is missing here.
  ({ apollo } = createGraphqlServer(await createSchema({} as ExportResolver), {
    introspection: true,
    costPerSecond: null,
    logger: pino({ level: 'silent' }),
    onRejected: (reason) => rejections.push(reason),
    subscriptions: {} as SubscriptionOptions,
  }));
});
beforeEach(() => {
  rejections.length = 0;
});

async function execute(query: string, variables = {}, operationName?: string) {
  const contextValue = {
    viewer: {},
    onOperationResult: () => undefined,
    links: { disclosed: { links: [], previews: [] } },
  };
  const { body, http } = await apollo.executeOperation(
    { query, variables, ...(operationName && { operationName }) },
    { contextValue: contextValue as unknown as Context },
  );
  return { status: http.status, errors: body.kind === 'single' && body.singleResult.errors };
}

describe('the cost of a query', () => {
  it.each<[cost: number, selection: string, parameters?: string, variables?: object]>([
    [12_500, page],
    [220, list],
    [202, 'exports(limit: 1) { data { id } }'],
    [400, 'exports(limit: 100) { data { id } }'],
    // The resolver rejects a limit out of range.
    [400, 'exports(limit: 101) { data { id } }'],
    [202, 'exports(limit: 0) { data { id } }'],
    [202, 'exports(limit: -2147483648) { data { id } }'],
    [270, 'exports { data { id jsonUrl } }'],
    [260, 'exports { data { files { kind } } }'],
    [420, 'exports { data { files { url } } }'],
    [220, 'exports { pagination { hasMore } }'],
    [1_210, 'exports { pagination { totalCount } }'],
    [1_210, 'exports { pagination { totalCount totalPages count: totalCount } }'],
    [2_202, 'exports(limit: 1, filter: { search: "a" }) { data { id } }'],
    [202, 'exports(limit: 1, filter: { search: "" }) { data { id } }'],
    [4_203, 'exports(limit: 1, filter: { search: "a" }) { data { id } pagination { totalCount } }'],
    [2_220, 'exports(filter: $f) { data { id } }', '($f: ExportFilter)', { f: { search: 'a' } }],
    [220, 'exports(filter: $f) { data { id } }', '($f: ExportFilter)', { f: { search: '' } }],
    // A range that is not along the order is read and sorted for each page.
    [
      202,
      'exports(limit: 1, filter: { createdAt: { gte: "2026-01-01T00:00:00Z" } }) { data { id } }',
    ],
    [202, 'exports(limit: 1, filter: { updatedAt: {} }) { data { id } }'],
    [
      1_202,
      'exports(limit: 1, filter: { updatedAt: { lt: "2026-01-01T00:00:00Z" } }) { data { id } }',
    ],
    [
      1_202,
      'exports(limit: 1, orderBy: COUNT_TOTAL, filter: { createdAt: { lt: "2026-01-01T00:00:00Z" } }) { data { id } }',
    ],
    [
      202,
      'exports(limit: 1, orderBy: UPDATED_AT, filter: { createdAt: { lt: "2026-01-01T00:00:00Z" }, updatedAt: { lt: "2026-01-01T00:00:00Z" } }) { data { id } }',
    ],
    [230, 'exports(page: 101) { data { id } }'],
    [2_220, 'exports(page: 1000001) { data { id } }'],
    [220, 'exports(page: 1000001, after: "x") { data { id } }'],
    [220, 'exports(page: -5) { data { id } }'],
    [148, `export(id: "a") { ${everything} files { url } }`],
    [270, 'exports { data { ... on Export { id jsonUrl } } }'],
    [270, 'exports { data { ...f } }'],
    [220, 'exports { data { id name @include(if: false) } }'],
    [230, 'exports { data { id name @skip(if: false) } }'],
    [220, 'exports { data { id name @skip(if: $yes) } }', '($yes: Boolean!)', { yes: true }],
    [230, 'exports { data { id name @include(if: $yes) } }', '($yes: Boolean!)', { yes: true }],
    [300, limitedList, '($n: Int!)', { n: 50 }],
    [400, limitedList, '($n: Int! = 100)'],
    [220, `${entities} { ... on Export { id name } }`, '($r: [_Any!]!)', representations],
    [120, `${entities} { __typename @skip(if: true) }`, '($r: [_Any!]!)', representations],
    [20, 'exportsByIds(ids: $i) { id }', '($i: [ID!]!)', { i: [] }],
    [26, 'exportsByIds(ids: $i) { id name }', '($i: [ID!]!)', { i: ['x', 'x', 'x'] }],
    [
      120,
      'exportsByIds(ids: $i) { id @skip(if: true) }',
      '($i: [ID!]!)',
      { i: Array(100).fill('x') },
    ],
    [220, 'exportsByIds(ids: $i) { id name }', '($i: [ID!]!)', { i: Array(101).fill('x') }],
    [500, '_sdl'],
  ])('is %i for %s', async (cost, selection, parameters = '', variables = {}) => {
    const fragment = selection.includes('...f') ? 'fragment f on Export { id jsonUrl }' : '';
    const times = Math.floor(15_000 / cost) + 1;
    const query = `query ${parameters} { ${aliases(times, selection)} } ${fragment}`;
    const message =
      `The query costs ${times * cost}; at most 15000 are allowed. ` +
      `The most expensive field is a0: ${String(/^\w+/.exec(selection))} with ${cost}. ` +
      'Request fewer exports at a time, or fewer files, links, counts and searches.';
    expect(await execute(query, variables)).toEqual({
      status: 400,
      errors: [{ message, extensions: { code: 'QUERY_TOO_COMPLEX' } }],
    });
    expect(rejections).toEqual(['cost']);
  });

  it.each([
    ['a number', '$n: Int!', limitedList, { n: 1 }, { n: 100 }],
    [
      'the length of a list',
      '$r: [_Any!]!',
      `${entities} { ... on Export { id name } }`,
      { r: [{}] },
      representations,
    ],
  ])(
    'depends on %s in the variables of each request',
    async (_, parameter, selection, small, large) => {
      const query = `query (${parameter}) { ${aliases(70, selection)} }`;
      for (const variables of [small, large, small, large]) await execute(query, variables);
      expect(rejections).toEqual(['cost', 'cost']);
    },
  );

  it('of a search is that of a search also after a blank one of the same text', async () => {
    const query = `query ($search: String) { ${aliases(7, 'exports(filter: { search: $search }) { data { id } }')} }`;
    const code = async (search: string) => {
      const { errors } = await execute(query, { search });
      return errors && errors[0]?.extensions?.['code'];
    };
    expect(await code(' ')).not.toBe('QUERY_TOO_COMPLEX');
    expect(await code('a')).toBe('QUERY_TOO_COMPLEX');
  });

  it('of variables is not that of others whose property names imitate their separators', async () => {
    const query = `query ($r: _Any!, $n: Int!, $s: _Any!) {
      a: _entities(representations: [$r]) { __typename }
      ${aliases(10, `exports(limit: $n, ${flags}) { data { files { url } } }`)}
      b: _entities(representations: [$s]) { __typename }
    }`;
    const code = async (variables: object) => {
      const { errors } = await execute(query, variables);
      return errors && errors[0]?.extensions?.['code'];
    };
    const cheap = { r: { 'x:1},100,{y': 1 }, n: 1, s: { q: 1 } };
    const expensive = { r: { x: 1 }, n: 100, s: { 'y:1},1,{q': 1 } };
    expect(await code(cheap)).not.toBe('QUERY_TOO_COMPLEX');
    expect(await code(expensive)).toBe('QUERY_TOO_COMPLEX');
  });

  it('depends on the operation that operationName selects', async () => {
    const query = `query Cheap { __typename } query Expensive { ${aliases(150, list)} }`;
    await execute(query, {}, 'Cheap');
    expect(rejections).toEqual([]);
    await execute(query, {}, 'Expensive');
    expect(rejections).toEqual(['cost']);
  });
});

const introspection = getIntrospectionQuery({
  ...{ descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true },
  ...{ schemaDescription: true, inputValueDeprecation: true, oneOf: true },
});

describe('the limits of a query', () => {
  const levels = (depth: number) =>
    `{ __type(name: "a") { ${nest(depth - 2, 'ofType { ', 'name')} } }`;
  const levelsInFragment = (depth: number) =>
    `{ __type(name: "a") { ...f } } fragment f on __Type { ${nest(depth - 2, 'ofType { ', 'name')} }`;

  it.each([
    ['the introspection of GraphiQL', introspection],
    ['a page of 100 with everything', `{ ${page} }`],
    ['twenty lists', `{ ${aliases(20, list)} }`],
    [
      'the merged batch of a gateway',
      `{ ${aliases(50, `export(id: "a", ${flags}) { ${everything} }`)} }`,
    ],
    ['a limit out of range', '{ exports(limit: 101) { data { id } } }'],
    ['15 levels', levels(15)],
    ['15 levels with a fragment', levelsInFragment(15)],
    ['100 nested selections', `{ ${nest(99, '... { ', '__typename')} }`],
  ])('allow %s', async (_, query) => {
    await execute(query);
    expect(rejections).toEqual([]);
  });

  const tooDeep = 'The query is 16 levels deep; at most 15 are allowed.';
  it.each([
    { limit: 'depth', query: levels(16), message: tooDeep },
    { limit: 'depth', query: levelsInFragment(16), message: tooDeep },
    {
      limit: 'nesting',
      query: `{ ${nest(100, '... { ', '__typename')} }`,
      message: 'The query nests selections more than 100 levels deep.',
    },
    {
      limit: 'selections',
      query: `{ ${'...f '.repeat(100)} } fragment f on Query { ${'a: __typename '.repeat(101)} }`,
      message: 'The query selects more than 10000 fields, counting each use of a fragment.',
    },
    {
      limit: 'validation',
      query: `{ export(id: "a") { ${'id '.repeat(2_000)} } }`,
      message:
        'The query is too expensive to validate: it nests too deeply, or repeats too many fields or fragments.',
    },
    {
      limit: 'tokens',
      query: `{ ${'a '.repeat(10_000)} }`,
      message: expect.stringContaining('more that 10000 tokens'),
      code: 'GRAPHQL_PARSE_FAILED',
    },
  ])('reject a query and report the limit: $limit', async ({ query, limit, message, code }) => {
    expect(await execute(query)).toMatchObject({
      status: 400,
      errors: [{ message, extensions: { code: code ?? 'QUERY_TOO_COMPLEX' } }],
    });
    expect(rejections).toEqual([limit]);
  });
});

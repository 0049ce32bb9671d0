import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { pino } from 'pino';

import type { ExportResolver } from '../../src/exports/export-resolver.js';
import type { Context } from '../../src/graphql/context.js';
import { createSchema } from '../../src/graphql/schema.js';
import { createApolloServer } from '../../src/graphql/server.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';

const everything =
  'id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt expiresAt failureReason ' +
  'requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl ' +
  'files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }';
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
let apollo: ReturnType<typeof createApolloServer>;

beforeAll(async () => {
  // The limits apply before the resolver, which is missing here.
  apollo = createApolloServer(await createSchema({} as ExportResolver), {
    introspection: true,
    logger: pino({ level: 'silent' }),
    onRejected: (reason) => rejections.push(reason),
  });
});
beforeEach(() => {
  rejections.length = 0;
});

async function execute(query: string, variables = {}, operationName?: string) {
  const contextValue = { onOperationResult: () => undefined, holdsLinks: () => false };
  const { body, http } = await apollo.executeOperation(
    { query, variables, ...(operationName && { operationName }) },
    { contextValue: contextValue as unknown as Context },
  );
  return { status: http.status, errors: body.kind === 'single' && body.singleResult.errors };
}

describe('the cost of a query', () => {
  it.each([
    { selection: page, cost: 11_600 },
    { selection: list, cost: 220 },
    { selection: 'exports(limit: 1) { data { id } }', cost: 202 },
    { selection: 'exports(limit: 100) { data { id } }', cost: 400 },
    { selection: 'exports { data { id jsonUrl } }', cost: 270 },
    { selection: 'exports { data { files { kind } } }', cost: 260 },
    { selection: 'exports { data { files { url } } }', cost: 420 },
    { selection: 'exports { pagination { hasMore } }', cost: 220 },
    { selection: 'exports { pagination { totalCount } }', cost: 260 },
    { selection: `export(id: "a") { ${everything} files { url } }`, cost: 139 },
    { selection: 'exports { data { ... on Export { id jsonUrl } } }', cost: 270 },
    {
      selection: 'exports { data { ...f } }',
      cost: 270,
      fragment: 'fragment f on Export { id jsonUrl }',
    },
    { selection: 'exports { data { id name @skip(if: true) } }', cost: 220 },
    { selection: limitedList, cost: 300, parameters: '($n: Int!)', variables: { n: 50 } },
    { selection: limitedList, cost: 400, parameters: '($n: Int! = 100)' },
    {
      selection: `${entities} { ... on Export { id name } }`,
      cost: 220,
      parameters: '($r: [_Any!]!)',
      variables: representations,
    },
    {
      selection: `${entities} { __typename @skip(if: true) }`,
      cost: 120,
      parameters: '($r: [_Any!]!)',
      variables: representations,
    },
    { selection: '_sdl', cost: 500 },
  ])('is $cost for $selection', async ({ selection, cost, ...given }) => {
    const { parameters = '', fragment = '', variables } = given;
    const query = `query ${parameters} { ${aliases(150, selection)} } ${fragment}`;
    expect(await execute(query, variables)).toEqual({
      status: 400,
      errors: [
        {
          message:
            `The query costs ${150 * cost}; at most 15000 are allowed. ` +
            'Request fewer exports at a time, or fewer files, links and counts.',
          extensions: { code: 'QUERY_TOO_COMPLEX' },
        },
      ],
    });
    expect(rejections).toEqual(['cost']);
  });

  it.each([
    { what: 'a number', parameter: '$n: Int!', small: { n: 1 }, large: { n: 100 } },
    {
      what: 'the length of a list',
      parameter: '$r: [_Any!]!',
      small: { r: [{}] },
      large: representations,
    },
  ])('depends on $what in the variables of each request', async ({ parameter, small, large }) => {
    const selection = 'n' in small ? limitedList : `${entities} { ... on Export { id name } }`;
    const query = `query (${parameter}) { ${aliases(70, selection)} }`;
    for (const variables of [small, large, small, large]) await execute(query, variables);
    expect(rejections).toEqual(['cost', 'cost']);
  });

  it('depends on the operation that operationName selects', async () => {
    const query = `query Cheap { __typename } query Expensive { ${aliases(150, list)} }`;
    await execute(query, {}, 'Cheap');
    expect(rejections).toEqual([]);
    await execute(query, {}, 'Expensive');
    expect(rejections).toEqual(['cost']);
  });

  it.each([
    { directive: '@skip(if: $yes)', isCounted: false },
    { directive: '@include(if: false)', isCounted: false },
    { directive: '@include(if: $yes)', isCounted: true },
    { directive: '@skip(if: false)', isCounted: true },
  ])('counts fields with $directive: $isCounted', async ({ directive, isCounted }) => {
    const query = `query ($yes: Boolean!) { ... ${directive} { ${aliases(150, list)} } __typename @include(if: $yes) }`;
    await execute(query, { yes: true });
    expect(rejections).toEqual(isCounted ? ['cost'] : []);
  });
});

const introspection = getIntrospectionQuery({
  ...{ descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true },
  ...{ schemaDescription: true, inputValueDeprecation: true, oneOf: true },
});

describe('the limits of a query', () => {
  it.each([
    { what: 'the introspection of GraphiQL', query: introspection },
    { what: 'a page of 100 with everything', query: `{ ${page} }` },
    { what: 'twenty lists', query: `{ ${aliases(20, list)} }` },
    { what: 'a limit out of range', query: '{ exports(limit: 101) { data { id } } }' },
    { what: '15 levels', query: `{ __type(name: "a") { ${nest(13, 'ofType { ', 'name')} } }` },
    {
      what: '15 levels with a fragment',
      query: `{ __type(name: "a") { ...f } } fragment f on __Type { ${nest(13, 'ofType { ', 'name')} }`,
    },
    { what: '100 nested selections', query: `{ ${nest(99, '... { ', '__typename')} }` },
  ])('allow $what', async ({ query }) => {
    await execute(query);
    expect(rejections).toEqual([]);
  });

  it.each([
    {
      limit: 'depth',
      query: `{ __type(name: "a") { ${nest(14, 'ofType { ', 'name')} } }`,
      message: 'The query is 16 levels deep; at most 15 are allowed.',
    },
    {
      limit: 'depth',
      query: `{ __type(name: "a") { ...f } } fragment f on __Type { ${nest(14, 'ofType { ', 'name')} }`,
      message: 'The query is 16 levels deep; at most 15 are allowed.',
    },
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

  describe('for a gateway in front', () => {
    const gateway = useGateway(embedded, { exports: [exportRow(0)] });

    it('allow a merged batch of 50 lookups with everything, in two statements', async () => {
      const lookups = Array.from(
        { length: 50 },
        (_, index) => `a${index}: export(id: "${exportId(index)}", ${flags}) { ${everything} }`,
      );
      const { errors, statements } = await gateway.query(`{ ${lookups.join(' ')} }`);
      expect([errors, statements.length]).toEqual([undefined, 2]);
    });
  });
});

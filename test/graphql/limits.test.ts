import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';

import { limits } from '../../src/graphql/limits.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';

const everything =
  'id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt expiresAt failureReason ' +
  'requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl ' +
  'files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }';
const flags = 'includeCsv: true, includeJson: true';
const repeat = (times: number, text: (index: number) => string) =>
  Array.from({ length: times }, (_, index) => text(index)).join(' ');

describe('the limits of a query', () => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    database = (await engines[0]?.provide()) as EngineDatabase;
    gateway = await startGateway(database);
    await insertRows(gateway.source, { exports: [exportRow(0)] });
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  async function expectAllowed(document: string, variables?: Record<string, unknown>) {
    const { status, errors } = await gateway.query(document, variables);
    expect({ status, errors }).toEqual({ status: 200, errors: undefined });
  }

  /** What a selection of Query costs, told by the refusal of so many of it that they cost too much. */
  async function costOf(selection: string, variables?: Record<string, unknown>, params = '') {
    const times = 150;
    const { errors, statements } = await gateway.query(
      `query ${params} { ${repeat(times, (n) => `a${n}: ${selection}`)} }`,
      variables,
    );
    expect(errors).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX' } }]);
    expect(statements).toEqual([]);
    const [, cost, limit] = /costs (\d+); at most (\d+)/.exec(errors?.[0]?.message ?? '') ?? [];
    expect(Number(limit)).toBe(limits.cost);
    return Number(cost) / times;
  }

  it('let GraphiQL ask for the schema', async () => {
    await expectAllowed(
      getIntrospectionQuery({
        descriptions: true,
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        schemaDescription: true,
        inputValueDeprecation: true,
        oneOf: true,
      }),
    );
  });

  it('let a page of 100 with everything, links included, through', async () => {
    const page = `exports(limit: 100, ${flags}) { data { ${everything} } pagination { page limit hasMore totalCount totalPages endCursor } }`;
    await expectAllowed(`{ ${page} }`);
    expect(await costOf(page)).toBe(11_600);
  });

  it('let a gateway’s merged batch of 50 look-ups with everything through, in two statements', async () => {
    const look = (n: number) => `a${n}: export(id: "${exportId(n)}", ${flags}) { ${everything} }`;
    const { errors, statements } = await gateway.query(`{ ${repeat(50, look)} }`);
    expect(errors).toBeUndefined();
    expect(statements).toHaveLength(2);
  });

  it('let twenty lists of ten through', async () => {
    await expectAllowed(
      `{ ${repeat(20, (n) => `a${n}: exports(page: ${n + 1}) { data { id name status createdAt } pagination { hasMore } }`)} }`,
    );
  });

  it.each([
    { selection: 'exports { data { id } }', cost: 220 },
    { selection: 'exports(limit: 1) { data { id } }', cost: 202 },
    { selection: 'exports(limit: 100) { data { id } }', cost: 400 },
    { selection: 'exports { data { id jsonUrl } }', cost: 270 },
    { selection: 'exports { data { files { kind } } }', cost: 260 },
    { selection: 'exports { data { files { url } } }', cost: 420 },
    { selection: 'exports { pagination { hasMore } }', cost: 220 },
    { selection: 'exports { pagination { totalCount } }', cost: 260 },
    { selection: `export(id: "a") { ${everything} files { url } }`, cost: 139 },
  ])('count $cost for $selection', async ({ selection, cost }) => {
    expect(await costOf(selection)).toBe(cost);
  });

  it('count a limit in a variable, and its default', async () => {
    const list = 'exports(limit: $n) { data { id } }';
    expect(await costOf(list, { n: 50 }, '($n: Int!)')).toBe(300);
    expect(await costOf(list, {}, '($n: Int! = 100)')).toBe(400);
  });

  it('leave a limit out of range to the argument', async () => {
    for (const [document, variables] of [
      ['{ exports(limit: 101) { data { id } } }', {}],
      ['query ($n: Int!) { exports(limit: $n) { data { id } } }', { n: 101 }],
    ] as const) {
      const { errors } = await gateway.query(document, variables);
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    }
  });

  it('count fragments like the fields in them', async () => {
    const document = (selection: string, fragment = '') =>
      `{ ${repeat(150, (n) => `a${n}: exports { data { ${selection} } }`)} } ${fragment}`;
    const words = async (text: string) => (await gateway.query(text)).errors?.[0]?.message;
    const plain = await words(document('id jsonUrl'));
    expect(plain).toContain('costs 40500');
    expect(await words(document('...f', 'fragment f on Export { id jsonUrl }'))).toBe(plain);
    expect(await words(document('... on Export { id jsonUrl }'))).toBe(plain);
  });

  it('do not count what @skip and @include leave out', async () => {
    const all = repeat(150, (n) => `a${n}: exports { data { id } }`);
    const document = (directive: string) =>
      `query ($yes: Boolean!) { ... ${directive} { ${all} } __typename @include(if: $yes) }`;
    for (const directive of ['@skip(if: $yes)', '@include(if: false)']) {
      await expectAllowed(document(directive), { yes: true });
    }
    for (const directive of ['@include(if: $yes)', '@skip(if: false)']) {
      const { errors } = await gateway.query(document(directive), { yes: true });
      expect(errors).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX' } }]);
    }
  });

  it('count only the operation that runs', async () => {
    const query = `query Cheap { __typename } query Dear { ${repeat(150, (n) => `a${n}: exports { data { id } }`)} }`;
    const run = async (operationName: string) => {
      const response = await fetch(`${gateway.origin}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, operationName }),
      });
      return response.status;
    };
    expect([await run('Cheap'), await run('Dear')]).toEqual([200, 400]);
  });

  it('refuse a query 16 levels deep and let one of 15 through, fragments or not', async () => {
    const deep = (levels: number, spread = false) => {
      const rest = `${'ofType { '.repeat(levels - 2)}name${' }'.repeat(levels - 2)}`;
      return spread
        ? `{ __type(name: "Export") { ...f } } fragment f on __Type { ${rest} }`
        : `{ __type(name: "Export") { ${rest} } }`;
    };
    for (const spread of [false, true]) {
      await expectAllowed(deep(15, spread));
      const { status, errors } = await gateway.query(deep(16, spread));
      expect({ status, errors }).toEqual({
        status: 400,
        errors: [
          {
            message: 'The query is 16 levels deep; at most 15 are allowed.',
            extensions: { code: 'QUERY_TOO_COMPLEX' },
          },
        ],
      });
    }
  });
});

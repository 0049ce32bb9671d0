import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';
import { expectNoInternals, post, refusalOf, type RawResponse } from './post.js';

const ROWS = 12;

/** Texts that mean something to some part of the machinery, and must be only texts here. */
const hostileTexts = [
  "'",
  '"',
  '`',
  '\\',
  "\\'",
  "' OR '1'='1",
  "') OR 1=1 -- ",
  "\\') OR 1=1 -- ",
  "'; DROP TABLE exports; -- ",
  "' UNION SELECT key_hash FROM api_keys -- ",
  "' AND SLEEP(10) -- ",
  '/*! DROP TABLE exports */',
  '?',
  '??',
  ':id',
  '$1',
  '@id',
  '#',
  '${7*7}',
  '{{7*7}}',
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  'toString',
  'null',
  '🎉',
  '👩‍👩‍👧‍👦',
  '\u202e',
  '\ufeff',
  '\uffff',
  '\u007f',
  '\n',
];

describe.each(engines)('bad input on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await provide();
    gateway = await startGateway(database);
    await insertRows(gateway.source, {
      exports: [...Array(ROWS).keys()].map((index) => exportRow(index)),
    });
  });

  afterAll(async () => {
    // Whatever the tests have sent, the rows are all there.
    const count = await gateway.query<{ exports: { pagination: { totalCount: number } } }>(
      '{ exports { pagination { totalCount } } }',
    );
    expect(count.data.exports.pagination.totalCount).toBe(ROWS);
    await gateway.close();
    await database.dispose();
  });

  /** The variables as JSON, for a text may be one that JSON.stringify does not write as it should arrive. */
  function ask(query: string, variables = '{}'): Promise<RawResponse> {
    return post(gateway, `{"query":${JSON.stringify(query)},"variables":${variables}}`);
  }

  describe('an argument out of its range', () => {
    it.each([
      { args: 'page: 0', argument: 'page' },
      { args: 'page: -1', argument: 'page' },
      { args: 'page: -2147483648', argument: 'page' },
      { args: 'page: 0, limit: 5', argument: 'page' },
      { args: 'limit: 0', argument: 'limit' },
      { args: 'limit: -1', argument: 'limit' },
      { args: 'limit: 101', argument: 'limit' },
      { args: 'limit: 2147483647', argument: 'limit' },
      { args: 'after: ""', argument: 'after' },
      { args: 'after: "nonsense"', argument: 'after' },
      { args: 'after: "1"', argument: 'after' },
      { args: 'filter: { search: "a\\u0000b" }', argument: 'filter.search' },
    ])('is refused by name, before any statement: $args', async ({ args, argument }) => {
      const answer = await ask(
        `{ exports(${args}) { data { id } pagination { hasMore totalCount } } }`,
      );
      const errors = refusalOf(answer);
      expect(errors).toHaveLength(1);
      expect(errors[0]?.message.split(' ')[0]).toBe(argument);
      expect(errors[0]).toMatchObject({
        path: ['exports'],
        extensions: { code: 'BAD_USER_INPUT' },
      });
      expect(JSON.parse(answer.text)).toMatchObject({ data: { exports: null } });
    });

    it('nulls its own field and no other', async () => {
      const { data, errors } = await gateway.query(
        `{ bad: exports(limit: 101) { data { id } }
           good: export(id: "${exportId(0)}") { id } }`,
      );
      expect(data).toEqual({ bad: null, good: { id: exportId(0) } });
      expect(errors?.map(({ path }) => path)).toEqual([['bad']]);
    });

    it.each(['page: 1', 'page: 2147483647', 'limit: 1', 'limit: 100'])(
      'is accepted at the very border: %s',
      async (args) => {
        const answer = await ask(`{ exports(${args}) { data { id } } }`);
        expect(answer.status).toBe(200);
        expect(JSON.parse(answer.text)).not.toHaveProperty('errors');
      },
    );
  });

  it.each([100, 1])(
    'a page so far that no 32-bit number holds its place is empty, with the right count (limit %d)',
    async (limit) => {
      const { data, errors } = await gateway.query(
        `{ exports(page: 2147483647, limit: ${limit}) {
             data { id } pagination { page hasMore totalCount totalPages endCursor } } }`,
      );
      expect(errors).toBeUndefined();
      expect(data).toEqual({
        exports: {
          data: [],
          pagination: {
            page: 2_147_483_647,
            hasMore: false,
            totalCount: ROWS,
            totalPages: Math.ceil(ROWS / limit),
            endCursor: null,
          },
        },
      });
    },
  );

  describe('a value of the wrong type', () => {
    it.each([
      'exports(page: 2147483648) { data { id } }',
      'exports(page: -2147483649) { data { id } }',
      'exports(page: 99999999999999999999999999) { data { id } }',
      'exports(page: 1.5) { data { id } }',
      'exports(page: "1") { data { id } }',
      'exports(page: null) { data { id } }',
      'exports(limit: null) { data { id } }',
      'exports(limit: [10]) { data { id } }',
      'exports(orderBy: NAME) { data { id } }',
      'exports(orderBy: created_at) { data { id } }',
      'exports(orderBy: "CREATED_AT") { data { id } }',
      'exports(orderBy: null) { data { id } }',
      'exports(orderBy: [CREATED_AT]) { data { id } }',
      'exports(direction: UP) { data { id } }',
      'exports(direction: asc) { data { id } }',
      'exports(direction: true) { data { id } }',
      'exports(after: 1) { data { id } }',
      'exports(includeCsv: 1) { data { id } }',
      'exports(includeCsv: null) { data { id } }',
      'exports(includeJson: "true") { data { id } }',
      'exports(filter: "x") { data { id } }',
      'exports(filter: []) { data { id } }',
      'exports(filter: { resource: PARCEL }) { data { id } }',
      'exports(filter: { resource: contact }) { data { id } }',
      'exports(filter: { resource: [CONTACT] }) { data { id } }',
      'exports(filter: { statuses: [DONE] }) { data { id } }',
      'exports(filter: { statuses: [null] }) { data { id } }',
      'exports(filter: { statuses: [COMPLETED, null] }) { data { id } }',
      'exports(filter: { search: 1 }) { data { id } }',
      'exports(filter: { search: ["a"] }) { data { id } }',
      'exports(filter: { organizationId: "org_other" }) { data { id } }',
      'exports(organization: "org_other") { data { id } }',
      'exports { data { organizationId } }',
      'exports { data { files { objectKey } } }',
      'exports { data { requestedLinks } }',
      'exports { data { id { x } } }',
      'exports { data }',
      'exports',
      'export { id }',
      'export(id: null) { id }',
      'export(id: 1.5) { id }',
      'export(id: true) { id }',
      'export(id: ["a"]) { id }',
      'export(id: { id: "a" }) { id }',
      `export(id: "a") { nothing }`,
      'nothing',
    ])('is refused where it stands in the document: %s', async (field) => {
      const answer = await ask(`{ ${field} }`);
      expect(answer.status).toBe(400);
      for (const { extensions } of refusalOf(answer)) {
        expect(extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
      }
    });

    it.each([
      {
        type: 'Int!',
        argument: 'page',
        values: ['2147483648', '1e400', '1.5', '"1"', 'true', '[1]', '{}', 'null'],
      },
      { type: 'Int!', argument: 'limit', values: ['-2147483649', '0.1', '""', 'null'] },
      {
        type: 'ExportOrderBy!',
        argument: 'orderBy',
        values: [
          '"NAME"',
          '"created_at"',
          '1',
          'null',
          '["CREATED_AT"]',
          '"id; DROP TABLE exports"',
        ],
      },
      {
        type: 'SortDirection!',
        argument: 'direction',
        values: ['"UP"', '"desc"', 'false', 'null', '"ASC, 1"'],
      },
      { type: 'Boolean!', argument: 'includeCsv', values: ['1', '"true"', 'null'] },
      { type: 'String', argument: 'after', values: ['1', 'true', '[]', '{}'] },
      {
        type: 'ExportFilter',
        argument: 'filter',
        values: [
          '"x"',
          '1',
          '[1]',
          '{"resource":"PARCEL"}',
          '{"resource":"contact"}',
          '{"resource":{"a":1}}',
          '{"statuses":["DONE"]}',
          '{"statuses":[null]}',
          '{"statuses":[["FAILED"]]}',
          '{"search":1}',
          '{"search":{"$ne":""}}',
          '{"organizationId":"org_other"}',
          '{"constructor":{}}',
          '{"toString":1}',
        ],
      },
    ])('is refused as a variable: $argument', async ({ type, argument, values }) => {
      for (const value of values) {
        const answer = await ask(
          `query ($value: ${type}) { exports(${argument}: $value) { data { id } } }`,
          `{"value":${value}}`,
        );
        const errors = refusalOf(answer);
        expect({
          value,
          status: answer.status,
          codes: errors.map(({ extensions }) => extensions.code),
        }).toEqual({
          value,
          status: 400,
          codes: errors.map(() => 'BAD_USER_INPUT'),
        });
        expect(errors[0]?.message).toContain('$value');
      }
    });

    it('is refused where a required variable is missing', async () => {
      const answer = await ask('query ($id: ID!) { export(id: $id) { id } }');
      expect(refusalOf(answer)).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    });

    it.each([
      { type: 'Int', argument: 'page' },
      { type: 'Int', argument: 'limit' },
      { type: 'ExportOrderBy', argument: 'orderBy' },
      { type: 'SortDirection', argument: 'direction' },
      { type: 'Boolean', argument: 'includeCsv' },
    ])(
      'is refused as BAD_USER_INPUT where a variable that may be null is null: $argument',
      async ({ type, argument }) => {
        // GraphQL allows such a variable for an argument with a default, and finds the null only when it executes.
        const answer = await ask(
          `query ($value: ${type}) { exports(${argument}: $value) { data { id } } }`,
          '{"value":null}',
        );
        const errors = refusalOf(answer);
        expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
        expect(errors[0]?.message).toContain(argument);
      },
    );

    it('is no error where such a variable is left out: the default holds', async () => {
      const { data, errors } = await gateway.query<{ exports: { pagination: object } }>(
        `query ($page: Int, $limit: Int, $orderBy: ExportOrderBy, $direction: SortDirection, $csv: Boolean) {
           exports(page: $page, limit: $limit, orderBy: $orderBy, direction: $direction, includeCsv: $csv) {
             pagination { page limit } } }`,
      );
      expect(errors).toBeUndefined();
      expect(data.exports.pagination).toEqual({ page: 1, limit: 10 });
    });
  });

  describe('an id', () => {
    const document = 'query ($id: ID!) { export(id: $id, includeCsv: true) { id csvUrl } }';

    it.each(
      [
        ...hostileTexts,
        '',
        ' ',
        'exp_',
        'x'.repeat(26),
        'x'.repeat(27),
        'x'.repeat(10_000),
        '🎉'.repeat(10_000),
        `${exportId(0)} `,
        `${exportId(0)}\t`,
        ` ${exportId(0)}`,
        exportId(0).replace('_', ' '),
        `${exportId(0)}' --`,
        '0',
        '1e0',
      ].map((id) => ({ shown: JSON.stringify(id).slice(0, 40), id })),
    )('that no export has gives null: $shown', async ({ id }) => {
      const answer = await ask(document, JSON.stringify({ id }));
      expect(answer).toMatchObject({ status: 200, text: '{"data":{"export":null}}\n' });
    });

    it.each([
      '\\u0000',
      `${exportId(0)}\\u0000`,
      '\\ud800',
      '\\udc00',
      '\\ud800\\ud800',
      `${exportId(0)}\\udfff`,
    ])('with what no text should hold gives null: %s', async (escaped) => {
      const answer = await ask(document, `{"id":"${escaped}"}`);
      expect(answer).toMatchObject({
        status: 200,
        text: '{"data":{"export":null}}\n',
        statements: [],
      });
    });

    it.each(['5', '0', '-1', '12345678901234567890', '1e21'])(
      'may be the number %s, as GraphQL has it, and is nobody’s',
      async (number) => {
        const answer = await ask(document, `{"id":${number}}`);
        expect(answer).toMatchObject({ status: 200, text: '{"data":{"export":null}}\n' });
      },
    );

    it('that is a hundred ids in one document takes one statement', async () => {
      const ids = [...hostileTexts, ...[...Array(70).keys()].map((index) => `none${index}`)];
      const { data, errors, statements } = await gateway.query(
        `query (${ids.map((_id, index) => `$v${index}: ID!`).join(' ')}) {
           ${ids.map((_id, index) => `a${index}: export(id: $v${index}) { id }`).join(' ')} }`,
        Object.fromEntries(ids.map((id, index) => [`v${index}`, id])),
      );
      expect(errors).toBeUndefined();
      expect(new Set(Object.values(data))).toEqual(new Set([null]));
      expect(statements).toHaveLength(1);
    });
  });

  describe('a search', () => {
    const document =
      'query ($search: String) { exports(filter: { search: $search }) { data { id } pagination { totalCount } } }';
    const nothing = '{"data":{"exports":{"data":[],"pagination":{"totalCount":0}}}}\n';

    it.each(hostileTexts.map((search) => ({ shown: JSON.stringify(search), search })))(
      'for $shown finds nothing here and changes no statement',
      async ({ search }) => {
        const answer = await ask(document, JSON.stringify({ search }));
        const plain = await ask(document, '{"search":"nothing of it"}');
        expect(answer).toMatchObject({ status: 200, text: nothing });
        // The two of them may overtake each other.
        expect([...answer.statements].sort()).toEqual([...plain.statements].sort());
      },
    );

    it.each(['a\\u0000b', '\\u0000', '\\ud800', 'a\\udc00', '\\udc00\\ud800', '🎉\\ud83c'])(
      'for what no name can hold is refused: %s',
      async (escaped) => {
        const [error] = refusalOf(await ask(document, `{"search":"${escaped}"}`));
        expect(error).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
        expect(error?.message).toMatch(/^filter\.search /);
      },
    );

    it('takes a surrogate pair that is written as two escapes for the one character it is', async () => {
      const answer = await ask(document, '{"search":"\\ud83c\\udf89"}');
      expect(answer).toMatchObject({ status: 200, text: nothing });
    });

    it('counts its length in characters, not in bytes or halves of pairs', async () => {
      for (const character of ['x', 'é', '日', '🎉']) {
        const right = await ask(document, JSON.stringify({ search: character.repeat(200) }));
        expect(right).toMatchObject({ status: 200, text: nothing });
        const wrong = await ask(document, JSON.stringify({ search: character.repeat(201) }));
        expect(refusalOf(wrong)).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      }
      const huge = await ask(document, JSON.stringify({ search: 'x'.repeat(200_000) }));
      expect(refusalOf(huge)).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    });

    it('of 200 wildcards is answered in no time', async () => {
      for (const search of ['%'.repeat(200), '_'.repeat(200), '!'.repeat(200), '\\'.repeat(200)]) {
        expect(await ask(document, JSON.stringify({ search }))).toMatchObject({ text: nothing });
      }
    });
  });

  it('says nothing of SQL, drivers, paths or stacks in any of its errors', async () => {
    const answers = await Promise.all([
      ask('{ exports(limit: 101) { data { id } } }'),
      ask('{ exports(after: "x") { data { id } } }'),
      ask('{ exports(orderBy: NAME) { data { id } } }'),
      ask('query ($page: Int!) { exports(page: $page) { data { id } } }', '{"page":"x"}'),
      ask('{ exports('),
    ]);
    for (const answer of answers) {
      expect(refusalOf(answer)).toHaveLength(1);
      expectNoInternals(answer.text);
    }
  });
});

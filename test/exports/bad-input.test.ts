import { describe, expect, it } from '@jest/globals';

import { embedded, engines } from '../support/engines.js';
import { useGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRows } from '../support/rows.js';
import { rejectionIn } from './lists.js';

const ROWS = 12;

/** Texts with a meaning to some part of the system, which must treat them as plain text. */
const hostileTexts = Object.values({
  quotes: ["'", '"', '`', '\\', "\\'"],
  sql: ["' OR '1'='1", "') OR 1=1 -- ", "\\') OR 1=1 -- ", "' AND SLEEP(10) -- "],
  statements: ["'; DROP TABLE exports; -- ", "' UNION SELECT key_hash FROM api_keys -- "],
  comments: ['/*! DROP TABLE exports */', '#'],
  parameters: ['?', '??', ':id', '$1', '@id'],
  templates: ['${7*7}', '{{7*7}}', '../../etc/passwd', '<script>alert(1)</script>'],
  javascript: ['__proto__', 'constructor', 'toString', 'null'],
  unicode: ['🎉', '👩‍👩‍👧‍👦', '\u202e', '\ufeff', '\uffff', '\u007f', '\n'],
  wildcards: ['%'.repeat(200), '_'.repeat(200), '!'.repeat(200), '\\'.repeat(200)],
}).flat();

const byId = 'query ($id: ID!) { export(id: $id, includeCsv: true) { id csvUrl } }';
const noExport = { status: 200, text: '{"data":{"export":null}}\n' };
const bySearch =
  'query ($search: String) { exports(filter: { search: $search }) { data { id } pagination { totalCount } } }';
const noExports = {
  status: 200,
  text: '{"data":{"exports":{"data":[],"pagination":{"totalCount":0}}}}\n',
};

/** Sends variables as JSON text, which may contain escapes that JSON.stringify does not write. */
function send(gateway: Gateway, query: string, variables = '{}') {
  return gateway.send({ body: `{"query":${JSON.stringify(query)},"variables":${variables}}` });
}

describe.each(engines)('hostile text on $engine', (engine) => {
  const gateway = useGateway(engine, { exports: exportRows(ROWS) });

  it('is the id of no export, and a hundred such ids in one document take one statement', async () => {
    const full = exportId(0);
    const ids = Object.values({
      hostileTexts,
      lengths: ['', ' ', 'exp_', 'x'.repeat(26), 'x'.repeat(27), '🎉'.repeat(10_000)],
      variants: [`${full} `, `${full}\t`, ` ${full}`, full.replace('_', ' '), `${full}' --`],
      numbers: ['0', '1e0'],
    }).flat();
    for (const id of ids) {
      const response = await send(gateway, byId, JSON.stringify({ id }));
      expect({ id, ...response }).toMatchObject({ id, ...noExport });
    }
    const hundred = [...ids, ...exportRows(50).map((_, index) => `none${index}`)];
    const { data, errors, statements } = await gateway.query(
      `query (${hundred.map((_, index) => `$v${index}: ID!`).join(' ')}) {
         ${hundred.map((_, index) => `a${index}: export(id: $v${index}) { id }`).join(' ')} }`,
      Object.fromEntries(hundred.map((id, index) => [`v${index}`, id])),
    );
    expect(errors).toBeUndefined();
    expect(Object.values(data)).toEqual(hundred.map(() => null));
    expect(statements).toHaveLength(1);
  });

  it('in a search matches nothing and changes no statement', async () => {
    const plain = await send(gateway, bySearch, '{"search":"plain"}');
    for (const search of hostileTexts) {
      const response = await send(gateway, bySearch, JSON.stringify({ search }));
      expect({ search, ...response }).toMatchObject({ search, ...noExports });
      // The list and the count run concurrently.
      expect([...response.statements].sort()).toEqual([...plain.statements].sort());
    }
  });

  it('leaves every row in place', async () => {
    const { data } = await gateway.query('{ exports { pagination { totalCount } } }');
    expect(data).toEqual({ exports: { pagination: { totalCount: ROWS } } });
  });
});

describe('a request', () => {
  const gateway = useGateway(embedded, { exports: exportRows(1) });

  it.each([
    { argument: 'page', values: ['0', '-1', '-2147483648', '0, limit: 5'] },
    { argument: 'limit', values: ['0', '-1', '101', '2147483647'] },
    { argument: 'after', values: ['""', '"nonsense"', '"1"'] },
    { argument: 'filter.search', values: ['"a\\u0000b"', `"${'x'.repeat(201)}"`] },
  ])('with $argument out of range fails before any statement', async ({ argument, values }) => {
    for (const value of values) {
      const args =
        argument === 'filter.search' ? `filter: { search: ${value} }` : `${argument}: ${value}`;
      const response = await send(
        gateway,
        `{ exports(${args}) { data { id } pagination { hasMore totalCount } } }`,
      );
      const errors = rejectionIn(response);
      expect({ value, errors }).toMatchObject({
        value,
        errors: [{ path: ['exports'], extensions: { code: 'BAD_USER_INPUT' } }],
      });
      expect(errors[0]?.message.split(' ')[0]).toBe(argument);
      expect(JSON.parse(response.text)).toMatchObject({ data: { exports: null } });
    }
  });

  it('with an argument out of range fails in its own field and no other', async () => {
    const { data, errors } = await gateway.query(
      `{ bad: exports(limit: 101) { data { id } } good: export(id: "${exportId(0)}") { id } }`,
    );
    expect(data).toEqual({ bad: null, good: { id: exportId(0) } });
    expect(errors?.map(({ path }) => path)).toEqual([['bad']]);
  });

  it.each([
    ...Object.entries({
      page: ['2147483648', '-2147483649', '99999999999999999999', '1.5', '"1"', 'null'],
      limit: ['null', '[10]'],
      orderBy: ['NAME', 'created_at', '"CREATED_AT"', 'null', '[CREATED_AT]'],
      direction: ['UP', 'asc', 'true'],
      after: ['1'],
      includeCsv: ['1', 'null'],
      includeJson: ['"true"'],
      organization: ['"org_other"'],
      filter: ['"x"', '[]', '{ search: 1 }', '{ search: ["a"] }', '{ organizationId: "x" }'],
      'filter: { resource': ['PARCEL }', 'contact }', '[CONTACT] }'],
      'filter: { statuses': ['[DONE] }', '[null] }', '[COMPLETED, null] }'],
    }).flatMap(([argument, values]) =>
      values.map((value) => `exports(${argument}: ${value}) { data { id } }`),
    ),
    ...['null', '1.5', 'true', '["a"]', '{ id: "a" }'].map((id) => `export(id: ${id}) { id }`),
    ...['organizationId', 'files { objectKey }', 'requestedLinks', 'id { x }'].map(
      (selection) => `exports { data { ${selection} } }`,
    ),
    ...['exports { data }', 'exports', 'export { id }', 'export(id: "a") { x }', 'nothing'],
  ])('with an invalid document is rejected: %s', async (field) => {
    const response = await send(gateway, `{ ${field} }`);
    expect(response.status).toBe(400);
    for (const { extensions } of rejectionIn(response)) {
      expect(extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    }
  });

  it.each([
    { argument: 'page', type: 'Int!', values: ['2147483648', '1e400', '1.5', '"1"', 'true', '{}'] },
    { argument: 'page', type: 'Int!', values: ['[1]', 'null'] },
    { argument: 'limit', type: 'Int!', values: ['-2147483649', '0.1', '""', 'null'] },
    {
      argument: 'orderBy',
      type: 'ExportOrderBy!',
      values: ['"NAME"', '"created_at"', '1', 'null'],
    },
    {
      argument: 'orderBy',
      type: 'ExportOrderBy!',
      values: ['["CREATED_AT"]', '"id; DROP TABLE x"'],
    },
    { argument: 'direction', type: 'SortDirection!', values: ['"UP"', '"desc"', 'false', 'null'] },
    { argument: 'direction', type: 'SortDirection!', values: ['"ASC, 1"'] },
    { argument: 'includeCsv', type: 'Boolean!', values: ['1', '"true"', 'null'] },
    { argument: 'after', type: 'String', values: ['1', 'true', '[]', '{}'] },
    { argument: 'filter', type: 'ExportFilter', values: ['"x"', '1', '[1]', '{"toString":1}'] },
    ...Object.entries({
      resource: ['"PARCEL"', '"contact"', '{"a":1}'],
      statuses: ['["DONE"]', '[null]', '[["FAILED"]]'],
      search: ['1', '{"$ne":""}'],
      organizationId: ['"org_other"'],
      constructor: ['{}'],
    }).map(([key, values]) => ({
      argument: 'filter',
      type: 'ExportFilter',
      values: values.map((value) => `{"${key}":${value}}`),
    })),
  ])(
    'with an invalid variable is rejected: $argument $values',
    async ({ argument, type, values }) => {
      for (const value of values) {
        const query = `query ($value: ${type}) { exports(${argument}: $value) { data { id } } }`;
        const response = await send(gateway, query, `{"value":${value}}`);
        const errors = rejectionIn(response);
        const codes = errors.map(({ extensions }) => extensions.code);
        expect({ value, status: response.status, codes }).toEqual({
          value,
          status: 400,
          codes: codes.map(() => 'BAD_USER_INPUT'),
        });
        expect(errors[0]?.message).toContain('$value');
      }
    },
  );

  it('without a required variable is rejected', async () => {
    const response = await send(gateway, 'query ($id: ID!) { export(id: $id) { id } }');
    expect(rejectionIn(response)).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  // GraphQL allows a nullable variable for an argument with a default, and notices null only when it executes.
  const nullable = [
    { argument: 'page', type: 'Int' },
    { argument: 'limit', type: 'Int' },
    { argument: 'orderBy', type: 'ExportOrderBy' },
    { argument: 'direction', type: 'SortDirection' },
    { argument: 'includeCsv', type: 'Boolean' },
  ];
  it.each(nullable)(
    'with null for an argument with a default is rejected: $argument',
    async ({ argument, type }) => {
      const query = `query ($value: ${type}) { exports(${argument}: $value) { data { id } } }`;
      const errors = rejectionIn(await send(gateway, query, '{"value":null}'));
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      expect(errors[0]?.message).toContain(argument);
    },
  );

  it('without variables for arguments with a default takes the defaults', async () => {
    const { data, errors } = await gateway.query(
      `query (${nullable.map(({ argument, type }) => `$${argument}: ${type}`).join(' ')}) {
         exports(${nullable.map(({ argument }) => `${argument}: $${argument}`).join(' ')}) {
           pagination { page limit } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data).toEqual({ exports: { pagination: { page: 1, limit: 10 } } });
  });

  it.each(['\\u0000', `${exportId(0)}\\u0000`, '\\ud800', '\\udc00', '\\ud800\\ud800', 'x\\udfff'])(
    'for an id that no column can hold returns null without a statement: %s',
    async (escaped) => {
      const response = await send(gateway, byId, `{"id":"${escaped}"}`);
      expect(response).toMatchObject({ ...noExport, statements: [] });
    },
  );

  it.each(['5', '0', '-1', '12345678901234567890', '1e21'])(
    'for an id that is the number %s returns null, because GraphQL allows numbers for ids',
    async (number) => {
      expect(await send(gateway, byId, `{"id":${number}}`)).toMatchObject(noExport);
    },
  );
});

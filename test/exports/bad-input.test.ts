import { describe, expect, it } from '@jest/globals';

import { embedded, engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { sendRejected } from '../support/no-internals.js';
import { exportId, exportRows } from '../support/rows.js';

const ROWS = 12;
const full = exportId(0);

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
/** The body with variables as JSON text, which may contain escapes that JSON.stringify does not write. */
const bodyOf = (query: string, variables = '{}') => ({
  body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
});

describe.each(engines)('hostile text on $engine', (engine) => {
  const gateway = useGateway(engine, { exports: exportRows(ROWS) });

  it('is the id of no export', async () => {
    const ids = Object.values({
      hostileTexts,
      lengths: ['', ' ', 'x', 'exp_', 'x'.repeat(64), 'x'.repeat(65), '🎉'.repeat(10_000)],
      cut: [full.slice(0, -1), `${full.slice(0, -1)}_`, `${full.slice(0, -1)}%`],
      longer: [`${full} `, ` ${full}`, `${full}\t`, `${full}\n`, `${full}\0`, `${full}1`],
      variants: [full.replace('_', ' '), `${full}' --`, full.toUpperCase(), full.toLowerCase()],
      numbers: ['0', '1e0'],
    }).flat();
    const { status, headers, text } = await gateway.send(bodyOf(byId, `{"id":"${exportId(99)}"}`));
    expect([status, text]).toEqual([200, '{"data":{"export":null}}\n']);
    for (const id of ids) {
      const response = await gateway.send(bodyOf(byId, JSON.stringify({ id })));
      expect({ id, ...response }).toMatchObject({ id, status, headers, text });
    }
  });

  it('leaves every row in place', async () => {
    const { data } = await gateway.query('{ exports { pagination { totalCount } } }');
    expect(data).toEqual({ exports: { pagination: { totalCount: ROWS } } });
  });
});

/** A row of `it.each` for each value of each argument. */
const casesOf = (values: Record<string, readonly string[]>) =>
  Object.entries(values).flatMap(([name, all]) => all.map((value) => [name, value] as const));

describe('a request', () => {
  const gateway = useGateway(embedded, { exports: exportRows(1) });

  it.each(
    casesOf({
      page: ['0', '-1', '-2147483648', '0, limit: 5'],
      limit: ['0', '-1', '101', '2147483647'],
      first: ['0', '101', '-1, last: 5'],
      last: ['0', '-2147483648', '5, first: 5', '5, after: "x"'],
      after: ['"nonsense"', '"1"', '" "'],
      before: ['"nonsense"', '"1", last: 5', '"x", first: 5', '"x", after: "y"'],
      'filter: { search': ['"a\\u0000b" }', `"${'x'.repeat(201)}" }`],
    }),
  )('with an argument out of range fails before any statement: %s: %s', async (argument, value) => {
    const query = `{ exports(${argument}: ${value}) { data { id } pagination { totalCount } } }`;
    expect(await sendRejected(gateway, bodyOf(query))).toEqual({
      ...{ status: 200, data: { exports: null }, codes: ['BAD_USER_INPUT'] },
      message: expect.stringContaining(`${argument.replace(': { ', '.')} must `),
    });
  });

  it('with an argument out of range fails in its own field and no other', async () => {
    const { data, errors } = await gateway.query(
      `{ bad: exports(limit: 101) { data { id } } good: export(id: "${full}") { id } }`,
    );
    expect(data).toEqual({ bad: null, good: { id: full } });
    expect(errors?.map(({ path }) => path)).toEqual([['bad']]);
  });

  it.each([
    ...casesOf({
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
    }).map(([argument, value]) => `exports(${argument}: ${value}) { data { id } }`),
    ...['null', '1.5', 'true', '["a"]', '{ id: "a" }'].map((id) => `export(id: ${id}) { id }`),
    ...['organizationId', 'files { objectKey }', 'requestedLinks', 'id { x }'].map(
      (selection) => `exports { data { ${selection} } }`,
    ),
    ...['exports { data }', 'exports', 'export { id }', 'export(id: "a") { x }', 'nothing'],
  ])('with an invalid document is rejected: %s', async (field) => {
    const codes = ['GRAPHQL_VALIDATION_FAILED'];
    expect(await sendRejected(gateway, bodyOf(`{ ${field} }`))).toMatchObject({
      status: 400,
      codes,
    });
  });

  const asVariable = (definition: string) => {
    const [argument, type] = definition.split(': ');
    return `query ($value: ${type}) { exports(${argument}: $value) { data { id } } }`;
  };
  it.each(
    casesOf({
      'page: Int!': ['2147483648', '1e400', '1.5', '"1"', 'true', '{}', '[1]', 'null'],
      'limit: Int!': ['-2147483649', '0.1', '""', 'null'],
      'orderBy: ExportOrderBy!': ['"NAME"', '"created_at"', '1', 'null', '["CREATED_AT"]'],
      'direction: ExportSortDirection!': ['"UP"', '"desc"', '"ASC, 1"', 'false', 'null'],
      'includeCsv: Boolean!': ['1', '"true"', 'null'],
      'after: String': ['1', 'true', '[]', '{}'],
      'filter: ExportFilter': [
        ...['"x"', '1', '[1]', '{"toString":1}', '{"constructor":{}}', '{"organizationId":"x"}'],
        ...['"PARCEL"', '"contact"', '{"a":1}'].map((value) => `{"resource":${value}}`),
        ...['["DONE"]', '[null]', '[["FAILED"]]'].map((value) => `{"statuses":${value}}`),
        ...['1', '{"$ne":""}'].map((value) => `{"search":${value}}`),
      ],
    }),
  )('with an invalid variable is rejected: %s, %s', async (definition, value) => {
    const body = bodyOf(asVariable(definition), `{"value":${value}}`);
    expect(await sendRejected(gateway, body)).toMatchObject({
      ...{ status: 400, codes: ['BAD_USER_INPUT'], message: expect.stringContaining('$value') },
    });
  });

  it.each([
    ...[['$id', byId, '{}'] as const],
    // A nullable variable may stand for an argument with a default, which rejects null on execution.
    ...['page: Int', 'limit: Int', 'orderBy: ExportOrderBy', 'direction: ExportSortDirection'].map(
      (definition) => [definition, asVariable(definition), '{"value":null}'] as const,
    ),
  ])('without a value for a non-null argument is rejected: %s', async (name, query, variables) => {
    expect(await sendRejected(gateway, bodyOf(query, variables))).toMatchObject({
      ...{ codes: ['BAD_USER_INPUT'], message: expect.stringContaining(name.split(':')[0] ?? '') },
    });
  });

  it.each([
    ...['\\u0000', `${full}\\u0000`, '\\ud800', '\\udc00', '\\ud800\\ud800', 'x\\udfff'].map(
      (escaped) => ({ id: `"${escaped}"`, count: 0, why: 'no column can hold it' }),
    ),
    ...['5', '0', '-1', '12345678901234567890', '1e21'].map((number) => ({
      ...{ id: number, count: 1, why: 'GraphQL allows numbers for ids' },
    })),
  ])('for the id $id returns null after $count statements, because $why', async ({ id, count }) => {
    const { status, text, statements } = await gateway.send(bodyOf(byId, `{"id":${id}}`));
    expect([status, text]).toEqual([200, '{"data":{"export":null}}\n']);
    expect(statements).toHaveLength(count);
  });
});

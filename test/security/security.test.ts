import { connect } from 'node:net';

import { describe, expect, it } from '@jest/globals';

import { embedded } from '../support/engines.js';
import {
  useGateway,
  type Gateway,
  type GraphqlError,
  type RawRequest,
} from '../support/gateway.js';
import { expectNoInternals } from '../support/no-internals.js';
import { exportRows } from '../support/rows.js';

/** Two cores serve the whole test run. */
const MAX_MS = 3_000;

const open = useGateway(embedded, { exports: exportRows(20) });
const production = useGateway(embedded, { config: { introspection: false, graphiql: false } });

interface Outcome {
  readonly status: number;
  /** The code of every error; null without errors. */
  readonly code: string | null;
  readonly says?: RegExp;
  readonly conceals?: RegExp;
  /** How many characters an error may have; 64 KiB by default. */
  readonly maxLength?: number;
  /** 0 by default. */
  readonly statements?: number;
}

/** A GraphQL document or a request. */
type Attack = string | RawRequest;

/** Rows for `it.each`: attacks with a common outcome. */
const attacks = (outcome: Outcome, requests: Record<string, Attack>) =>
  Object.entries(requests).map(([name, request]) => ({ name, request, ...outcome }));

/** Repeats a text, with a number from 1 in place of `#`. */
function repeat(times: number, text: string, separator = ' '): string {
  const numbers = Array.from({ length: times }, (_, index) => String(index + 1));
  return numbers.map((number) => text.replaceAll('#', number)).join(separator);
}

function nest(times: number, opening: string, inside = '', closing = '}'): string {
  return opening.repeat(times) + inside + closing.repeat(times);
}

const exports = (fields: string) => `{ exports { data { ${fields} } } }`;
const filter = (v: unknown) => ({
  body: {
    query: 'query ($v: ExportFilter) { exports(filter: $v) { data { id } } }',
    variables: { v },
  },
});

const invalid = { status: 400, code: 'GRAPHQL_VALIDATION_FAILED' };
const invalidText = { ...invalid, maxLength: 2_000 };
const badInput = { status: 400, code: 'BAD_USER_INPUT', maxLength: 2_000 };
const tooComplex = { status: 400, code: 'QUERY_TOO_COMPLEX' };
const tooLong = { ...tooComplex, says: /too expensive to validate/ };
const tooNested = { ...tooComplex, says: /more than 100 levels|validate|more than 10000 fields/ };
const tooCostly = { ...tooComplex, says: /costs \d+; at most 15000 are allowed/ };
const read = (statements: number) => ({ status: 200, code: null, statements });
const longName = 'x'.repeat(99);
const doublingFragments = repeat(19, 'fragment f# on Export { ...g# ...g# }').replace(
  /g(\d+)/g,
  (_, number) => `f${Number(number) + 1}`,
);
const circularFragments = Array.from(
  { length: 30 },
  (_, n) => `fragment f${n}${longName} on Query { ...f${(n + 1) % 30}${longName} }`,
);
const deepVariable = JSON.stringify(filter('#').body).replace('"#"', nest(100_000, '[', '', ']'));

describe('a gateway without authentication', () => {
  it.each([
    ...attacks(tooLong, {
      '9,900 repeated fields': exports(repeat(9_900, 'id')),
      '1,600 repeated objects': exports(repeat(1_600, 'files{url kind}')),
      '800 fragments side by side': `{ ${repeat(800, '...f#')} } ${repeat(800, 'fragment f# on Query { __typename }')}`,
      '4,900 nested lists in a document': `{ export(id: ${nest(4_900, '[', '', ']')}) { id } }`,
      '2,400 nested objects in a document': `{ exports(filter: ${nest(2_400, '{search:', '1')}) { data { id } } }`,
    }),
    ...attacks(tooNested, {
      '2,400 nested inline fragments': `{${nest(2_400, '...{', '__typename')}}`,
      '20 levels of doubling fragments': `${exports('...f1')} ${doublingFragments} fragment f20 on Export { id }`,
    }),
    ...attacks(tooCostly, {
      '700 times the fields of all types': `{ __schema { types { ${repeat(700, 'a#: fields { args { name } }')} } } }`,
      '2,400 times the descriptions of all fields': `{ __schema { types { fields { ${repeat(2_400, 'a#: description')} } } } }`,
      'introspection by nested fragments': `{ ${repeat(300, 'a#: __schema { ...s }')} } fragment s on __Schema { types { ...t } }
           fragment t on __Type { name fields { ...f } } fragment f on __Field { name description }`,
    }),
    ...attacks(invalid, {
      '200 directives on a field': `{ __typename ${repeat(200, '@include(if: true)')} }`,
      '4,900 unknown directives': `{ __typename ${repeat(4_900, '@x#')} }`,
      '1,000 nested fields': `{${nest(1_000, 'a{', 'b')}}`,
      'introspection 30 levels deep': `{ __schema { types { ${nest(14, 'fields { type { ', 'name', ' } }')} } } }`,
      '30 circular fragments': `{ ...f0${longName} } ${circularFragments.join(' ')}`,
    }),
    ...attacks(invalidText, {
      'a token of 200,000 characters': `{ ${'a'.repeat(200_000)} }`,
      'a number of 200,000 digits': `{ exports(page: ${'9'.repeat(200_000)}) { data { id } } }`,
      '3,300 arguments of one name': `{ exports(${repeat(3_300, 'page: 1')}) { data { id } } }`,
    }),
    ...attacks(badInput, {
      '10,000 unknown fields in a variable': filter(
        Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`x${n}`, 1])),
      ),
      '60,000 invalid values in a variable': filter({ statuses: Array(60_000).fill(1) }),
    }),
    ...attacks(
      { ...badInput, maxLength: 65_536 },
      { '100,000 nested lists in a variable': { body: deepVariable } },
    ),
    ...attacks(read(0), {
      'a comment of 100,000 characters': `#${'x'.repeat(100_000)}\n{ __typename }`,
    }),
    ...attacks(read(1), {
      '18,000 valid values in a variable': filter({ statuses: Array(18_000).fill('FAILED') }),
      '700 aliases of a lookup': `{ ${repeat(700, 'a#:export(id:"#"){id}')} }`,
    }),
    // The counts are equal, so one statement serves all.
    ...attacks(read(11), {
      '10 lists with counts': `{ ${repeat(10, 'a#: exports(page: #) { data { id } pagination { totalCount } }')} }`,
    }),
    ...attacks(
      { status: 400, code: 'OPERATION_RESOLUTION_FAILURE' },
      { '1,900 operations, none of them named': repeat(1_900, 'query q# { __typename }') },
    ),
    ...attacks(
      { status: 400, code: 'BAD_REQUEST' },
      { 'constructor.prototype in a variable': filter({ constructor: { prototype: { a: 1 } } }) },
    ),
  ])('responds with $status $code to $name', ({ request, ...outcome }) =>
    expectOutcome(open, request, outcome),
  );

  it('responds with 431 to a header of 100 KB', async () => {
    const raw = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`;
    expect(await sendRaw(open, raw)).toMatchObject({ status: 431, statements: [] });
  });

  it('aborts a slow body after 10 s without a statement', async () => {
    const start = performance.now();
    const head = 'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json';
    const raw = `${head}\r\nContent-Length: 100\r\n\r\n{"query"`;
    const { status, text, statements } = await sendRaw(open, raw);
    expect([status, statements]).toEqual([408, []]);
    const ms = performance.now() - start;
    expect(ms > 9_000 && ms < 20_000).toBe(true);
    expectNoSecrets(text, open);
  });
});

describe('a gateway in production', () => {
  it.each([
    ...attacks(
      { ...invalid, conceals: /Did you mean|"exports"|"id"|"name"|"limit"|Connection|countTotal/ },
      {
        introspection: '{ __schema { types { name } } }',
        'introspection of a type': '{ __type(name: "Export") { fields { name } } }',
        'misspelt fields':
          '{ export { i } exportz(limitt: 1) { dat } exports(limitt: 1) { data { nam } } }',
      },
    ),
    ...attacks(
      { ...badInput, conceals: /Did you mean|"CONTACT"/ },
      { 'a misspelt enum value': filter({ resource: 'CONTAC' }) },
    ),
  ])('conceals its schema in the response to $name', ({ request, ...outcome }) =>
    expectOutcome(production, request, outcome),
  );
});

async function expectOutcome(
  gateway: Gateway,
  attack: Attack,
  { status, code, says, conceals, maxLength = 65_536, statements = 0 }: Outcome,
): Promise<void> {
  const request = typeof attack === 'string' ? { body: { query: attack } } : attack;
  const start = performance.now();
  const response = await gateway.send(request);
  expect(performance.now() - start).toBeLessThan(MAX_MS);
  const { errors = [] } = JSON.parse(response.text) as { errors?: readonly GraphqlError[] };
  const codes = new Set(errors.map(({ extensions }) => extensions.code));
  expect([response.status, ...codes]).toEqual(code === null ? [status] : [status, code]);
  expect(response.statements).toHaveLength(statements);
  if (says) expect(response.text).toMatch(says);
  if (conceals) expect(response.text).not.toMatch(conceals);
  if (status !== 200 || code !== null) {
    expect(response.text.length).toBeLessThan(maxLength);
    expectNoSecrets(response.text, gateway);
  }
  // A rejection is the client's mistake and must not alert an operator.
  expect(response.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
}

/** Writes to a bare connection and reads until the server closes it. */
async function sendRaw({ origin, log }: Gateway, request: string) {
  const logBefore = log.length;
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
  // The server may close the connection before it has read everything.
  socket.on('error', () => undefined);
  socket.write(request);
  await new Promise((resolve) => socket.on('close', resolve));
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1]);
  const text = received.slice(received.indexOf('\r\n\r\n') + 4);
  const statements = log.slice(logBefore).filter(({ sql }) => sql !== undefined);
  return { status, text, statements };
}

function expectNoSecrets(text: string, { filesDirectory }: Gateway): void {
  expectNoInternals(text);
  for (const secret of [filesDirectory, 'the secret of the tests', 'key_hash', '127.0.0.1']) {
    expect(text).not.toContain(secret);
  }
}

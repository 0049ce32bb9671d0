import { generateKeyPairSync } from 'node:crypto';

import { SignJWT, UnsecuredJWT } from 'jose';

import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import type { RawRequest } from '../support/gateway.js';

interface Outcome {
  /** An open gateway by default; the others share its database. */
  readonly on?: 'open' | 'production' | 'guarded';
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

/** A GraphQL document, a request, or what is written to a bare connection. */
type AttackRequest = string | RawRequest | { readonly raw: string };
export interface Attack extends Outcome {
  readonly name: string;
  readonly request: RawRequest | { readonly raw: string };
}

/** Attacks with a common outcome, some of which differ from it in parts. */
function attacks(
  outcome: Outcome,
  requests: Record<string, AttackRequest | readonly [AttackRequest, Partial<Outcome>]>,
): Attack[] {
  return Object.entries(requests).map(([name, entry]) => {
    const [request, difference] = [entry].flat() as [AttackRequest, Partial<Outcome>?];
    const sent = typeof request === 'string' ? { body: { query: request } } : request;
    return { name, request: sent, ...outcome, ...difference };
  });
}

/** Repeats a text, with a number from 1 in place of `#`. */
function repeat(times: number, text: string, separator = ' '): string {
  const numbers = Array.from({ length: times }, (_, index) => String(index + 1));
  return numbers.map((number) => text.replaceAll('#', number)).join(separator);
}

function nest(times: number, opening: string, inside = '', closing = '}'): string {
  return opening.repeat(times) + inside + closing.repeat(times);
}

const exports = (fields: string) => `{ exports { data { ${fields} } } }`;
const withVariable = (type: string, field: string) => (v: unknown) => ({
  body: { query: `query ($v: ${type}) { ${field} }`, variables: { v } },
});
const list = (type: string, argument: string) =>
  withVariable(type, `exports(${argument}: $v) { data { id } }`);
const id = withVariable('ID!', 'export(id: $v) { id }');
const filter = list('ExportFilter', 'filter');
const after = list('String', 'after');

const ok = { status: 200, code: null };
const invalid = { status: 400, code: 'GRAPHQL_VALIDATION_FAILED' };
const tooCostly = { says: /costs \d+; at most 15000 are allowed/ };
const longName = 'x'.repeat(99);
const everything =
  'id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt expiresAt failureReason ' +
  'requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl ' +
  'files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }';
const page = `exports(limit: 100, includeCsv: true, includeJson: true) { data { ${everything} } }`;
const countedList = (limit: string) =>
  `exports(${limit}) { data { id } pagination { totalCount } }`;
const doublingFragments = Array.from(
  { length: 20 },
  (_, n) => `fragment f${n} on Export { ...f${n + 1} ...f${n + 1} }`,
);
const circularFragments = Array.from(
  { length: 60 },
  (_, n) => `fragment f${n}${longName} on Query { ...f${(n + 1) % 60}${longName} }`,
);

const documents = [
  ...attacks(
    { status: 400, code: 'QUERY_TOO_COMPLEX', says: /too expensive to validate/ },
    {
      '1,000 repeated fields': exports(repeat(1_000, 'id')),
      '9,900 repeated fields': exports(repeat(9_900, 'id')),
      '1,600 repeated objects': exports(repeat(1_600, 'files{url kind}')),
      '800 fragments side by side': `{ ${repeat(800, '...f#')} } ${repeat(800, 'fragment f# on Query { __typename }')}`,
      '4,900 nested lists in a document': `{ export(id: ${nest(4_900, '[', '', ']')}) { id } }`,
      '2,400 nested objects in a document': `{ exports(filter: ${nest(2_400, '{search:', '1')}) { data { id } } }`,
      '2,400 nested inline fragments': [
        `{${nest(2_400, '...{', '__typename')}}`,
        { says: /more than 100 levels|too expensive to validate/ },
      ],
      '20 levels of doubling fragments': [
        `${exports('...f0')} ${doublingFragments.join(' ')} fragment f20 on Export { id }`,
        { says: /more than 10000 fields/ },
      ],
      '30 levels of ofType': [
        `{ __type(name: "Export") { ${nest(29, 'ofType { ', 'name')} } }`,
        { says: /31 levels deep; at most 15/ },
      ],
      '1,000 aliases of a list': [
        `{ ${repeat(1_000, 'a#:exports{data{id}}')} }`,
        { says: /costs 220000; at most 15000/ },
      ],
      'two pages of 100 with everything': [`{ a: ${page} b: ${page} }`, tooCostly],
      '100 lists of 1 with counts': [
        `{ ${repeat(100, `a#: ${countedList('limit: 1')}`)} }`,
        tooCostly,
      ],
      '700 times the fields of all types': [
        `{ __schema { types { ${repeat(700, 'a#: fields { args { name } }')} } } }`,
        tooCostly,
      ],
      '2,400 times the descriptions of all fields': [
        `{ __schema { types { fields { ${repeat(2_400, 'a#: description')} } } } }`,
        tooCostly,
      ],
      'introspection by nested fragments': [
        `{ ${repeat(300, 'a#: __schema { ...s }')} } fragment s on __Schema { types { ...t } }
         fragment t on __Type { name fields { ...f } } fragment f on __Field { name description }`,
        tooCostly,
      ],
    },
  ),
  ...attacks(invalid, {
    '200 directives on a field': `{ __typename ${repeat(200, '@include(if: true)')} }`,
    '4,900 unknown directives': `{ __typename ${repeat(4_900, '@x#')} }`,
    'circular fragments': '{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }',
    '60 circular fragments with long names': [
      `{ ...f0${longName} } ${circularFragments.join(' ')}`,
      { maxLength: 200_000 },
    ],
    '1,000 nested fields': `{${nest(1_000, 'a{', 'b')}}`,
    'introspection 30 levels deep': [
      `{ __schema { types { ${nest(14, 'fields { type { ', 'name', ' } }')} } } }`,
      { says: /introspection depth/ },
    ],
    'a mutation by GET': {
      path: '/graphql?query=mutation{deleteExports}',
      headers: ['apollo-require-preflight', '1'],
    },
  }),
  ...attacks(
    { ...invalid, maxLength: 2_000 },
    {
      'a token of 200,000 characters': `{ ${'a'.repeat(200_000)} }`,
      'a number of 200,000 digits': `{ exports(page: ${'9'.repeat(200_000)}) { data { id } } }`,
      '3,300 arguments of one name': `{ exports(${repeat(3_300, 'page: 1')}) { data { id } } }`,
    },
  ),
  ...attacks(
    { ...invalid, on: 'production' },
    {
      'introspection in production': ['{ __schema { types { name } } }', { conceals: /Export/ }],
      '__type in production': [
        '{ __type(name: "Export") { fields { name } } }',
        { conceals: /countTotal/ },
      ],
      'misspelt fields in production': [
        '{ export { i } exportz(limitt: 1) { dat } exports(limitt: 1) { data { nam } } }',
        { conceals: /Did you mean|"exports"|"id"|"name"|"limit"|ExportConnection/ },
      ],
      'a misspelt enum value in production': [
        filter({ resource: 'CONTAC' }),
        { code: 'BAD_USER_INPUT', conceals: /Did you mean|"CONTACT"/ },
      ],
    },
  ),
  ...attacks(ok, {
    'a comment of 100,000 characters': `#${'x'.repeat(100_000)}\n{ __typename }`,
    '1,000 aliases of a lookup': [
      `{ ${repeat(1_000, 'a#:export(id:"#"){id}')} }`,
      { status: 400, code: 'GRAPHQL_PARSE_FAILED', says: /10000 tokens/ },
    ],
    '1,900 operations, none of them named': [
      repeat(1_900, 'query q# { __typename }'),
      { status: 400, code: 'OPERATION_RESOLUTION_FAILURE' },
    ],
  }),
];

const deepVariable = `{"query":"query ($v: ExportFilter) { exports(filter: $v) { data { id } } }","variables":{"v":${nest(100_000, '[', '', ']')}}}`;
const variables = attacks(
  { status: 400, code: 'BAD_USER_INPUT', maxLength: 2_000 },
  {
    '10,000 unknown fields in a variable': filter(
      Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`x${n}`, 1])),
    ),
    '60,000 invalid values in a variable': filter({ statuses: Array(60_000).fill(1) }),
    '100,000 nested lists in a variable': [{ body: deepVariable }, { maxLength: 65_536 }],
    'SQL as orderBy': list('ExportOrderBy!', 'orderBy')('id; DROP TABLE exports'),
    'SQL as direction': list('SortDirection!', 'direction')('id; DROP TABLE exports'),
    'SQL as a resource': filter({ resource: "contact' OR '1'='1" }),
    'SQL as a status': filter({ statuses: ["queued' OR '1'='1"] }),
  },
);

const sql = "') OR 1=1; DROP TABLE exports; -- ";
const invalidCursor = { code: 'BAD_USER_INPUT', says: /"after must be/ };
/** The attacks that reach the code around SQL. */
export const databaseAttacks = attacks(ok, {
  'SQL as an id': [id("' OR 1=1 -- "), { says: /^\{"data":\{"export":null\}\}\n$/ }],
  'SQL as a search': [
    filter({ search: sql }),
    { statements: 1, says: /^\{"data":\{"exports":\{"data":\[\]\}\}\}\n$/ },
  ],
  'SQL as a cursor': [after(sql), invalidCursor],
  'SQL in a well-formed cursor': [
    after(Buffer.from(`123456789012 0:${sql}`).toString('base64url')),
    invalidCursor,
  ],
  'NUL in a search': [filter({ search: 'a\0b' }), { code: 'BAD_USER_INPUT' }],
  'NUL in an id': id('exp_\0'),
  '700 aliases of a lookup': [`{ ${repeat(700, 'a#:export(id:"#"){id}')} }`, { statements: 1 }],
  // The counts are equal, so one statement serves all.
  '50 lists of 10 with counts': [
    `{ ${repeat(50, `a#: ${countedList('page: #')}`)} }`,
    { statements: 51 },
  ],
  '18,000 valid values in a variable': [
    filter({ statuses: Array(18_000).fill('FAILED') }),
    { statements: 1 },
  ],
});

const postOf5Mb = (headers: string, body: string) => ({
  raw: `POST /graphql HTTP/1.1\r\nHost: x\r\n${headers}Content-Type: application/json\r\nContent-Length: 5000000\r\n\r\n${body}`,
});
const http = attacks(
  { status: 400, code: 'BAD_REQUEST' },
  {
    '__proto__ in the variables': { body: '{"query":"{a}","variables":{"__proto__":{"a":1}}}' },
    'constructor.prototype in the variables': filter({ constructor: { prototype: { a: 1 } } }),
    'an array of requests': { body: [{ query: '{ __typename }' }, { query: '{ __typename }' }] },
    'a GET without a preflight header': { path: '/graphql?query={__typename}' },
    'a POST of text/plain': { body: '{"query":"{a}"}', headers: ['content-type', 'text/plain'] },
    'a POST of a form': [
      { body: 'query={a}', headers: ['content-type', 'application/x-www-form-urlencoded'] },
      { status: 415 },
    ],
    'a POST of multipart': [
      {
        body: '--x\r\n\r\n{}\r\n--x--',
        headers: ['content-type', 'multipart/form-data; boundary=x'],
      },
      { status: 415 },
    ],
    'a body of 5 MB': [postOf5Mb('', 'x'.repeat(5_000_000)), { status: 413 }],
    '5,000 query parameters': [
      { path: `/graphql?${repeat(5_000, 'q#', '&')}` },
      { status: 431, code: null },
    ],
    'a header of 100 KB': [
      { raw: `GET /health/live HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n` },
      { status: 431, code: null },
    ],
  },
);

export const jwt = { issuer: 'https://issuer.example.com', audience: 'exports' };
const { privateKey, ...publicHalf } = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const { publicKey } = publicHalf;
const [validKey, revokedKey] = [keyNamed('valid'), keyNamed('revoked')];
export const keys = [
  apiKeyRow(validKey, 'org_demo'),
  apiKeyRow(revokedKey, 'org_demo', { revokedAt: new Date(0) }),
];
const now = Math.floor(Date.now() / 1000);
const claims = { iss: jwt.issuer, aud: jwt.audience, org_id: 'org_demo', exp: now + 3_600 };
const publicKeyText = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }));

const listWith = (...headers: string[]) => ({ body: { query: exports('id') }, headers });
const listAs = (token: string) => listWith('authorization', `Bearer ${token}`);
const token = (changes: object) =>
  new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
const confusedToken = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(publicKeyText);

const credentials = attacks(
  {
    on: 'guarded',
    status: 401,
    code: 'UNAUTHENTICATED',
    says: /^\{"errors":\[\{"message":"Valid credentials are needed: an X-API-Key header or a bearer token\.","extensions":\{"code":"UNAUTHENTICATED"\}\}\]\}$/,
  },
  {
    'no credentials': listWith(),
    'no credentials and a body of 5 MB': postOf5Mb('Connection: close\r\n', ''),
    'a token with alg: none': listAs(new UnsecuredJWT(claims).encode()),
    'a token signed by HS256 with the public key': listAs(await confusedToken),
    'a token for another audience': listAs(await token({ aud: 'x' })),
    'a token of another issuer': listAs(await token({ iss: 'x' })),
    'an expired token': listAs(await token({ exp: now - 60 })),
    'a token that is not valid yet': listAs(await token({ nbf: now + 3_600 })),
    'a token without an organization': listAs(await token({ org_id: undefined })),
    'a token with a list as organization': listAs(await token({ org_id: ['org_demo'] })),
    'a revoked key and a valid token': listWith(
      ...['x-api-key', revokedKey, 'authorization', `Bearer ${await token({})}`],
    ),
    'a revoked key': [listWith('x-api-key', revokedKey), { statements: 1 }],
    'an unknown key': [listWith('x-api-key', "' OR 1=1"), { statements: 1 }],
    'a valid key': [listWith('x-api-key', validKey), { ...ok, statements: 2, says: /exp_/ }],
    'a valid token': [listAs(await token({})), { ...ok, statements: 1, says: /exp_/ }],
  },
);

export const SECRET = 'the secret of the tests';

/** A download by a valid link, in which parts of the URL are changed. */
function link({
  path,
  ttl = 900,
  ...parameters
}: { path?: string; ttl?: number } & Record<string, string | number> = {}): RawRequest {
  const signer = new LocalUrlSigner({ secret: SECRET, ttl, origin: () => 'http://localhost' });
  const url = new URL(signer.sign({ objectKey: 'one.csv', fileName: 'one.csv' }).url);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
  return { path: `${path ?? url.pathname}${url.search}` };
}

const links = attacks(
  { status: 403, code: 'FORBIDDEN' },
  {
    'NUL in a path': { path: '/files/a%00b' },
    'a link with another key': link({ path: '/files/two.csv' }),
    'a link with a key that climbs': link({ path: '/files/..%2f..%2fetc%2fpasswd' }),
    'a link with an organization in its path': link({ path: '/files/org_other/one.csv' }),
    'a link with another file name': link({ name: 'x.html' }),
    'a link with a later expiry': link({ expires: '99999999999' }),
    'a link with another signature': link({ signature: 'A'.repeat(43) }),
    'a link without a signature': { path: link().path?.replace(/&signature=[^&]+/, '') ?? '' },
    'an expired link': [link({ ttl: -10 }), { status: 410, code: 'LINK_EXPIRED' }],
    'a valid link': [link(), { ...ok, says: /^the file of org_demo$/ }],
  },
);

export const allAttacks = [documents, variables, databaseAttacks, http, credentials, links].flat();

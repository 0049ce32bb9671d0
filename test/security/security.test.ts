import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT, UnsecuredJWT } from 'jose';

import { hashApiKey } from '../../src/auth/api-key.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { expectNoInternals } from '../exports/post.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

const ROWS = 110;
const SECRET = 'the secret of the tests';
const REVOKED = 'egk_revoked';
const GOOD = 'egk_good';
const ISSUER = 'https://issuer.example.com';
const AUDIENCE = 'exports';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The three gateways of a database: open to everyone, open but in production, and with authentication. */
type Kind = 'open' | 'production' | 'guarded';

interface Attack {
  readonly name: string;
  readonly on?: Kind;
  readonly send: (gateway: Gateway) => Promise<Reply>;
  readonly status: number;
  /** Of every error; null: there is none. */
  readonly code: string | null;
  /** What the answer must say, such as the limit. */
  readonly says?: RegExp;
  readonly says_not?: RegExp;
  /** Milliseconds; 3,000 when not said: two cores serve the whole test run. */
  readonly within?: number;
  /** Bytes of the answer; 64 KiB when not said, for what is refused. */
  readonly size?: number;
  /** None when not said. */
  readonly statements?: number;
}

const repeat = (times: number, text: (index: number) => string) =>
  Array.from({ length: times }, (_, index) => text(index)).join(' ');

async function request(gateway: Gateway, path: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(`${gateway.origin}${path}`, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const json = { 'content-type': 'application/json' };

const post =
  (body: string, headers: Record<string, string> = json) =>
  (gateway: Gateway): Promise<Reply> =>
    request(gateway, '/graphql', { method: 'POST', headers, body });

const ask = (query: string, variables?: unknown, headers: Record<string, string> = {}) =>
  post(JSON.stringify({ query, variables }), { ...json, ...headers });

const get =
  (path: string, headers: Record<string, string> = {}) =>
  (gateway: Gateway): Promise<Reply> =>
    request(gateway, path, { headers });

/** What a socket that sends `text` is told until it is closed, or until it has been told a whole answer. */
function raw(gateway: Gateway, text: string): Promise<Reply> {
  const { hostname, port } = new URL(gateway.origin);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    // The server may close while the rest is still on its way.
    socket.on('error', (error) => {
      if (answer === '') reject(error);
    });
    socket.on('close', () => {
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
      const at = answer.indexOf('\r\n\r\n');
      resolve({ status, headers: new Headers(), text: answer.slice(at + 4) });
    });
  });
}

const claims = { iss: ISSUER, aud: AUDIENCE, org_id: 'org_demo' };
const now = () => Math.floor(Date.now() / 1000);

function withToken(make: () => Promise<string> | string) {
  return async (gateway: Gateway): Promise<Reply> =>
    ask('{ exports { data { id } } }', undefined, { authorization: `Bearer ${await make()}` })(
      gateway,
    );
}

const signed = (changes: Record<string, unknown>) =>
  new SignJWT({ ...claims, exp: now() + 600, ...changes })
    .setProtectedHeader({ alg: 'RS256' })
    .sign(privateKey);

const query = '{ exports { data { id } } }';
const everything =
  'id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt expiresAt failureReason ' +
  'requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl ' +
  'files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }';
const introspection = '{ __schema { types { name } } }';
const filterQuery = 'query ($f: ExportFilter) { exports(filter: $f) { data { id } } }';
const sql = "') OR 1=1; DROP TABLE exports; -- ";

/** A good link to the file of the first export, and ways to change it. */
function link(change: (url: URL) => void = () => undefined, ttl = 900) {
  return async (gateway: Gateway): Promise<Reply> => {
    const links = new LocalUrlSigner({ secret: SECRET, ttl, origin: () => gateway.origin });
    const url = new URL(links.sign({ objectKey: 'one.csv', fileName: 'one.csv' }).url);
    change(url);
    return request(gateway, `${url.pathname}${url.search}`);
  };
}

const tooComplex = { status: 400, code: 'QUERY_TOO_COMPLEX' } as const;
const tooCostly = { ...tooComplex, says: /costs \d+; at most 15000 are allowed/ } as const;
const tooMuch = { ...tooComplex, says: /too much to check/ } as const;
const tooLong = { status: 400, code: 'GRAPHQL_PARSE_FAILED', says: /10000 tokens/ } as const;
const invalid = { status: 400, code: 'GRAPHQL_VALIDATION_FAILED' } as const;
const badInput = { status: 400, code: 'BAD_USER_INPUT' } as const;
const badRequest = { status: 400, code: 'BAD_REQUEST' } as const;
const stranger = {
  on: 'guarded',
  status: 401,
  code: 'UNAUTHENTICATED',
  says: /^\{"errors":\[\{"message":"Valid credentials are needed: an X-API-Key header or a bearer token\.","extensions":\{"code":"UNAUTHENTICATED"\}\}\]\}$/,
} as const;
const invalidLink = { status: 403, code: 'FORBIDDEN' } as const;
const fine = { status: 200, code: null } as const;

const attacks: readonly Attack[] = [
  // Documents that are large, or grow.
  {
    name: '1,000 aliases of a list',
    send: ask(`{ ${repeat(1_000, (n) => `a${n}:exports{data{id}}`)} }`),
    ...tooCostly,
    says: /costs 220000; at most 15000/,
  },
  {
    name: '1,000 aliases of a look-up',
    send: ask(`{ ${repeat(1_000, (n) => `a${n}:export(id:"${n}"){id}`)} }`),
    ...tooLong,
  },
  {
    name: '700 aliases of a look-up (allowed)',
    send: ask(`{ ${repeat(700, (n) => `a${n}:export(id:"${n}"){id}`)} }`),
    ...fine,
    statements: 1,
  },
  {
    name: '1,000 repeated fields',
    send: ask(`{ exports { data { ${repeat(1_000, () => 'id')} } } }`),
    ...tooMuch,
  },
  {
    name: '9,900 repeated fields',
    send: ask(`{ exports { data { ${repeat(9_900, () => 'id')} } } }`),
    ...tooMuch,
  },
  {
    name: '1,600 repeated objects',
    send: ask(`{ exports { data { ${repeat(1_600, () => 'files{url kind}')} } } }`),
    ...tooMuch,
  },
  {
    name: '200 directives on a field',
    send: ask(`{ __typename ${repeat(200, () => '@include(if: true)')} }`),
    ...invalid,
  },
  {
    name: '4,900 unknown directives',
    send: ask(`{ __typename ${repeat(4_900, (n) => `@x${n}`)} }`),
    ...invalid,
  },
  {
    name: '20 levels of doubling fragments',
    send: ask(
      `{ exports { data { ...f0 } } } ${repeat(20, (n) => `fragment f${n} on Export { ...f${n + 1} ...f${n + 1} }`)} fragment f20 on Export { id }`,
    ),
    ...tooComplex,
    says: /more than 10000 fields/,
  },
  {
    name: 'circular fragments',
    send: ask('{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }'),
    ...invalid,
  },
  {
    name: '60 fragments with long names in circles',
    send: ask(
      `{ ...f0${'x'.repeat(99)} } ${repeat(60, (n) => `fragment f${n}${'x'.repeat(99)} on Query { ...f${(n + 1) % 60}${'x'.repeat(99)} }`)}`,
    ),
    ...invalid,
    size: 200_000,
  },
  {
    name: '800 fragments side by side',
    send: ask(
      `{ ${repeat(800, (n) => `...f${n}`)} } ${repeat(800, (n) => `fragment f${n} on Query { __typename }`)}`,
    ),
    ...tooMuch,
  },
  {
    name: '2,400 inline fragments in each other',
    send: ask(`{${'...{'.repeat(2_400)}__typename${'}'.repeat(2_400)}}`),
    ...tooComplex,
    says: /more than 100 times|too much to check/,
  },
  {
    name: '1,000 fields in each other',
    send: ask(`{${'a{'.repeat(1_000)}b${'}'.repeat(1_000)}}`),
    ...invalid,
  },
  {
    name: '4,900 lists in each other in the document',
    send: ask(`{ export(id: ${'['.repeat(4_900)}${']'.repeat(4_900)}) { id } }`),
    ...tooMuch,
  },
  {
    name: '2,400 objects in each other in the document',
    send: ask(
      `{ exports(filter: ${'{search:'.repeat(2_400)}1${'}'.repeat(2_400)}) { data { id } } }`,
    ),
    ...tooMuch,
  },
  {
    name: 'a token of 200,000 characters',
    send: ask(`{ ${'a'.repeat(200_000)} }`),
    ...invalid,
    size: 2_000,
  },
  {
    name: 'a number of 200,000 digits',
    send: ask(`{ exports(page: ${'9'.repeat(200_000)}) { data { id } } }`),
    ...invalid,
    size: 2_000,
  },
  {
    name: 'a comment of 100,000 characters (allowed)',
    send: ask(`#${'x'.repeat(100_000)}\n{ __typename }`),
    ...fine,
  },
  {
    name: '1,900 operations in a document, none named',
    send: ask(repeat(1_900, (n) => `query q${n} { __typename }`)),
    status: 400,
    code: 'OPERATION_RESOLUTION_FAILURE',
  },
  {
    name: '3,300 arguments of one name',
    send: ask(`{ exports(${repeat(3_300, () => 'page: 1')}) { data { id } } }`),
    ...invalid,
    size: 2_000,
  },
  // What a query makes the database and the links do.
  {
    name: 'two pages of 100 with everything',
    send: ask(
      `{ a: exports(limit: 100, includeCsv: true, includeJson: true) { data { ${everything} } } b: exports(limit: 100, includeCsv: true, includeJson: true) { data { ${everything} } } }`,
    ),
    ...tooCostly,
  },
  {
    name: '50 lists of 10 with counts (allowed)',
    send: ask(
      `{ ${repeat(50, (n) => `a${n}: exports(page: ${n + 1}) { data { id } pagination { totalCount } }`)} }`,
    ),
    ...fine,
    // The counts are all alike, and so are one.
    statements: 51,
  },
  {
    name: '100 lists of 1 with counts',
    send: ask(
      `{ ${repeat(100, (n) => `a${n}: exports(limit: 1) { pagination { totalCount } }`)} }`,
    ),
    ...tooCostly,
  },
  // Introspection.
  {
    name: 'introspection 30 levels deep',
    send: ask(
      `{ __schema { types { ${'fields { type { '.repeat(14)}name${' } }'.repeat(14)} } } }`,
    ),
    ...invalid,
    says: /introspection depth/,
  },
  {
    name: '30 levels of ofType',
    send: ask(`{ __type(name: "Export") { ${'ofType { '.repeat(29)}name${' }'.repeat(29)} } }`),
    ...tooComplex,
    says: /31 levels deep; at most 15/,
  },
  {
    name: 'introspection, 700 times the fields of all types',
    send: ask(
      `{ __schema { types { ${repeat(700, (n) => `a${n}: fields { args { name } }`)} } } }`,
    ),
    ...tooCostly,
  },
  {
    name: 'introspection, 2,400 times the words of all fields',
    send: ask(
      `{ __schema { types { fields { ${repeat(2_400, (n) => `a${n}: description`)} } } } }`,
    ),
    ...tooCostly,
  },
  {
    name: 'introspection by nested fragments',
    send: ask(
      `{ ${repeat(300, (n) => `a${n}: __schema { ...s }`)} } fragment s on __Schema { types { ...t } } fragment t on __Type { name fields { ...f } } fragment f on __Field { name description }`,
    ),
    ...tooCostly,
  },
  {
    name: 'introspection when it is off',
    on: 'production',
    send: ask(introspection),
    ...invalid,
    says_not: /Export/,
  },
  {
    name: '__type when introspection is off',
    on: 'production',
    send: ask('{ __type(name: "Export") { fields { name } } }'),
    ...invalid,
    says_not: /countTotal/,
  },
  {
    name: 'misspelt fields in production',
    on: 'production',
    send: ask('{ export { i } exportz(limitt: 1) { dat } exports(limitt: 1) { data { nam } } }'),
    ...invalid,
    says_not: /Did you mean|"exports"|"id"|"name"|"limit"|ExportConnection/,
  },
  {
    name: 'a misspelt enum value in production',
    on: 'production',
    send: ask(filterQuery, { f: { resource: 'CONTAC' } }),
    ...badInput,
    says_not: /Did you mean|"CONTACT"/,
  },
  // Variables.
  {
    name: '10,000 unknown fields in a variable',
    send: ask(filterQuery, {
      f: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`x${n}`, 1])),
    }),
    ...badInput,
    size: 2_000,
  },
  {
    name: '60,000 wrong values in a variable',
    send: ask(filterQuery, { f: { statuses: Array(60_000).fill(1) } }),
    ...badInput,
    size: 2_000,
  },
  {
    name: '18,000 right values in a variable (allowed)',
    send: ask(filterQuery, { f: { statuses: Array(18_000).fill('FAILED') } }),
    ...fine,
    statements: 1,
  },
  {
    name: '100,000 lists in each other in a variable',
    send: post(
      `{"query":${JSON.stringify(filterQuery)},"variables":{"f":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
    ),
    ...badInput,
  },
  {
    name: '__proto__ in the variables',
    send: post('{"query":"{ __typename }","variables":{"__proto__":{"admin":true}}}'),
    ...badRequest,
  },
  {
    name: 'constructor.prototype in the variables',
    send: post(
      `{"query":${JSON.stringify(filterQuery)},"variables":{"f":{"constructor":{"prototype":{"admin":true}}}}}`,
    ),
    ...badRequest,
  },
  // SQL and NUL in every text.
  {
    name: 'SQL as an id',
    send: ask('query ($id: ID!) { export(id: $id) { id } }', { id: "' OR 1=1 -- " }),
    ...fine,
    says: /^\{"data":\{"export":null\}\}\n$/,
  },
  {
    name: 'SQL as a search',
    send: ask(filterQuery, { f: { search: sql } }),
    ...fine,
    says: /^\{"data":\{"exports":\{"data":\[\]\}\}\}\n$/,
    statements: 1,
  },
  {
    name: 'SQL as a cursor',
    send: ask('query ($a: String) { exports(after: $a) { data { id } } }', { a: sql }),
    status: 200,
    code: 'BAD_USER_INPUT',
    says: /"after must be/,
  },
  {
    name: 'SQL in a cursor of the right form',
    send: ask('query ($a: String) { exports(after: $a) { data { id } } }', {
      a: Buffer.from(`123456789012 0:${sql}`).toString('base64url'),
    }),
    status: 200,
    code: 'BAD_USER_INPUT',
    says: /"after must be/,
  },
  ...['orderBy: ExportOrderBy!', 'direction: SortDirection!'].map((argument): Attack => {
    const [name = '', type = ''] = argument.split(': ');
    return {
      name: `SQL as ${name}`,
      send: ask(`query ($v: ${type}) { exports(${name}: $v) { data { id } } }`, {
        v: 'id; DROP TABLE exports',
      }),
      ...badInput,
    };
  }),
  {
    name: 'SQL as a resource',
    send: ask(filterQuery, { f: { resource: "contact' OR '1'='1" } }),
    ...badInput,
  },
  {
    name: 'SQL as a status',
    send: ask(filterQuery, { f: { statuses: ["queued' OR '1'='1"] } }),
    ...badInput,
  },
  {
    name: 'NUL in a search',
    send: ask(filterQuery, { f: { search: 'a\0b' } }),
    status: 200,
    code: 'BAD_USER_INPUT',
  },
  {
    name: 'NUL in an id',
    send: ask('query ($id: ID!) { export(id: $id) { id } }', { id: 'exp_\0' }),
    ...fine,
  },
  { name: 'NUL in a path', send: get('/files/a%00b'), ...invalidLink },
  // HTTP.
  {
    name: 'an array of requests (a batch)',
    send: post(JSON.stringify([{ query }, { query }])),
    ...badRequest,
  },
  {
    name: 'a body of 5 MB',
    send: (gateway) =>
      raw(
        gateway,
        `POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n${'x'.repeat(5_000_000)}`,
      ),
    status: 413,
    code: 'BAD_REQUEST',
  },
  {
    name: 'a GET without a preflight header',
    send: get('/graphql?query={__typename}'),
    ...badRequest,
  },
  {
    name: 'a text/plain POST',
    send: post(JSON.stringify({ query }), { 'content-type': 'text/plain' }),
    ...badRequest,
  },
  {
    name: 'an urlencoded POST',
    send: post(`query=${encodeURIComponent(query)}`, {
      'content-type': 'application/x-www-form-urlencoded',
    }),
    status: 415,
    code: 'BAD_REQUEST',
  },
  {
    name: 'a multipart POST',
    send: post('--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{}\r\n--x--', {
      'content-type': 'multipart/form-data; boundary=x',
    }),
    status: 415,
    code: 'BAD_REQUEST',
  },
  {
    name: 'a GET mutation',
    send: get('/graphql?query=mutation{deleteExports}', { 'apollo-require-preflight': '1' }),
    ...invalid,
  },
  {
    name: '5,000 query parameters',
    send: get(`/graphql?${repeat(5_000, (n) => `q${n}`).replaceAll(' ', '&')}`),
    status: 431,
    code: null,
  },
  {
    name: 'a header of 100 KB',
    send: (gateway) =>
      raw(gateway, `GET /health/live HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`),
    status: 431,
    code: null,
  },
  // Strangers: with the same words for every cause.
  { name: 'no credentials', send: ask(query), ...stranger },
  {
    name: 'no credentials, and a body of 5 MB',
    send: (gateway) =>
      raw(
        gateway,
        `POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n`,
      ),
    ...stranger,
  },
  {
    name: 'a token with alg: none',
    send: withToken(() => new UnsecuredJWT({ ...claims, exp: now() + 600 }).encode()),
    ...stranger,
  },
  {
    name: 'a token signed with HS256 and the public key (key confusion)',
    send: withToken(() =>
      new SignJWT({ ...claims, exp: now() + 600 })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(pem)),
    ),
    ...stranger,
  },
  {
    name: 'a token for another audience',
    send: withToken(() => signed({ aud: 'x' })),
    ...stranger,
  },
  { name: 'a token of another issuer', send: withToken(() => signed({ iss: 'x' })), ...stranger },
  { name: 'an expired token', send: withToken(() => signed({ exp: now() - 60 })), ...stranger },
  {
    name: 'a token not yet valid',
    send: withToken(() => signed({ nbf: now() + 60 })),
    ...stranger,
  },
  {
    name: 'a token without an organization',
    send: withToken(() => signed({ org_id: undefined })),
    ...stranger,
  },
  {
    name: 'a token whose organization is a list',
    send: withToken(() => signed({ org_id: ['org_demo'] })),
    ...stranger,
  },
  {
    name: 'a good token (allowed)',
    on: 'guarded',
    send: withToken(() => signed({})),
    ...fine,
    statements: 1,
  },
  {
    name: 'an unknown key',
    send: ask(query, undefined, { 'x-api-key': "' OR 1=1" }),
    ...stranger,
    statements: 1,
  },
  {
    name: 'a revoked key',
    send: ask(query, undefined, { 'x-api-key': REVOKED }),
    ...stranger,
    statements: 1,
  },
  {
    name: 'a revoked key beside a good token',
    send: async (gateway) =>
      ask(query, undefined, { 'x-api-key': REVOKED, authorization: `Bearer ${await signed({})}` })(
        gateway,
      ),
    ...stranger,
  },
  {
    name: 'a good key (allowed)',
    on: 'guarded',
    send: ask(query, undefined, { 'x-api-key': GOOD }),
    ...fine,
    statements: 2,
  },
  // Links.
  { name: 'a good link (allowed)', send: link(), ...fine, says: /^the file of org_demo$/ },
  {
    name: 'a link with another key',
    send: link((url) => {
      url.pathname = '/files/two.csv';
    }),
    ...invalidLink,
  },
  {
    name: 'a link with a key that climbs',
    send: link((url) => {
      url.pathname = '/files/..%2f..%2fetc%2fpasswd';
    }),
    ...invalidLink,
  },
  {
    name: 'a link with another file name',
    send: link((url) => {
      url.searchParams.set('name', 'x.html');
    }),
    ...invalidLink,
  },
  {
    name: 'a link with a later expiry',
    send: link((url) => {
      url.searchParams.set('expires', '99999999999');
    }),
    ...invalidLink,
  },
  {
    name: 'a link with another signature',
    send: link((url) => {
      url.searchParams.set('signature', 'A'.repeat(43));
    }),
    ...invalidLink,
  },
  {
    name: 'a link without a signature',
    send: link((url) => {
      url.searchParams.delete('signature');
    }),
    ...invalidLink,
  },
  {
    name: 'a link with an organization added to its path',
    send: link((url) => {
      url.pathname = `/files/org_other/one.csv`;
    }),
    ...invalidLink,
  },
  { name: 'an expired link', send: link(undefined, -10), status: 410, code: 'LINK_EXPIRED' },
];

describe.each(engines)('hostile requests on $engine', ({ engine, provide }) => {
  let database: EngineDatabase;
  let gateways: Record<Kind, Gateway>;
  let slow: Promise<{ reply: Reply; ms: number }>;
  const table: string[] = [];

  beforeAll(async () => {
    database = await provide();
    const open = await startGateway(database);
    await insertRows(open.source, {
      exports: [
        ...Array.from({ length: ROWS }, (_, index) => exportRow(index)),
        exportRow(ROWS, { organizationId: 'org_other' }),
      ],
      files: Array.from({ length: ROWS }, (_, index) =>
        Object.values(ExportFileKind).map((kind) => fileRow(index, kind)),
      ).flat(),
    });
    await writeFile(`${open.filesDirectory}/one.csv`, 'the file of org_demo');
    for (const [id, key, revoked] of [
      ['key_1', GOOD, null],
      ['key_2', REVOKED, '2026-01-01 00:00:00.000'],
    ]) {
      await open.source.query(
        'INSERT INTO api_keys (id, organization_id, name, key_hash, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?)',
        [id, 'org_demo', 'test', hashApiKey(key ?? ''), '2026-01-01 00:00:00.000', revoked],
      );
    }
    const production = await startGateway(database, {
      config: { introspection: false, graphiql: false },
    });
    const guarded = await startGateway(database, {
      config: {
        auth: {
          kind: 'required',
          jwt: {
            key: { kind: 'public', publicKey, algorithm: 'RS256' },
            issuer: ISSUER,
            audience: AUDIENCE,
            organizationClaim: 'org_id',
          },
        },
      },
    });
    gateways = { open, production, guarded };
    // Every gateway's first request is slower than all others.
    for (const gateway of [open, production]) await gateway.query(query);
    await withToken(() => signed({}))(guarded);
    const start = performance.now();
    slow = raw(
      open,
      'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"query"',
    ).then((reply) => ({ reply, ms: performance.now() - start }));
  });

  afterAll(async () => {
    await slow;
    // Whatever was sent, the rows are all there.
    const [count] = await gateways.open.source.query<{ total: number | string }[]>(
      'SELECT COUNT(*) AS total FROM exports',
    );
    expect(Number(count?.total)).toBe(ROWS + 1);
    for (const gateway of Object.values(gateways)) await gateway.close();
    await database.dispose();
    if (process.env['HOSTILE_TABLE'] === '1') {
      const head = `| Request (${engine}) | QueryResult | ms | Statements |\n|---|---|---:|---:|`;
      process.stdout.write(`${[head, ...table].join('\n')}\n`);
    }
  });

  /** Some of the places and secrets that no answer may name. */
  function expectNoSecrets(text: string, gateway: Gateway): void {
    expectNoInternals(text);
    for (const secret of [gateway.filesDirectory, SECRET, 'api_keys', 'key_hash', '127.0.0.1']) {
      expect(text).not.toContain(secret);
    }
  }

  it.each(attacks)('$name: $status', async (attack) => {
    const { name, on = 'open', send, status, code, says, says_not: saysNot } = attack;
    const gateway = gateways[on];
    const logBefore = gateway.log.length;
    const start = performance.now();
    const reply = await send(gateway);
    const ms = performance.now() - start;
    const lines = gateway.log.slice(logBefore);
    const statements = lines.filter((line) => typeof line['sql'] === 'string').length;

    const codes = codesOf(reply.text);
    table.push(
      `| ${name} | ${reply.status} ${codes[0] ?? ''} | ${Math.round(ms)} | ${statements} |`,
    );
    expect({ status: reply.status, codes }).toEqual({ status, codes: code === null ? [] : [code] });
    expect(statements).toBe(attack.statements ?? 0);
    expect(ms).toBeLessThan(attack.within ?? 3_000);
    if (says) expect(reply.text).toMatch(says);
    if (saysNot) expect(reply.text).not.toMatch(saysNot);
    if (code !== null || status >= 400) {
      expect(reply.text.length).toBeLessThan(attack.size ?? 65_536);
      expectNoSecrets(reply.text, gateway);
    }
    // A refusal is the client's mistake, and no alarm for whoever watches the log.
    expect(lines.filter((line) => Number(line['level']) >= 50)).toEqual([]);
  });

  it('a foreign origin gets no CORS headers', async () => {
    const origin = 'https://evil.example.com';
    const asked = await ask(query, undefined, { origin })(gateways.open);
    const preflight = await request(gateways.open, '/graphql', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    for (const { headers } of [asked, preflight]) {
      expect([...headers.keys()].filter((each) => each.startsWith('access-control-'))).toEqual([]);
    }
    expect(preflight.status).toBe(404);
  });

  it('10,000 names of operations that there are not leave no trace in the metrics', async () => {
    const metricsLines = async () => (await get('/metrics')(gateways.open)).text.split('\n').length;
    const send = (index: number) =>
      post(JSON.stringify({ query: '{ __typename }', operationName: `unknown${index}` }))(
        gateways.open,
      );
    await send(0);
    const before = await metricsLines();
    for (let at = 0; at < 10_000; at += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => send(at + index)));
    }
    expect((await get('/metrics')(gateways.open)).text).not.toContain('unknown');
    // Some come and go with what the process has open, and a new outcome has a line for each bucket; names would be thousands.
    expect((await metricsLines()) - before).toBeLessThan(100);
  }, 180_000);

  it('a slow body is given up after 10 s, and nothing is done for it', async () => {
    const { reply, ms } = await slow;
    table.push(`| a slow body | ${reply.status} | ${Math.round(ms)} | 0 |`);
    expect(reply.status).toBe(408);
    expect(ms).toBeGreaterThan(9_000);
    expect(ms).toBeLessThan(13_000);
    expectNoSecrets(reply.text, gateways.open);
  });

  it('an id of another organization gets the very answer of one that does not exist', async () => {
    const one = (id: string) =>
      ask('query ($id: ID!) { export(id: $id) { id } }', { id })(gateways.open);
    const [foreign, unknown] = [await one(exportId(ROWS)), await one(exportId(ROWS + 1))];
    expect(foreign.text).toBe(unknown.text);
  });
});

/** The codes of the errors of an answer, each once. */
function codesOf(text: string): string[] {
  if (!text.startsWith('{')) return [];
  const { errors = [] } = JSON.parse(text) as {
    errors?: readonly { readonly extensions: { readonly code: string } }[];
  };
  return [...new Set(errors.map(({ extensions }) => extensions.code))];
}

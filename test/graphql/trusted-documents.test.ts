import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { describe, expect, it } from '@jest/globals';
import { parse, print } from 'graphql';

import { readConfig } from '../../src/config/config.js';
import { StartupError } from '../../src/errors.js';
import { TrustedDocuments } from '../../src/graphql/trusted-documents.js';
import { embedded } from '../support/engines.js';
import { useGateway, type GraphqlError, type RawRequest } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';

/*
 * The operations ExportPage and ExportLinks of a front end, written by the command line tools with their defaults:
 * graphql-codegen 7.4 with client-preset 6.2 and `persistedDocuments: true`, generate-persisted-query-manifest 1.4, and
 * relay-compiler 21.0 with `persistConfig.file` (and its prefix of operation names).
 */
const manifests = ['graphql-codegen', 'apollo', 'relay'] as const;
function documentsOf(manifest: (typeof manifests)[number]): ReadonlyMap<string, string> {
  const path = fileURLToPath(new URL(`manifests/${manifest}.json`, import.meta.url));
  return readConfig({ TRUSTED_DOCUMENTS: path }).trustedDocuments ?? new Map();
}

const ids = (manifest: (typeof manifests)[number]) => [...documentsOf(manifest).keys()];
const variables = { id: exportId(0) };
const byHash = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });
const get = (parameters: Record<string, string>): RawRequest => ({
  path: `/graphql?${new URLSearchParams({ ...parameters, variables: JSON.stringify(variables) }).toString()}`,
  headers: ['apollo-require-preflight', 'true'],
});
const post = (body: object): RawRequest => ({ body: { ...body, variables } });
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** How the clients of these tools send an operation. */
const requests: Record<string, (id: string, text: string) => RawRequest> = {
  'the extension of Apollo by POST': (id) => post({ extensions: byHash(id) }),
  'the extension of Apollo by GET': (id) => get({ extensions: JSON.stringify(byHash(id)) }),
  'documentId by POST': (documentId) => post({ documentId }),
  'documentId by GET': (documentId) => get({ documentId }),
  'doc_id, without a text': (doc_id) => post({ doc_id, query: null }),
  'the SHA-256 of its text': (_id, text) => post({ documentId: `sha256:${sha256(text)}` }),
  'its text by POST': (_id, query) => post({ query }),
  'its text by GET': (_id, query) => get({ query }),
  'its text and its hash': (id, query) => post({ query, extensions: byHash(id) }),
  'its text in another layout': (_id, text) => post({ query: `# ?\n${print(parse(text))}` }),
};

describe.each(manifests)('with the manifest of %s a gateway', (manifest) => {
  const documents = documentsOf(manifest);
  const gateway = useGateway(embedded, {
    config: { trustedDocuments: documents },
    exports: [exportRow(0)],
  });

  it.each(Object.entries(requests))('runs each document by %s', async (_how, request) => {
    expect(documents.size).toBe(2);
    for (const [id, text] of documents) {
      const { status, text: response } = await gateway.send(request(id, text));
      expect([status, response]).toEqual([200, expect.stringContaining(exportId(0))]);
      expect(response).not.toContain('errors');
    }
  });

  const [trusted = ''] = documents.values();
  const untrusted = '{ exports { data { id } } }';
  it.each<[what: string, request: RawRequest]>([
    ['another text', post({ query: untrusted })],
    ['another text by GET', get({ query: untrusted })],
    [
      'a trusted text with one more field',
      post({ query: trusted.replace(' id', ' id name x: id') }),
    ],
    ['a trusted text with one more operation', post({ query: `${trusted} query More { _sdl }` })],
    ['another text with a trusted id', post({ query: untrusted, documentId: ids(manifest)[0] })],
    [
      'an automatic persisted query',
      post({ query: untrusted, extensions: byHash(sha256(untrusted)) }),
    ],
    ['an unknown id', post({ extensions: byHash(sha256(untrusted)) })],
    ['an id that is no text', post({ documentId: { a: 1 } })],
    ['a member of an object as its id', post({ documentId: '__proto__' })],
    ['extensions that are not JSON', get({ extensions: '{' })],
    ['no operation', post({})],
    ['a batch', { body: [{ query: trusted }] }],
    ['introspection', post({ query: '{ __schema { queryType { name } } }' })],
    ['the SDL and an export', post({ query: '{ _sdl export(id: "a") { id } }' })],
    ['a syntax error', post({ query: `${trusted} {` })],
    ['a deeply nested text', post({ query: '{ a '.repeat(4_000) + '}'.repeat(4_000) })],
    ['too many tokens', post({ query: `{ ${'_sdl '.repeat(10_000)} }` })],
  ])('refuses %s', async (_what, request) => {
    const { status, text, statements } = await gateway.send(request);
    const { errors } = JSON.parse(text) as { errors: readonly GraphqlError[] };
    expect([status, errors[0]?.extensions.code]).toEqual([400, 'PERSISTED_QUERY_NOT_IN_LIST']);
    expect(statements).toEqual([]);
  });

  it.each(['query SubgraphIntrospectQuery { _service { sdl } }', '{ _sdl }'])(
    'tells routers and stitching gateways its schema: %s',
    async (query) => {
      const { text } = await gateway.send({ body: { query } });
      expect(text).toContain('type Export');
    },
  );
});

describe('Apollo Client with the ids of its manifest', () => {
  const documents = documentsOf('apollo');
  const gateway = useGateway(embedded, {
    config: { trustedDocuments: documents },
    exports: [exportRow(0)],
  });

  it('receives the result of its document', async () => {
    const [[id, text] = ['', '']] = documents;
    const link = new PersistedQueryLink({ generateHash: () => id });
    const http = new HttpLink({ uri: `${gateway.origin}/graphql` });
    const client = new ApolloClient({ cache: new InMemoryCache(), link: link.concat(http) });
    const { data } = await client.query({ query: gql(text), variables });
    expect(data).toMatchObject({ export: { id: exportId(0), csvUrl: null } });
  });
});

it.each([
  [
    documentsOf('graphql-codegen'),
    `query ExportPage($filter: ExportFilter, $after: String) {
      exports(limit: 20, after: $after, filter: $filter) { pagination { hasMore endCursor } data { ...Row } }
    }
    fragment Row on Export { status name id }`,
  ],
  [
    new Map([['a', '{ exports { data { ... { name } id ... on Export { status } } } }']]),
    '{ exports { data { id ... { name } ... on Export { status } } } }',
  ],
])('a text is recognized whatever the order of its fields: case %#', (manifest, query) => {
  const documents = new TrustedDocuments(manifest);
  const request = { method: 'POST', search: '', body: { query } };
  const { body } = documents.resolve(request);
  expect([...manifest.values()]).toContain((body as typeof request.body).query);
});

it('a manifest with a text that is not GraphQL is a mistake that the start reports', () => {
  const create = () => new TrustedDocuments(new Map([['abc', 'query {']]));
  expect(create).toThrow(StartupError);
  expect(create).toThrow('TRUSTED_DOCUMENTS: the document abc is not GraphQL (Syntax Error: ');
});

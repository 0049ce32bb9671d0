import { Client, fetchExchange, type Exchange } from '@urql/core';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { useDocumentedCode } from '../docs/documented-code.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRows, fileRow } from '../support/rows.js';

/** The origin of a page whose development server forwards its requests. */
const headers = { origin: 'http://localhost:5173', 'apollo-require-preflight': 'true' };

// urql accepts streams for its queries, too, after JSON.
describe('queries of urql', () => {
  const gateway = useGateway(embedded, { each: true });

  it.each([
    { method: 'GET', preferGetMethod: true, etag: expect.stringMatching(/^W\//) },
    { method: 'POST', preferGetMethod: false, etag: null },
  ])('are those of any page by $method, and no streams', async ({ method, etag, ...options }) => {
    const client = new Client({
      url: `${gateway.origin}/graphql`,
      exchanges: [fetchExchange],
      fetchOptions: { headers },
      fetch: async (...request: Parameters<typeof fetch>) => {
        const response = await fetch(...request);
        expect(response.headers.get('etag')).toEqual(etag);
        return response;
      },
      ...options,
    });
    const result = await client.query('{ exports { data { id } } }', {}).toPromise();
    expect(result.error).toBeUndefined();
    expect(result.data).toEqual({ exports: { data: [] } });
    const line = gateway.log.find(({ path }) => path === '/graphql');
    expect(line).toMatchObject({ method, status: 200 });
    expect(line).not.toHaveProperty('transport');
  });

  it('are refused by GET without the documented header', async () => {
    const client = new Client({ url: `${gateway.origin}/graphql`, exchanges: [fetchExchange] });
    const { error } = await client.query('{ exports { data { id } } }', {}).toPromise();
    expect(error?.message).toContain('potential Cross-Site Request Forgery');
  });

  it('open no stream for a page of another origin', async () => {
    const accept = ['accept', 'application/json, text/event-stream'];
    const body = { query: 'subscription { exportsUpdated { id } }' };
    const { status, text } = await gateway.send({
      body,
      headers: [...accept, 'origin', headers.origin],
    });
    expect([status, text]).toEqual([400, expect.stringContaining('BAD_REQUEST')]);
  });
});

describe('the documented Graphcache of urql', () => {
  const file = fileRow(0, ExportFileKind.CSV);
  const gateway = useGateway(embedded, { exports: exportRows(25), files: [file] });
  const documented = useDocumentedCode();
  const warn = jest.spyOn(console, 'warn');
  let client: Client;
  let requests: number;
  beforeEach(async () => {
    const { graphcache } = await documented.load<{ graphcache: Exchange }>('graphcache.ts');
    client = new Client({
      url: `${gateway.origin}/graphql`,
      exchanges: [graphcache, fetchExchange],
      preferGetMethod: false,
      fetch: (...request: Parameters<typeof fetch>) => {
        requests += 1;
        return fetch(...request);
      },
    });
  });
  afterEach(() => {
    expect(warn.mock.calls).toEqual([]);
  });

  async function read(query: string, variables: object = {}, sent = 1): Promise<unknown> {
    requests = 0;
    const { data, error } = await client.query<unknown>(query, variables).toPromise();
    expect(error).toBeUndefined();
    expect(requests).toBe(sent);
    expect(data).toEqual(expect.any(Object));
    return data;
  }
  const one = 'query ($id: ID!) { export(id: $id, includeCsv: false) { id name } }';

  it('knows every type without an id', async () => {
    await gateway.store(file.objectKey, 'id\n1\n');
    const data = await read(`{ exports {
      data { id files { id state preview { columns rows isTruncated } } }
      edges { cursor node { id } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      pagination { totalCount }
      facets { statuses { status count } resources { resource count } }
    } }`);
    expect(JSON.stringify(data)).toContain('"rows":[["1"]]');
  });

  it.each([
    { by: 'data', items: 'data { id name }' },
    { by: 'edges', items: 'edges { node { id name } } pageInfo { hasNextPage endCursor }' },
  ])('resolves an export of a list by $by without a request', async ({ items }) => {
    await read(`{ exports { ${items} pagination { totalCount } } }`);
    await read(`{ exports { ${items} pagination { totalCount } } }`, {}, 0);
    const data = await read(one, { id: exportId(7) }, 0);
    expect(data).toMatchObject({ export: { name: 'Export 7' } });
  });

  it('requests an unknown export once', async () => {
    expect(await read(one, { id: 'unknown' })).toEqual({ export: null });
    expect(await read(one, { id: 'unknown' }, 0)).toEqual({ export: null });
  });

  it('adds a page by edges that does not select totalCount', async () => {
    const page = `query ($after: String, $isFirst: Boolean!) { exports(first: 10, after: $after) {
      edges { node { id } } pageInfo { hasNextPage endCursor }
      pagination @include(if: $isFirst) { totalCount } } }`;
    interface Page {
      exports: { edges: object[]; pageInfo: { endCursor: string }; pagination?: object };
    }
    let { exports } = (await read(page, { isFirst: true })) as Page;
    expect(exports.pagination).toMatchObject({ totalCount: 25 });
    for (const count of [20, 25]) {
      const variables = { after: exports.pageInfo.endCursor, isFirst: false };
      ({ exports } = (await read(page, variables)) as Page);
      expect(exports.edges).toHaveLength(count);
    }
  });
});

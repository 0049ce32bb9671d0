import { Client, fetchExchange } from '@urql/core';
import { describe, expect, it } from '@jest/globals';

import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';

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

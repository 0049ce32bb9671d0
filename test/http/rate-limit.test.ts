import { describe, expect, it } from '@jest/globals';

import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { embedded } from '../support/engines.js';
import { keysRequired, useGateway } from '../support/gateway.js';

const SEARCH = '{ exports(filter: { search: "a" }, limit: 1) { data { id } } }';
const SEARCH_COST = 2_202;
/** Ten seconds' budget is less than the dearest query, which an idle organization can pay. */
const CAPACITY = 15_000;
const PER_SECOND = 1;
const SEARCHES = Math.floor(CAPACITY / SEARCH_COST);

describe('a gateway with COST_PER_SECOND', () => {
  const gateway = useGateway(embedded, {
    each: true,
    config: { ...keysRequired, costPerSecond: PER_SECOND },
    keys: ['acme', 'globex'].map((organization) => apiKeyRow(keyNamed(organization), organization)),
  });

  async function search(organization: string, headers: readonly string[] = []) {
    const response = await gateway.send({
      body: { query: SEARCH },
      headers: ['X-API-Key', keyNamed(organization), ...headers],
    });
    return { ...response, body: JSON.parse(response.text) as Record<string, unknown> };
  }

  it('responds with 429 once an organization has spent its budget, and serves others', async () => {
    for (let sent = 0; sent < SEARCHES; sent++) expect((await search('acme')).status).toBe(200);
    const { status, headers, body, statements } = await search('acme');
    expect({ status, statements }).toEqual({ status: 429, statements: [] });
    const retryAfter = Number(headers['retry-after']);
    // At most the time since the first search has been regained.
    expect(retryAfter).toBeLessThanOrEqual(((SEARCHES + 1) * SEARCH_COST - CAPACITY) / PER_SECOND);
    expect(retryAfter).toBeGreaterThan(300);
    const message = expect.stringMatching(
      /^The query costs 2202, and the budget of the organization has 1\d{3} left\. It regains 1 a second: try again in \d+ s\. The most expensive field is exports with 2202\. /,
    );
    expect(body).toEqual({
      errors: [{ message, extensions: { code: 'RATE_LIMITED', retryAfter } }],
    });
    expect((await search('globex')).status).toBe(200);
    const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
    expect(metrics).toContain('exports_gateway_requests_rejected_total{reason="rate"} 1');
  });

  it('adds the cost to the response of a client that asks for it', async () => {
    const asking = ['X-GraphQL-Cost', '1'];
    // The third runs in the JIT.
    for (let sent = 1; sent <= SEARCHES; sent++) {
      const { cost } = (await search('acme', asking)).body['extensions'] as { cost: Cost };
      expect(cost).toEqual({
        requested: SEARCH_COST,
        remaining: expect.any(Number),
        restoreRate: PER_SECOND,
      });
      expect(cost.remaining).toBeGreaterThanOrEqual(CAPACITY - sent * SEARCH_COST);
      expect(cost.remaining).toBeLessThan(CAPACITY - (sent - 1) * SEARCH_COST);
    }
    const { status, body } = await search('acme', asking);
    expect({ status, body }).toMatchObject({
      status: 429,
      body: { extensions: { cost: { requested: SEARCH_COST } } },
    });
    expect((await search('globex')).body).not.toHaveProperty('extensions');
  });
});

interface Cost {
  readonly requested: number;
  readonly remaining: number;
}

describe('a gateway without COST_PER_SECOND', () => {
  const gateway = useGateway(embedded);

  it('tells the cost of a query and no budget', async () => {
    const headers = ['X-GraphQL-Cost', '1'];
    const { text } = await gateway.send({ body: { query: SEARCH }, headers });
    const cost = { requested: SEARCH_COST, remaining: null, restoreRate: null };
    expect(JSON.parse(text)).toEqual({
      data: { exports: { data: [] } },
      extensions: { cost },
    });
  });
});

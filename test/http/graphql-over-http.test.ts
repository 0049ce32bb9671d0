import { describe, expect, it } from '@jest/globals';
import { serverAudits } from 'graphql-http';

import { readConfig } from '../../src/config/config.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';

const { auth } = readConfig({ AUTH: 'required', JWT_SECRET: 'x'.repeat(32) });
const json = 'application/json';
const graphqlJson = 'application/graphql-response+json';

describe('GraphQL over HTTP', () => {
  const gateway = useGateway(embedded);
  const locked = useGateway(embedded, { config: { auth } });

  it('passes all audits of graphql-http', async () => {
    // Without such a header a GET is rejected, because any page could send it.
    const preflighted: typeof fetch = (url, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set('apollo-require-preflight', 'true');
      return fetch(url, { ...init, headers });
    };
    const audits = serverAudits({ url: `${gateway.origin}/graphql`, fetchFn: preflighted });
    const results = await Promise.all(audits.map(({ fn }) => fn()));
    const failed = results.filter(({ status }) => status !== 'ok');
    expect(failed.map(({ name }) => name)).toEqual([]);
    expect(results.length).toBeGreaterThanOrEqual(61);
  });

  it.each([
    { accept: json, type: json },
    { accept: graphqlJson, type: graphqlJson },
    { accept: `${graphqlJson}, ${json};q=0.9`, type: graphqlJson },
    { accept: `${json}, ${graphqlJson};q=0.9`, type: json },
    { accept: '*/*', type: json },
    { accept: 'text/css', type: json },
  ])('sends an error outside GraphQL as $type for Accept: $accept', async ({ accept, type }) => {
    const headers = { accept, 'content-type': json };
    for (const url of [`${locked.origin}/graphql`, `${gateway.origin}/none`]) {
      const response = await fetch(url, { method: 'POST', headers, body: '{}' });
      expect([401, 404]).toContain(response.status);
      expect(response.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
    }
  });

  it.each([
    ['a syntax error', { query: '{' }],
    ['an unknown field', { query: '{ nope }' }],
    [
      'a variable of another type',
      { query: 'query ($n: Int!) { exports(limit: $n) { data { id } } }' },
    ],
  ])('reports %s with 200 as application/json, and else with 400', async (_, body) => {
    const statusFor = async (accept: string) => {
      const headers = { accept, 'content-type': json };
      const init = { method: 'POST', headers, body: JSON.stringify(body) };
      return (await fetch(`${gateway.origin}/graphql`, init)).status;
    };
    expect([await statusFor(json), await statusFor(graphqlJson)]).toEqual([200, 400]);
  });

  it.each([
    ['limit', '{ exports(limit: 0) { data { id } } }', {}],
    ['filter.search', '{ exports(filter: { search: "\\u0000" }) { data { id } } }', {}],
    ['n', 'query ($n: Int!) { exports(limit: $n) { data { id } } }', { n: 'x' }],
  ])('names the argument %s of bad user input', async (argument, query, variables) => {
    const { errors } = await gateway.query(query, variables);
    expect(errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', argument });
  });
});

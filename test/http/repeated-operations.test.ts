import { connect } from 'node:net';

import { ApolloServer } from '@apollo/server';
import { afterAll, describe, expect, it, jest } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { describeWith } from '../support/describe-with.js';
import { embedded, mysql } from '../support/engines.js';
import { useGateway, type Gateway, type RawRequest } from '../support/gateway.js';
import { post as send } from '../support/post.js';
import { exportId, exportRows, fileRow } from '../support/rows.js';
import { until } from '../support/until.js';

const byId = 'query One($id: ID!) { export(id: $id) { id name status createdAt } }';
const links = '{ exports(includeCsv: true) { data { csvUrl } } }';
const id = exportId(1);

const inApollo = jest.spyOn(ApolloServer.prototype, 'executeHTTPGraphQLRequest');
afterAll(() => {
  inApollo.mockRestore();
});

/** Sends a request four times. Returns the responses, and how often each ran in Apollo Server. */
async function repeat(gateway: Gateway, request: RawRequest) {
  const responses = [];
  const runs = [];
  for (let sent = 1; sent <= 4; sent++) {
    const before = inApollo.mock.calls.length;
    const { status, headers, text, logged } = await gateway.send(request);
    runs.push(inApollo.mock.calls.length - before);
    const line = logged.find(({ msg }) => msg === 'request');
    const { operation, code, organization } = line ?? {};
    responses.push({ status, headers, text, operation, code, organization });
  }
  return { responses, runs };
}

describe('a repeated operation', () => {
  const gateway = useGateway(embedded, {
    exports: exportRows(5),
    files: [0, 1, 2].map((index) => fileRow(index, ExportFileKind.CSV)),
  });

  it.each<[string, { query?: string; headers?: string[] } & Record<string, unknown>]>([
    ['with variables', { variables: { id } }],
    ['of an unknown id', { variables: { id: 'unknown' } }],
    ['without variables', { query: '{ exports { pagination { totalCount } } }' }],
    ['with null in its place', { query: '{ __typename }', variables: null, operationName: null }],
    ['with more variables than it declares', { variables: { id, more: 1 } }],
    ['with other extensions', { extensions: { clientLibrary: { name: '@apollo/client' } } }],
    ['among others', { query: `${byId} query B { b: __typename }`, operationName: 'B' }],
    ['with an error of a field', { query: '{ exports(limit: 0) { data { id } } }' }],
    [
      'that prefers the media type of GraphQL',
      { headers: ['Accept', 'application/graphql-response+json, application/json;q=0.9'] },
    ],
    [
      'that prefers a media type with a character set',
      { headers: ['Accept', 'application/graphql-response+json; charset=utf-8, application/json'] },
    ],
    [
      'that takes streams, too',
      { headers: ['Accept', 'application/graphql-response+json, text/event-stream'] },
    ],
    [
      'that names its character set',
      { headers: ['Content-Type', 'application/json;charset=UTF-8'] },
    ],
  ])('%s gets the same response without Apollo Server', async (title, { headers, ...body }) => {
    const { query = byId, variables = { id } } = body;
    const document = `${query} # ${title}`;
    const request = { headers: headers ?? [], body: { ...body, variables, query: document } };
    const { responses, runs } = await repeat(gateway, request);
    expect(runs).toEqual([1, 1, 0, 0]);
    expect(responses.slice(1)).toEqual(Array(3).fill(responses[0]));
    expect(responses[0]?.status).toBe(200);
  });

  it.each<[string, RawRequest, number]>([
    ['a variable of another type', { body: { query: byId, variables: { id: {} } } }, 400],
    ['no variables', { body: { query: byId } }, 400],
    [
      'an unknown operation',
      { body: { query: byId, operationName: 'Two', variables: { id } } },
      400,
    ],
    ['variables as text', { body: { query: byId, variables: '{}' } }, 400],
    ['variables in a list', { body: { query: byId, variables: [] } }, 400],
    ['a number as its name', { body: { query: byId, operationName: 1, variables: { id } } }, 400],
    ['extensions as text', { body: { query: byId, variables: { id }, extensions: 'a' } }, 400],
    [
      'a persisted query',
      { body: { query: byId, variables: { id }, extensions: { persistedQuery: { version: 1 } } } },
      400,
    ],
    ['a batch', { body: [{ query: byId, variables: { id } }] }, 400],
    [
      'the header for its cost',
      { headers: ['X-GraphQL-Cost', '1'], body: { query: byId, variables: { id } } },
      200,
    ],
    [
      'a media type that is not JSON',
      { headers: ['Accept', 'text/css'], body: { query: byId, variables: { id } } },
      406,
    ],
    ['a subscription', { body: { query: 'subscription { exportUpdated(id: "a") { id } }' } }, 400],
    [
      'GET',
      {
        headers: ['Content-Type', 'application/json'],
        path: `/graphql?query=${encodeURIComponent(byId)}&variables=${JSON.stringify({ id })}`,
      },
      200,
    ],
  ])('with %s is left to Apollo Server', async (_, request, status) => {
    await repeat(gateway, { body: { query: byId, variables: { id } } });
    const { responses, runs } = await repeat(gateway, request);
    expect(runs).toEqual([1, 1, 1, 1]);
    expect(responses.slice(1)).toEqual(Array(3).fill(responses[0]));
    expect(responses[0]?.status).toBe(status);
  });

  it('shares one execution with equal requests that arrive together, each with its own log lines', async () => {
    await repeat(gateway, { body: { query: links } });
    const before = gateway.log.length;
    const signed = await gateway.linksSigned();
    // Pipelined, so that they arrive in one turn of the event loop.
    const { port, host } = new URL(gateway.origin);
    const body = JSON.stringify({ query: links });
    const head = `POST /graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
    const request = `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
    const socket = connect(Number(port), '127.0.0.1');
    // Requests of two seconds do not share one.
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now());
    socket.write(request.repeat(8));
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => (text += String(chunk)));
    const bodies = await until(() => {
      const found = text.match(/^\{"data":.*csvUrl.*\}$/gm) ?? [];
      return found.length === 8 ? found : undefined;
    });
    clock.mockRestore();
    socket.destroy();
    expect(new Set(bodies).size).toBe(1);
    expect((await gateway.linksSigned()) - signed).toBe(3);
    const logged = gateway.log.slice(before);
    const disclosed = logged.filter(({ msg }) => msg === 'links disclosed');
    expect(new Set(disclosed.map(({ requestId }) => requestId)).size).toBe(8);
    for (const line of disclosed) expect(line).toMatchObject({ exports: 3 });
  });
});

describe('with TRUSTED_DOCUMENTS, a repeated operation', () => {
  const gateway = useGateway(embedded, {
    config: { trustedDocuments: new Map([['one', byId]]) },
    exports: exportRows(5),
  });

  it.each([
    ['its text', { query: byId }],
    ['its id', { documentId: 'one' }],
  ])('by %s runs without Apollo Server', async (_, body) => {
    const { runs, responses } = await repeat(gateway, { body: { ...body, variables: { id } } });
    expect(runs.slice(2)).toEqual([0, 0]);
    expect(responses.slice(1)).toEqual(Array(3).fill(responses[0]));
    expect(responses[0]).toMatchObject({ status: 200, operation: 'One' });
  });

  it.each([
    ['another text', { query: byId.replace('name', 'recordCount') }],
    ['an unknown id', { documentId: 'two' }],
  ])('by %s is refused each time', async (_, body) => {
    const { runs, responses } = await repeat(gateway, { body: { ...body, variables: { id } } });
    expect(runs).toEqual([0, 0, 0, 0]);
    const code = 'PERSISTED_QUERY_NOT_IN_LIST';
    for (const each of responses) expect(each).toMatchObject({ status: 400, code });
  });
});

describeWith('mysql', 'a repeated operation whose statement takes time', () => {
  const gateway = useGateway(mysql, { exports: exportRows(1) });

  /** Makes the gateway's statements about a table wait until `unlock` is called. */
  async function lock(table: string) {
    const runner = gateway.source.createQueryRunner();
    await runner.query(`LOCK TABLES ${table} WRITE`);
    return async function unlock() {
      await runner.query('UNLOCK TABLES');
      await runner.release();
    };
  }
  const metrics = async () => (await gateway.send({ path: '/metrics' })).text;
  const untilMetric = (line: string) =>
    until(async () => ((await metrics()).split('\n').includes(line) ? true : undefined));
  const inFlight = 'exports_gateway_graphql_requests_in_flight';

  const post = async (query: string) => {
    const { text, status } = await send(`${gateway.origin}/graphql`, { query });
    expect(status).toBe(200);
    return text;
  };
  /** Resolves once a statement about a table begins. */
  const statementSince = (index: number, table: string) =>
    until(() => gateway.log.slice(index).find(({ sql }) => String(sql).includes(table)));

  it('returns what has changed since an equal one started', async () => {
    const query = `{ export(id: "${exportId(0)}") { name files { kind } } }`;
    await repeat(gateway, { body: { query } });
    const runsBefore = inApollo.mock.calls.length;
    const unlock = await lock('export_files');
    const logBefore = gateway.log.length;
    const older = post(query);
    // By then, it has read the export.
    await statementSince(logBefore, 'export_files');
    await gateway.source.query("UPDATE exports SET name = 'newer'");
    const newer = post(query);
    await untilMetric(`${inFlight} 2`);
    await unlock();
    expect(await newer).toContain('"newer"');
    expect(await older).not.toContain('"newer"');
    expect(inApollo.mock.calls.length).toBe(runsBefore);
  });

  it('does not share a statement of an equal list that may have read already', async () => {
    const query = '{ exports { data { id } } }';
    await repeat(gateway, { body: { query } });
    const unlock = await lock('exports');
    const logBefore = gateway.log.length;
    const older = post(query);
    await statementSince(logBefore, 'exports');
    const newer = post(query);
    await untilMetric(`${inFlight} 2`);
    await unlock();
    await Promise.all([older, newer]);
    const statements = gateway.log.slice(logBefore).filter(({ msg }) => msg === 'statement');
    expect(statements).toHaveLength(2);
  });

  it('is logged and counted as ABORTED when its client disconnects', async () => {
    const body = { query: 'query Held { exports { data { id } } }' };
    await repeat(gateway, { body });
    const runsBefore = inApollo.mock.calls.length;
    const unlock = await lock('exports');
    const client = new AbortController();
    const response = fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: client.signal,
    });
    await untilMetric(`${inFlight} 1`);
    client.abort();
    await expect(response).rejects.toThrow('aborted');
    const labels = 'route="/graphql",status="499",operation="Held",error_code="ABORTED"';
    await untilMetric(`http_server_request_duration_seconds_count{${labels}} 1`);
    const line = { status: 499, operation: 'Held', code: 'ABORTED' };
    expect(gateway.log).toContainEqual(expect.objectContaining(line));
    expect(inApollo.mock.calls.length).toBe(runsBefore);
    await unlock();
  });
});

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';

import { describe, expect, it } from '@jest/globals';
import { OperationTypeNode } from 'graphql';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { limits } from '../../src/graphql/limits.js';
import type { Transport } from '../../src/graphql/result-stream.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { describeWith } from '../support/describe-with.js';
import { embedded, mysql } from '../support/engines.js';
import { useGateway, type Gateway } from '../support/gateway.js';
import { exportRow, fileRow } from '../support/rows.js';
import { until } from '../support/until.js';

const manifest = await readFile('package.json', 'utf8');
const { version } = JSON.parse(manifest) as { version: string };

/** The values of a metric by its labels, as they are written. */
function valuesOf(name: string, text: string): Record<string, number> {
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'));
  return Object.fromEntries([...lines].map(([, labels = '', value]) => [labels, Number(value)]));
}

async function read(gateway: Gateway, name: string): Promise<Record<string, number>> {
  return valuesOf(name, (await gateway.send({ path: '/metrics' })).text);
}

const requests = 'http_server_request_duration_seconds_count';
const labels = (route: string, status: number, operation: string, code: string) =>
  `route="${route}",status="${status}",operation="${operation}",error_code="${code}"`;

/** The counts of completed requests other than those for metrics, once there are as many. */
async function requestCounts(gateway: Gateway, total: number): Promise<Record<string, number>> {
  return until(async () => {
    const counts = Object.entries(await read(gateway, requests)).filter(
      ([key]) => !key.startsWith('route="/metrics"'),
    );
    const counted = counts.reduce((sum, [, count]) => sum + count, 0);
    return counted < total ? undefined : Object.fromEntries(counts);
  });
}

it('the metrics of requests name 100 operations at most, and no operation that always fails', async () => {
  const metrics = new Metrics();
  const complete = (name: string | null | undefined, code: string | null) => {
    const operation = name === undefined ? name : { type: OperationTypeNode.QUERY, name };
    const operationResult = { operation, code };
    const request = { route: '/', status: 200, seconds: 0.01, operationResult };
    metrics.requestCompleted({ ...request, disclosed: null });
  };
  const names = Array.from({ length: 120 }, (_, index) => `Operation${index}`);
  complete('Failed', 'BAD_USER_INPUT');
  for (const name of names) complete(name, null);
  complete('Operation7', null);
  complete('Operation7', 'ABORTED');
  complete(null, null);
  complete(undefined, 'FORBIDDEN');
  expect(valuesOf(requests, await metrics.registry.metrics())).toEqual({
    ...Object.fromEntries(names.slice(0, 100).map((name) => [labels('/', 200, name, 'none'), 1])),
    [labels('/', 200, 'Operation7', 'none')]: 2,
    [labels('/', 200, 'Operation7', 'ABORTED')]: 1,
    [labels('/', 200, 'other', 'none')]: 20,
    [labels('/', 200, 'other', 'BAD_USER_INPUT')]: 1,
    [labels('/', 200, 'anonymous', 'none')]: 1,
    [labels('/', 200, 'none', 'FORBIDDEN')]: 1,
  });
});

describe('the metrics of live updates', () => {
  const prefix = 'exports_gateway';

  it('count ended subscriptions by operation, whatever ended them, and the results sent', async () => {
    const { live, registry } = new Metrics();
    const end = (transport: Transport, name: string | null, code: string | null) => {
      const operation = { type: OperationTypeNode.SUBSCRIPTION, name };
      live.subscriptionEnded({ transport, operationResult: { operation, code } });
    };
    end('sse', 'Follow', 'ABORTED');
    end('sse', 'Follow', null);
    end('sse', 'Follow', null);
    end('websocket', null, 'SERVICE_UNAVAILABLE');
    for (const sent of ['websocket', 'sse', 'websocket'] as const) live.eventSent(sent);
    const text = await registry.metrics();
    const ended = (transport: string, operation: string, code: string) =>
      `transport="${transport}",operation="${operation}",error_code="${code}"`;
    expect(valuesOf(`${prefix}_subscriptions_ended_total`, text)).toEqual({
      [ended('sse', 'Follow', 'ABORTED')]: 1,
      [ended('sse', 'Follow', 'none')]: 2,
      [ended('websocket', 'anonymous', 'SERVICE_UNAVAILABLE')]: 1,
    });
    const sent = byTransport({ websocket: 2, sse: 1 });
    expect(valuesOf(`${prefix}_subscription_events_total`, text)).toEqual(sent);
    // Each collection has the same totals.
    const again = valuesOf(`${prefix}_subscription_events_total`, await registry.metrics());
    expect(again).toEqual(sent);
  });

  it('show the open subscriptions and the state of the change feed', async () => {
    const { live, registry } = new Metrics();
    const read = async () => {
      const text = await registry.metrics();
      return {
        open: valuesOf(`${prefix}_subscriptions_open`, text),
        lag: valuesOf(`${prefix}_change_feed_lag_seconds`, text)[''],
        followed: valuesOf(`${prefix}_change_feed_organizations`, text)[''],
      };
    };
    expect(await read()).toEqual({ open: byTransport({}), lag: 0, followed: 0 });
    const open = new Map([['multipart', 3] as const]);
    const feed = { lagSeconds: 1.5, organizations: 2 };
    live.watch({ openSubscriptions: () => open, feed });
    expect(await read()).toEqual({
      open: byTransport({ multipart: 3 }),
      lag: 1.5,
      followed: 2,
    });
    live.polled({ seconds: 0.004, failed: false });
    live.polled({ seconds: 2, failed: true });
    const polls = `${prefix}_change_feed_poll_duration_seconds_count`;
    expect(valuesOf(polls, await registry.metrics())).toEqual({
      'outcome="success"': 1,
      'outcome="failure"': 1,
    });
  });

  function byTransport(counts: Record<string, number>): Record<string, number> {
    const transports = ['websocket', 'sse', 'multipart'];
    return Object.fromEntries(
      transports.map((transport) => [`transport="${transport}"`, counts[transport] ?? 0]),
    );
  }
});

describe('the metrics of a gateway', () => {
  const gateway = useGateway(embedded, {
    each: true,
    exports: [exportRow(0)],
    files: Object.values(ExportFileKind)
      .filter((kind) => kind !== ExportFileKind.CSV_SANITIZED)
      .map((kind) => fileRow(0, kind)),
  });

  it('count GraphQL requests by operation and error code', async () => {
    const query = 'query List { exports { data { id } } }';
    const bodies = [
      { query, operationName: 'List' },
      { query },
      { query: '{ exports { data { id } } }' },
      { query: `query ${'a'.repeat(100)} { __typename }` },
      { query: 'query List { exports(page: 0) { data { id } } }' },
      { query: 'query Invalid { nope }' },
      { query: '{' },
      { query, operationName: 'None' },
      { query: 5 },
    ];
    for (const body of bodies) await gateway.send({ body });
    expect(await requestCounts(gateway, bodies.length)).toEqual({
      [labels('/graphql', 200, 'List', 'none')]: 2,
      [labels('/graphql', 200, 'anonymous', 'none')]: 1,
      [labels('/graphql', 200, 'a'.repeat(80), 'none')]: 1,
      [labels('/graphql', 200, 'List', 'BAD_USER_INPUT')]: 1,
      [labels('/graphql', 400, 'none', 'GRAPHQL_VALIDATION_FAILED')]: 1,
      [labels('/graphql', 400, 'none', 'GRAPHQL_PARSE_FAILED')]: 1,
      [labels('/graphql', 400, 'none', 'OPERATION_RESOLUTION_FAILURE')]: 1,
      [labels('/graphql', 400, 'none', 'BAD_REQUEST')]: 1,
    });
  });

  it('count other requests by the pattern of their route', async () => {
    for (const path of ['/health/live', '/files/a?name=b', '/nowhere/someone@example.com']) {
      await gateway.send({ path });
    }
    expect(await requestCounts(gateway, 3)).toEqual({
      [labels('/health/live', 200, 'none', 'none')]: 1,
      [labels('/files/*', 403, 'none', 'FORBIDDEN')]: 1,
      [labels('none', 404, 'none', 'NOT_FOUND')]: 1,
    });
  });

  it('count a client that disconnects before its body is complete', async () => {
    const { hostname, port } = new URL(gateway.origin);
    const socket = connect(Number(port), hostname);
    socket.write('POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n');
    socket.write('Content-Length: 99\r\nExpect: 100-continue\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    const aborted = labels('/graphql', 499, 'none', 'ABORTED');
    expect(await requestCounts(gateway, 1)).toEqual({ [aborted]: 1 });
    expect(gateway.log).toContainEqual(expect.objectContaining({ status: 499, code: 'ABORTED' }));
  });

  it('measure SQL queries by the tables they read and their outcome', async () => {
    const name = 'db_client_operation_duration_seconds';
    expect(await read(gateway, `${name}_count`)).toEqual({});
    const query = '{ exports { data { id files { kind } } pagination { totalCount } } }';
    await gateway.send({ body: { query } });
    await gateway.source.query('DROP TABLE export_files');
    await gateway.send({ body: { query: '{ exports { data { files { kind } } } }' } });
    expect(await read(gateway, `${name}_count`)).toEqual({
      'query_summary="SELECT exports",outcome="success"': 3,
      'query_summary="SELECT exports export_files",outcome="success"': 1,
      'query_summary="SELECT exports export_files",outcome="failure"': 1,
    });
    for (const seconds of Object.values(await read(gateway, `${name}_sum`))) {
      expect(seconds).toBeGreaterThan(0);
    }
  });

  const reasons = [
    'cost',
    'depth',
    'nesting',
    'overload',
    'rate',
    'selections',
    'subscriptions',
    'tokens',
    'validation',
  ];
  const rejections = (counts: Record<string, number> = {}) =>
    Object.fromEntries(reasons.map((reason) => [`reason="${reason}"`, counts[reason] ?? 0]));

  const linksByKind = (counts: Record<string, number> = {}) =>
    Object.fromEntries(
      Object.values(ExportFileKind).map((kind) => [`kind="${kind}"`, counts[kind] ?? 0]),
    );

  it('count the links in responses by the kind of their file', async () => {
    const query = `{ exports(includeCsv: true) { data { jsonUrl csvUrl files { url urlExpiresAt } } } }`;
    await gateway.send({ body: { query } });
    const name = 'exports_gateway_links_disclosed_total';
    expect(await read(gateway, name)).toEqual(linksByKind({ csv: 2, csv_error: 1 }));
  });

  it('include zero values before the first event', async () => {
    const expected = {
      exports_gateway_requests_rejected_total: rejections(),
      exports_gateway_jwks_fetches_total: { 'result="success"': 0, 'result="failure"': 0 },
      exports_gateway_graphql_requests_in_flight: { '': 0 },
      exports_gateway_graphql_requests_queued: { '': 0 },
      exports_gateway_links_signed_total: { '': 0 },
      exports_gateway_links_disclosed_total: linksByKind(),
      exports_gateway_previews_disclosed_total: linksByKind(),
      exports_gateway_preview_read_duration_seconds_count: Object.fromEntries(
        ['success', 'missing', 'unreadable', 'failure'].map((each) => [`outcome="${each}"`, 0]),
      ),
      exports_gateway_database_clock_difference_seconds: { '': 0 },
      exports_gateway_database_server_up: {},
      exports_gateway_build_info: { [`version="${version}"`]: 1 },
      db_client_connections: {},
      nodejs_eventloop_lag_p99_seconds: { '': expect.any(Number) },
    };
    const { text } = await gateway.send({ path: '/metrics' });
    const found = Object.keys(expected).map((name) => [name, valuesOf(name, text)] as const);
    expect(Object.fromEntries(found)).toEqual(expected);
  });

  it('count a request that exceeds a limit', async () => {
    await gateway.send({ body: { query: `{ ${'id '.repeat(limits.tokens)} }` } });
    const counts = await read(gateway, 'exports_gateway_requests_rejected_total');
    expect(counts).toEqual(rejections({ tokens: 1 }));
  });
});

describeWith('mysql', 'the metrics of a gateway on MySQL', () => {
  const gateway = useGateway(mysql);

  it('show that the server is up, and its clock beside that of the gateway', async () => {
    expect(await read(gateway, 'exports_gateway_database_server_up')).toEqual({
      'server="primary"': 1,
    });
    const name = 'exports_gateway_database_clock_difference_seconds';
    // Both run on this machine.
    expect(Math.abs((await read(gateway, name))[''] ?? NaN)).toBeLessThan(60);
  });

  it('show used connections, and the operation of a client that disconnects', async () => {
    const [used, pending] = ['server="primary",state="used"', 'server="primary",state="pending"'];
    const connections = () => read(gateway, 'db_client_connections');
    expect(await connections()).toEqual({ [used]: 0, [pending]: 0 });
    const runner = gateway.source.createQueryRunner();
    await runner.query('LOCK TABLES exports WRITE');
    const client = new AbortController();
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ query: 'query Held { exports { data { id } } }' });
    const request = { method: 'POST', headers, body, signal: client.signal };
    const response = fetch(`${gateway.origin}/graphql`, request);
    await until(async () => ((await connections())[used] === 1 ? true : undefined));
    expect(await read(gateway, 'exports_gateway_graphql_requests_in_flight')).toEqual({ '': 1 });
    client.abort();
    await expect(response).rejects.toThrow('aborted');
    const aborted = labels('/graphql', 499, 'other', 'ABORTED');
    expect(await requestCounts(gateway, 1)).toEqual({ [aborted]: 1 });
    const line = { status: 499, operation: 'Held', code: 'ABORTED' };
    expect(gateway.log).toContainEqual(expect.objectContaining(line));
    await runner.query('UNLOCK TABLES');
    await runner.release();
  });
});

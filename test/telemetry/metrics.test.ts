import { connect } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { limits } from '../../src/graphql/limits.js';
import { until } from '../support/until.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportRow, insertRows } from '../support/rows.js';

describe.each(engines)('the metrics on $engine', ({ engine, provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeEach(async () => {
    database = await provide();
    gateway = await startGateway(database);
    await insertRows(gateway.source, { exports: [exportRow(0)] });
  });
  afterEach(async () => {
    await gateway.close();
    await database.dispose();
  });

  async function post(body: object): Promise<void> {
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
  }

  /** The values of a metric, by the labels as they are written. */
  async function read(name: string): Promise<Record<string, number>> {
    const text = await (await fetch(`${gateway.origin}/metrics`)).text();
    const lines = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'));
    return Object.fromEntries([...lines].map(([, labels = '', value]) => [labels, Number(value)]));
  }

  /** How many requests to GraphQL there were, by operation and outcome. They are counted when the last byte has gone. */
  async function requests(total: number): Promise<Record<string, number>> {
    return until(async () => {
      const counts = await read('exports_gateway_request_duration_seconds_count');
      const ofGraphql = Object.entries(counts).flatMap(([labels, count]) => {
        const [, rest] = /^route="\/graphql",(.*)$/.exec(labels) ?? [];
        return rest === undefined ? [] : [[rest, count] as const];
      });
      const counted = ofGraphql.reduce((sum, [, count]) => sum + count, 0);
      return counted < total ? undefined : Object.fromEntries(ofGraphql);
    });
  }

  it('tell requests by operation and outcome', async () => {
    const query = 'query List { exports { data { id } } }';
    await post({ query, operationName: 'List' });
    await post({ query });
    await post({ query: '{ exports { data { id } } }' });
    await post({ query: 'query List { exports(page: 0) { data { id } } }' });
    await post({ query: 'query Wrong { nope }' });
    await post({ query: '{' });
    await post({ query, operationName: 'None' });
    await post({ query: 5 });
    expect(await requests(8)).toEqual({
      'status="200",operation="List",outcome="ok"': 2,
      'status="200",operation="anonymous",outcome="ok"': 1,
      'status="200",operation="List",outcome="BAD_USER_INPUT"': 1,
      'status="400",operation="none",outcome="GRAPHQL_VALIDATION_FAILED"': 1,
      'status="400",operation="none",outcome="GRAPHQL_PARSE_FAILED"': 1,
      'status="400",operation="none",outcome="OPERATION_RESOLUTION_FAILURE"': 1,
      'status="400",operation="none",outcome="BAD_REQUEST"': 1,
    });
  });

  it('give no more than 100 operations a name of their own, and none to what fails', async () => {
    const name = (at: number) => `Operation${String(at).padStart(3, '0')}`;
    await post({ query: 'query Failed { exports(page: 0) { data { id } } }' });
    for (let at = 0; at < 120; at++) await post({ query: `query ${name(at)} { __typename }` });
    await post({ query: `query ${name(7)} { __typename }` });
    const counts = await requests(122);
    const named = Object.fromEntries(
      Array.from({ length: 100 }, (_, at) => [
        `status="200",operation="${name(at)}",outcome="ok"`,
        at === 7 ? 2 : 1,
      ]),
    );
    expect(counts).toEqual({
      ...named,
      'status="200",operation="other",outcome="ok"': 20,
      'status="200",operation="other",outcome="BAD_USER_INPUT"': 1,
    });
  });

  it('name an operation by no more than 80 characters', async () => {
    await post({ query: `query ${'a'.repeat(100)} { __typename }` });
    expect(await requests(1)).toEqual({
      [`status="200",operation="${'a'.repeat(80)}",outcome="ok"`]: 1,
    });
  });

  it('tell of those who hang up', async () => {
    const { hostname, port } = new URL(gateway.origin);
    const socket = connect(Number(port), hostname);
    const body = JSON.stringify({ query: '{ exports { data { id } } }' });
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`,
    );
    await until(async () => {
      const busy = await read('nodejs_active_resources');
      return (busy['type="TCPSocketWrap"'] ?? 0) > 1 ? true : undefined;
    });
    socket.destroy();
    expect(await requests(1)).toEqual({ 'status="499",operation="none",outcome="ABORTED"': 1 });
    await until(() => gateway.log.find(({ code }) => code === 'ABORTED'));
  });

  // The embedded database answers in the same turn of the event loop.
  if (engine === 'MySQL') {
    it('tell which operation those had asked for who hang up', async () => {
      const runner = gateway.source.createQueryRunner();
      await runner.query('LOCK TABLES exports WRITE');
      const leaving = new AbortController();
      const asked = fetch(`${gateway.origin}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: 'query Held { exports { data { id } } }' }),
        signal: leaving.signal,
      });
      await until(async () => {
        const statements = await read('exports_gateway_pool_statements');
        return statements['server="primary",state="in_use"'] === 1 ? true : undefined;
      });
      leaving.abort();
      await expect(asked).rejects.toThrow('aborted');
      expect(await requests(1)).toEqual({ 'status="499",operation="other",outcome="ABORTED"': 1 });
      expect(gateway.log).toContainEqual(
        expect.objectContaining({ status: 499, operation: 'Held', code: 'ABORTED' }),
      );
      await runner.query('UNLOCK TABLES');
      await runner.release();
    });
  }

  it('tell what is answered without GraphQL by the pattern of its path', async () => {
    for (const path of ['/health/live', '/files/a?name=b', '/nowhere/someone@example.com'])
      await (await fetch(gateway.origin + path)).arrayBuffer();
    const counts = await until(async () => {
      const found = await read('exports_gateway_request_duration_seconds_count');
      return Object.keys(found).some((each) => each.startsWith('route="none"')) ? found : undefined;
    });
    expect(counts).toMatchObject({
      'route="/health/live",status="200",operation="none",outcome="ok"': 1,
      'route="/files/*",status="403",operation="none",outcome="FORBIDDEN"': 1,
      'route="none",status="404",operation="none",outcome="NOT_FOUND"': 1,
    });
  });

  it('tell statements by what they read, and whether they failed', async () => {
    const name = 'exports_gateway_statement_duration_seconds_count';
    // Of the example that GraphiQL shows.
    expect(await read(name)).toEqual({ 'statement="SELECT exports",outcome="ok"': 1 });
    await post({ query: '{ exports { data { id files { kind } } pagination { totalCount } } }' });
    await gateway.source.query('DROP TABLE export_files');
    await post({ query: '{ exports { data { files { kind } } } }' });
    expect(await read(name)).toEqual({
      'statement="SELECT exports",outcome="ok"': 4,
      'statement="SELECT exports export_files",outcome="ok"': 1,
      'statement="SELECT exports export_files",outcome="failed"': 1,
    });
    const took = await read('exports_gateway_statement_duration_seconds_sum');
    for (const seconds of Object.values(took)) expect(seconds).toBeGreaterThan(0);
  });

  it('tell what is worked on, by the gateway and by the database', async () => {
    expect(await read('exports_gateway_graphql_requests')).toEqual({
      'state="running"': 0,
      'state="waiting"': 0,
    });
    expect(await read('exports_gateway_pool_statements')).toEqual(
      engine === 'MySQL'
        ? { 'server="primary",state="in_use"': 0, 'server="primary",state="waiting"': 0 }
        : {},
    );
  });

  const names = ['cost', 'depth', 'load', 'nesting', 'selections', 'tokens', 'validation'];
  const none = Object.fromEntries(names.map((name) => [`limit="${name}"`, 0]));

  it('tell of every limit before it is hit', async () => {
    expect(await read('exports_gateway_limits_hit_total')).toEqual(none);
  });

  it.each([
    ['cost', `{ ${manyLists(100)} }`],
    ['depth', `{ __schema { types { ${'ofType { '.repeat(14)}name${' }'.repeat(14)} } } }`],
    ['selections', blownUp(14)],
    [
      'nesting',
      `${'{ __typename ... on Query '.repeat(limits.nesting)}{ __typename }${'}'.repeat(limits.nesting)}`,
    ],
    ['tokens', `{ ${'id '.repeat(limits.tokens)} }`],
  ])('tell that the limit of %s was hit', async (limit, query) => {
    await post({ query });
    expect(await read('exports_gateway_limits_hit_total')).toEqual({
      ...none,
      [`limit="${limit}"`]: 1,
    });
  });

  it('tell of the event loop and of links', async () => {
    expect(await read('nodejs_eventloop_lag_p99_seconds')).toEqual({ '': expect.any(Number) });
    expect(await read('exports_gateway_links_signed_total')).toEqual({ '': 0 });
  });
});

function manyLists(count: number): string {
  return Array.from(
    { length: count },
    (_, at) => `a${at}: exports(limit: 100) { data { id name } }`,
  ).join(' ');
}

/** A small document that is large with its fragments written out. */
function blownUp(levels: number): string {
  const fragments = Array.from(
    { length: levels },
    (_, at) =>
      `fragment F${at} on Query { ${at === 0 ? '__typename' : `...F${at - 1} ...F${at - 1}`} }`,
  );
  return `{ ...F${levels - 1} } ${fragments.join(' ')}`;
}

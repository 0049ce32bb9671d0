import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { apiKeyRow, expectNotLogged, keyNamed } from '../auth/credentials.js';
import { createDatabaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import {
  keysRequired,
  signLink,
  useGateway,
  type Gateway,
  type GraphqlError,
} from '../support/gateway.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { createTestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const rows = { exports: [exportRow(0)], files: [fileRow(0, ExportFileKind.CSV)] };
const queries = [
  '{ exports { data { id } } }',
  '{ exports { pagination { totalCount } } }',
  `{ export(id: "${exportId(0)}", includeCsv: true) { csvUrl } }`,
];
const ready = { status: 200, text: '{"status":"ok"}' };
const checkReady = (gateway: Gateway) => gateway.send({ path: '/health/ready' });

const fileName = 'unspeakable.csv';

describe('the HTTP server', () => {
  const gateway = useGateway(embedded, rows);

  it('reads the database for the readiness check only', async () => {
    const live = await gateway.send({ path: '/health/live' });
    expect(live).toMatchObject({ ...ready, statements: [] });
    expect(await checkReady(gateway)).toMatchObject({ ...ready, statements: ['SELECT 1'] });
  });

  it('serves metrics of the process and of the gateway in the format of Prometheus', async () => {
    const { headers, text: metrics } = await gateway.send({ path: '/metrics' });
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const line of metrics.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \S+)?$/);
    }
    expect(metrics).toMatch(/^exports_gateway_links_signed_total 0$/m);
    expect(metrics).toMatch(/^process_cpu_seconds_total \d/m);
    expect(metrics).not.toMatch(/secret|mysql:|sqlite/);
  });

  it.each([
    ['GET', '/constructor?secret=1'],
    ['DELETE', '/graphql'],
    ['GET', '/graphql/'],
    ['POST', '/health/live'],
  ])('responds to %s %s with 404 in JSON', async (method, path) => {
    expect(await gateway.send({ method, path })).toMatchObject({
      status: 404,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      text: '{"errors":[{"message":"Not found.","extensions":{"code":"NOT_FOUND"}}]}',
    });
  });

  it('serves GraphiQL while the query for its example fails', async () => {
    await gateway.source.query('ALTER TABLE exports RENAME TO moved_exports');
    const page = await gateway.send({ headers: ['accept', 'text/html'] });
    await gateway.source.query('ALTER TABLE moved_exports RENAME TO exports');
    expect([page.status, page.text.includes(exportId(0))]).toEqual([200, false]);
  });

  it('logs one line for each request with its id, and without its query, headers and signature', async () => {
    await gateway.store('a.csv', 'a');
    const valid = signLink('a.csv', { fileName });
    const query = valid.slice(valid.indexOf('?'));
    const requests: [method: string, target: string, status: number, code?: string][] = [
      ['GET', '/health/live?key=unspeakable', 200],
      ['POST', '/graphql', 400, 'BAD_REQUEST'],
      ['GET', '/graphql?query=%7Bunspeakable%7D', 400, 'BAD_REQUEST'],
      ['HEAD', '/metrics', 200],
      ['GET', valid, 200],
      ['HEAD', valid, 200],
      ['GET', `${valid}x`, 403, 'FORBIDDEN'],
      ['GET', signLink('a.csv', { fileName, ttl: -77 }), 410, 'LINK_EXPIRED'],
      ['GET', signLink('missing.csv', { fileName }), 404, 'NOT_FOUND'],
      ['POST', `/unknown${query}`, 404, 'NOT_FOUND'],
      ['GET', `/unknown-%zz${query}`, 400, 'BAD_REQUEST'],
    ];
    const start = gateway.log.length;
    for (const [index, [method, target]] of requests.entries()) {
      const secrets = ['authorization', 'unspeakable', 'cookie', 'unspeakable=1'];
      const headers = ['x-request-id', `id-${index}`, ...secrets];
      await gateway.send({ method, target, headers, ...(method === 'POST' && { body: '{}' }) });
    }
    const lines = await until(() => {
      const found = gateway.log.slice(start).filter(({ msg }) => msg === 'request');
      return found.length < requests.length ? undefined : found;
    });
    expect(lines).toEqual(
      requests.map(([method, target, status, code], index) => ({
        ...{ msg: 'request', requestId: `id-${index}`, method, status },
        // The successful check of a balancer only matters to debugging.
        level: target.startsWith('/health/') ? 20 : 30,
        ...(target.startsWith('/graphql') && { organization: 'org_demo' }),
        ...(!target.startsWith('/unknown') && { path: target.replace(/\?.*/, '') }),
        ...(code !== undefined && { code }),
        ...{ ms: expect.any(Number), time: expect.any(Number) },
        ...{ pid: expect.any(Number), hostname: expect.any(String) },
      })),
    );
    const text = JSON.stringify(gateway.log.slice(start));
    const values = requests.flatMap(([, target]) => [
      ...new URLSearchParams(/signature=.*/.exec(target)?.[0]).values(),
    ]);
    for (const secret of ['unspeakable', ...values]) expect(text).not.toContain(secret);
  });

  it.each(['/graphql', '/nowhere', '/%zz'])('returns the request id on %s', async (path) => {
    const headers = { 'x-request-id': 'mine' };
    const response = await fetch(gateway.origin + path, { headers });
    expect(response.headers.get('x-request-id')).toBe('mine');
  });
});

describe('a gateway that requires keys', () => {
  const key = keyNamed('A');
  const gateway = useGateway(embedded, { config: keysRequired, keys: [apiKeyRow(key, 'org_a')] });

  it('masks a defect outside GraphQL, and logs its cause', async () => {
    await gateway.source.query('DROP TABLE api_keys');
    const body = { query: '{ __typename }' };
    const response = await gateway.send({ body, headers: ['x-api-key', key] });
    const extensions = { code: 'INTERNAL_SERVER_ERROR' };
    const error = { message: 'Something went wrong on our side.', extensions };
    expect([response.status, JSON.parse(response.text)]).toEqual([500, { errors: [error] }]);
    const failures = response.logged.filter(({ level }) => level === 50);
    const err = { message: expect.stringContaining('no such table: api_keys') };
    expect(failures).toMatchObject([{ msg: 'A request failed', err }]);
  });
});

describeWith('mysql', 'a gateway whose database cannot be reached', () => {
  let proxy: DatabaseProxy;
  async function provide() {
    const database = await createTestDatabase();
    proxy = await createDatabaseProxy(database.url);
    await proxy.open();
    const config = mysqlConfig(proxy.url);
    return { config, dispose: () => proxy.close().then(() => database.drop()) };
  }
  const [known, unknown] = [keyNamed('A'), keyNamed('B')];
  const keys = [apiKeyRow(known, 'org_demo')];
  const gateway = useGateway({ engine: 'MySQL', provide }, { ...rows, config: keysRequired, keys });
  const send = (query: string, key = known) =>
    gateway.send({ body: { query }, headers: ['x-api-key', key] });

  it('looks up keys until the deadline while the database hangs', async () => {
    proxy.freeze();
    const { status, text } = await send('{ __typename }', unknown);
    expect([status, text]).toEqual([503, expect.stringContaining('API keys cannot be looked up')]);
    await proxy.open();
    await until(async () =>
      (await send('{ __typename }', unknown)).status === 401 ? true : undefined,
    );
  });

  it('responds with 503 that reveals nothing, logs the cause, and recovers at once', async () => {
    expect((await send('{ __typename }')).status).toBe(200);
    await proxy.close();
    const failures = await Promise.all(queries.map((query) => send(query)));
    // The gateway cannot check whether the key is valid, so it does not reject it.
    failures.push(await send('{ __typename }', keyNamed('C')));
    for (const [index, response] of failures.entries()) {
      expect(response).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
      const { errors } = JSON.parse(response.text) as { errors: GraphqlError[] };
      const failed =
        index < queries.length ? 'The exports cannot be read' : 'API keys cannot be looked up';
      const message = `${failed} right now. Try again in a moment.`;
      expect(errors).toMatchObject([{ message, extensions: { code: 'SERVICE_UNAVAILABLE' } }]);
      for (const word of [new URL(proxy.url).host, 'ECONN', 'SELECT']) {
        expect(response.text).not.toContain(word);
      }
    }
    // An error that alone has the status 200 does not hide the other one.
    const body = { query: '{ invalid: exports(page: 0) { data { id } } exports { data { id } } }' };
    const headers = ['x-api-key', known, 'accept', 'application/json'];
    expect((await gateway.send({ body, headers })).status).toBe(503);
    const unavailable = { status: 503, text: '{"status":"unavailable"}' };
    expect(await checkReady(gateway)).toMatchObject(unavailable);
    expect(await gateway.send({ path: '/health/live' })).toMatchObject(ready);
    expect(JSON.stringify(gateway.log)).toContain('ECONNREFUSED');
    await proxy.open();
    // Checks share a query for a second.
    await until(async () => ((await checkReady(gateway)).status === 200 ? true : undefined));
    for (const query of queries) expect((await send(query)).status).toBe(200);
    expect((await send('{ __typename }', unknown)).status).toBe(401);
    expectNotLogged(gateway, [known, unknown]);
  });
});

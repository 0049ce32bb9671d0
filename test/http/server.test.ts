import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { keyNamed, apiKeyRow } from '../auth/credentials.js';
import { createDatabaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { keysRequired, startGateway, useGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

interface ErrorBody {
  readonly errors: readonly { readonly message: string; readonly extensions: { code: string } }[];
}

const rows = { exports: [exportRow(0)], files: [fileRow(0, ExportFileKind.CSV)] };
const queries = [
  '{ exports { data { id } } }',
  '{ exports { pagination { totalCount } } }',
  `{ export(id: "${exportId(0)}", includeCsv: true) { csvUrl } }`,
];
const ready = { status: 200, text: '{"status":"ok"}' };
const checkReady = (gateway: Gateway) => gateway.send({ path: '/health/ready' });

describe('the HTTP server', () => {
  const gateway = useGateway(embedded, rows);

  it('reads the database for the readiness check only', async () => {
    expect(await gateway.send({ path: '/health/live' })).toMatchObject({
      ...ready,
      statements: [],
    });
    expect(await checkReady(gateway)).toMatchObject({ ...ready, statements: ['SELECT 1'] });
  });

  it('serves metrics of the process and of the gateway in the format of Prometheus', async () => {
    await gateway.query(queries[2] ?? '');
    const { headers, text: metrics } = await gateway.send({ path: '/metrics' });
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const line of metrics.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \S+)?$/);
    }
    expect(metrics).toMatch(/^# TYPE exports_gateway_links_signed_total counter$/m);
    expect(metrics).toMatch(/^exports_gateway_links_signed_total 1$/m);
    expect(metrics).toMatch(/^process_cpu_seconds_total \d/m);
    expect(metrics).toMatch(/^nodejs_eventloop_lag_seconds \d/m);
    expect(metrics).not.toMatch(/secret|mysql:|sqlite/);
  });

  it.each([
    ['GET', '/unknown-page'],
    ['GET', '/unknown-page?secret=1'],
    ['POST', '/unknown-page'],
    ['DELETE', '/graphql'],
    ['GET', '/graphql/'],
    ['GET', '/health'],
    ['POST', '/health/live'],
    ['GET', '/metrics/x'],
    ['GET', '/constructor'],
    ['GET', '/.env'],
  ])('responds to %s %s with 404 in JSON', async (method, path) => {
    const response = await gateway.send({ method, path });
    expect(response).toMatchObject({
      status: 404,
      text: '{"errors":[{"message":"Not found.","extensions":{"code":"NOT_FOUND"}}]}',
    });
    expect(response.headers['content-type']).toMatch(/^application\/json\b/);
  });

  it.each([
    ['GRAPHQL_VALIDATION_FAILED', '{ exports { data { nope } } }', 'nope'],
    ['GRAPHQL_PARSE_FAILED', '{ exports { ', 'Syntax Error'],
    ['BAD_USER_INPUT', 'query ($page: Int!) { exports(page: $page) { data { id } } }', '$page'],
  ])('responds to an invalid document with %s, and logs no failure', async (code, query, words) => {
    const { status, text: body, logged } = await gateway.send({ body: { query } });
    const { errors } = JSON.parse(body) as ErrorBody;
    expect(status).toBe(400);
    expect(errors).toMatchObject([
      { message: expect.stringContaining(words), extensions: { code } },
    ]);
    expect(logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it.each([
    [400, 'application/json', '{"query":'],
    [415, 'application/xml', '<query/>'],
    [413, 'application/json', JSON.stringify({ query: `{ a } # ${'x'.repeat(2_000_000)}` })],
  ])('responds to an unreadable body with %i in the form of GraphQL errors', async (...given) => {
    const [status, type, body] = given;
    const init = { method: 'POST', headers: { 'content-type': type }, body };
    const response = await fetch(`${gateway.origin}/graphql`, init);
    const received = await response.text();
    expect(response.status).toBe(status);
    expect(JSON.parse(received)).toEqual({
      errors: [{ message: expect.any(String), extensions: { code: 'BAD_REQUEST' } }],
    });
    expect(received).not.toMatch(/node_modules|at \w+ \(/);
  });

  it('logs one line a request with its id, and without its query, headers and signature', async () => {
    await writeFile(join(gateway.filesDirectory, 'a.csv'), 'a');
    const link = (objectKey: string, ttl = 900) =>
      new LocalUrlSigner({ secret: 'the secret of the tests', ttl, origin: () => '' }).sign({
        objectKey,
        fileName: 'unspeakable.csv',
      }).url;
    const valid = link('a.csv');
    const query = valid.slice(valid.indexOf('?'));
    const requests: [method: string, target: string, status: number, code?: string][] = [
      ['GET', '/health/live?key=unspeakable', 200],
      ['GET', '/health/ready', 200],
      ['POST', '/graphql', 400, 'BAD_REQUEST'],
      ['GET', '/graphql?query=%7Bunspeakable%7D', 400, 'BAD_REQUEST'],
      ['HEAD', '/metrics', 200],
      ['GET', valid, 200],
      ['HEAD', valid, 200],
      ['GET', `${valid}x`, 403, 'FORBIDDEN'],
      ['GET', link('a.csv', -77), 410, 'LINK_EXPIRED'],
      ['GET', link('missing.csv'), 404, 'NOT_FOUND'],
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
        ...{ level: 30, msg: 'request', requestId: `id-${index}`, method, status },
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

  it.each(['/graphql', '/nowhere', '/files/a', '/%zz', '/health/live'])(
    'returns the request id on %s',
    async (path) => {
      const response = await fetch(gateway.origin + path, { headers: { 'x-request-id': 'mine' } });
      await response.arrayBuffer();
      expect(response.headers.get('x-request-id')).toBe('mine');
    },
  );
});

describe('authentication', () => {
  const gateway = useGateway(embedded, {
    config: keysRequired,
    keys: [apiKeyRow(keyNamed('A'), 'org_a')],
  });

  it('happens before the body is read, and its failure names the scheme', async () => {
    const body = 'x'.repeat(300_000);
    const response = await gateway.send({ body, headers: ['content-length', '300000'] });
    expect(response.status).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Bearer');
  });

  it('is not needed for files, which a request never creates', async () => {
    for (const path of ['/files/', '/files/a']) {
      expect(await gateway.send({ path })).toMatchObject({ status: 403, statements: [] });
    }
    expect(await readdir(gateway.filesDirectory)).toEqual([]);
  });
});

/** Expects a response to reveal nothing of a database server. */
function expectNoLocation(received: string, url: string): void {
  const { port, host, pathname } = new URL(url);
  const words = [port, host, pathname.slice(1), '127.0.0.1', 'ECONN', 'mysql', 'node_modules'];
  for (const word of [...words, 'SELECT']) expect(received).not.toContain(word);
}

async function expectUnavailable(gateway: Gateway, url: string): Promise<void> {
  for (const query of queries) {
    const startedAt = Date.now();
    const response = await gateway.send({ body: { query } });
    expect(Date.now() - startedAt).toBeLessThan(3_000);
    expect([response.status, response.headers['retry-after']]).toEqual([503, '1']);
    const { errors } = JSON.parse(response.text) as ErrorBody;
    expect(errors.map(({ extensions }) => extensions)).toEqual([{ code: 'SERVICE_UNAVAILABLE' }]);
    expectNoLocation(response.text, url);
  }
  expect(await checkReady(gateway)).toMatchObject({
    status: 503,
    text: '{"status":"unavailable"}',
  });
  expect(await gateway.send({ path: '/health/live' })).toMatchObject(ready);
}

describeWith('mysql', 'while the database cannot be reached', () => {
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  let gateway: Gateway;
  beforeEach(async () => {
    database = await createTestDatabase();
    proxy = await createDatabaseProxy(database.url);
    await proxy.open();
    gateway = await startGateway({ config: { kind: 'mysql', url: proxy.url } }, rows);
  });
  afterEach(async () => {
    await proxy.close();
    await gateway.close();
    await database.drop();
  });

  it('responds with 503 to running and later queries, logs why, and recovers at once', async () => {
    expect(await checkReady(gateway)).toMatchObject(ready);
    const running = Array.from({ length: 60 }, (_, index) =>
      gateway.send({ body: { query: queries[index % 3] } }),
    );
    await running[0];
    await proxy.close();
    for (const { status, text: body } of await Promise.all(running)) {
      const { errors } = JSON.parse(body) as Partial<ErrorBody>;
      expect([status, errors?.[0]?.extensions.code]).toEqual(
        status === 200 ? [200, undefined] : [503, 'SERVICE_UNAVAILABLE'],
      );
      if (status === 503) expectNoLocation(body, proxy.url);
    }
    await expectUnavailable(gateway, proxy.url);
    expect(JSON.stringify(gateway.log)).toContain('ECONNREFUSED');
    await proxy.open();
    expect(await checkReady(gateway)).toMatchObject(ready);
    for (const query of queries) {
      expect((await gateway.send({ body: { query } })).status).toBe(200);
    }
  });
});

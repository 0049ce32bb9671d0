import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';

import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { createDatabaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { until } from '../support/until.js';
import { thisMachine } from '../support/apt.js';
import { describeWith } from '../support/describe-with.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { provideMysqlServer } from '../support/mysql-server.js';
import { ExportFileKind } from '../../src/exports/export-file.js';

interface ErrorBody {
  readonly errors: readonly {
    readonly message: string;
    readonly extensions: { readonly code: string };
  }[];
}

async function post(origin: string, query: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
    ...(signal && { signal }),
  });
}

async function ready(origin: string): Promise<[number, unknown]> {
  const response = await fetch(`${origin}/health/ready`);
  return [response.status, await response.json()];
}

const questions = [
  '{ exports { data { id } } }',
  '{ exports { pagination { totalCount } } }',
  `{ export(id: "${exportId(0)}", includeCsv: true) { csvUrl } }`,
];

describe.each(engines)('the HTTP server on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    database = await provide();
    gateway = await startGateway(database);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  it('is alive and ready', async () => {
    for (const path of ['live', 'ready']) {
      const response = await fetch(`${gateway.origin}/health/${path}`);
      expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
    }
  });

  it('asks the database whether it is ready, and not whether it is alive', async () => {
    const statements = () => gateway.log.filter(({ sql }) => sql !== undefined).length;
    const before = statements();
    await fetch(`${gateway.origin}/health/live`);
    expect(statements()).toBe(before);
    await fetch(`${gateway.origin}/health/ready`);
    expect(statements()).toBe(before + 1);
  });

  it('has metrics of the process and of the links signed, in the format of Prometheus', async () => {
    await insertRows(gateway.source, {
      exports: [exportRow(0)],
      files: [fileRow(0, ExportFileKind.CSV)],
    });
    await post(gateway.origin, questions[2] ?? '');
    const response = await fetch(`${gateway.origin}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \S+)?$/);
    }
    expect(text).toMatch(/^# TYPE exports_gateway_links_signed_total counter$/m);
    expect(text).toMatch(/^exports_gateway_links_signed_total 1$/m);
    expect(text).toMatch(/^process_cpu_seconds_total \d/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds \d/m);
    expect(text).not.toMatch(/secret|mysql:|sqlite/);
  });
});

describe('a request', () => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    const [embedded] = engines;
    if (embedded === undefined) throw new Error('There are no engines');
    database = await embedded.provide();
    gateway = await startGateway(database);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
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
  ])('%s %s is answered with 404 in JSON', async (method, path) => {
    const response = await fetch(gateway.origin + path, { method });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toMatch(/^application\/json\b/);
    expect(await response.json()).toEqual({
      errors: [{ message: 'Not found.', extensions: { code: 'NOT_FOUND' } }],
    });
  });

  it.each([
    { query: '{ exports { data { nope } } }', code: 'GRAPHQL_VALIDATION_FAILED', says: 'nope' },
    { query: '{ exports { ', code: 'GRAPHQL_PARSE_FAILED', says: 'Syntax Error' },
    {
      query: 'query ($page: Int!) { exports(page: $page) { data { id } } }',
      code: 'BAD_USER_INPUT',
      says: '$page',
    },
  ])(
    'with the wrong document $query is told what is wrong with it, and is no failure in the log',
    async ({ query, code, says }) => {
      const start = gateway.log.length;
      const response = await post(gateway.origin, query);
      expect(response.status).toBe(400);
      const { errors } = (await response.json()) as ErrorBody;
      expect(errors).toEqual([
        expect.objectContaining({
          message: expect.stringContaining(says),
          extensions: expect.objectContaining({ code }),
        }),
      ]);
      expect(gateway.log.slice(start).filter(({ level }) => Number(level) >= 50)).toEqual([]);
    },
  );

  it('with a body that cannot be read is answered in the form of every error', async () => {
    const send = async (body: string, type: string) => {
      const response = await fetch(`${gateway.origin}/graphql`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      });
      const { errors } = (await response.json()) as ErrorBody;
      expect(errors).toEqual([
        { message: expect.any(String), extensions: { code: expect.any(String) } },
      ]);
      expect(JSON.stringify(errors)).not.toMatch(/node_modules|at \w+ \(/);
      return response.status;
    };
    expect(await send('{"query":', 'application/json')).toBe(400);
    expect(await send('<query/>', 'application/xml')).toBe(415);
    expect(
      await send(JSON.stringify({ query: `{ a } # ${'x'.repeat(2_000_000)}` }), 'application/json'),
    ).toBe(413);
  });

  it('is one line in the log, without its query', async () => {
    const start = gateway.log.length;
    const requests: [string, string, number][] = [
      ['GET', '/health/live?key=unspeakable', 200],
      ['GET', '/health/ready', 200],
      ['GET', '/unknown?key=unspeakable', 404],
      ['POST', '/graphql', 400],
      ['GET', '/graphql?query=%7Bunspeakable%7D', 400],
      ['GET', '/files/a?name=unspeakable&expires=1&signature=unspeakable', 403],
      ['HEAD', '/metrics', 200],
    ];
    for (const [method, path] of requests) {
      const headers = {
        'content-type': 'application/json',
        authorization: 'unspeakable',
        cookie: 'unspeakable=1',
      };
      const body = method === 'POST' ? '{}' : null;
      await (await fetch(gateway.origin + path, { method, headers, body })).arrayBuffer();
    }
    const lines = () => gateway.log.slice(start).filter(({ msg }) => msg === 'request');
    await until(() => (lines().length < requests.length ? undefined : true));
    expect(lines()).toEqual(
      requests.map(([method, path, status]) =>
        expect.objectContaining({
          level: 30,
          method,
          // That of nothing may be anything.
          ...(path.startsWith('/unknown') ? {} : { path: path.split('?')[0] }),
          status,
          ms: expect.any(Number),
        }),
      ),
    );
    expect(JSON.stringify(gateway.log.slice(start))).not.toContain('unspeakable');
  });

  it('with a path that is no URL is a line in the log, too', async () => {
    const start = gateway.log.length;
    const { hostname, port } = new URL(gateway.origin);
    const socket = connect(Number(port), hostname);
    socket.end('GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    await (await fetch(`${gateway.origin}/health/live`)).arrayBuffer();
    const lines = () => gateway.log.slice(start).filter(({ msg }) => msg === 'request');
    await until(() => lines().find(({ path }) => path === '/health/live'));
    expect(lines().map(({ path, status }) => [path, status])).toEqual([
      [undefined, 400],
      ['/health/live', 200],
    ]);
  });
});

describe('closing the gateway', () => {
  it('lets a download come to its end, though not idle connections hold it up', async () => {
    const [embedded] = engines;
    if (embedded === undefined) throw new Error('There are no engines');
    const database = await embedded.provide();
    const gateway = await startGateway(database);
    const size = 30_000_000;
    await writeFile(join(gateway.filesDirectory, 'large.csv'), Buffer.alloc(size));
    const links = new LocalUrlSigner({
      secret: 'the secret of the tests',
      ttl: 900,
      origin: () => gateway.origin,
    });
    const url = new URL(links.sign({ objectKey: 'large.csv', fileName: 'large.csv' }).url);
    // Keep-alive, and never used again.
    await (await fetch(`${gateway.origin}/health/live`)).arrayBuffer();

    const socket = connect(Number(url.port), url.hostname);
    socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`,
    );
    let received = 0;
    const [first] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    received += first.length;
    const closed = gateway.close();
    // From here on the gateway takes no more connections.
    await until(() =>
      fetch(`${gateway.origin}/health/live`, { headers: { connection: 'close' } }).then(
        () => undefined,
        () => 'refused',
      ),
    );
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    socket.resume();
    await once(socket, 'close');
    expect(received).toBeGreaterThan(size);
    await closed;
    await database.dispose();
  });
});

/** What no answer may tell of the database. */
function expectNoPlace(text: string, url: string): void {
  const { port, host, pathname } = new URL(url);
  for (const word of [
    port,
    host,
    pathname.slice(1),
    '127.0.0.1',
    'ECONN',
    'mysql',
    'node_modules',
    'SELECT',
  ]) {
    expect(text).not.toContain(word);
  }
}

async function expectUnavailable(gateway: Gateway, url: string, withinMs: number): Promise<void> {
  for (const question of questions) {
    const started = Date.now();
    const response = await post(gateway.origin, question, AbortSignal.timeout(withinMs));
    const text = await response.text();
    expect(Date.now() - started).toBeLessThan(withinMs);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    const { errors } = JSON.parse(text) as ErrorBody;
    expect(errors.map(({ extensions }) => extensions)).toEqual([{ code: 'SERVICE_UNAVAILABLE' }]);
    expectNoPlace(text, url);
  }
  expect(await ready(gateway.origin)).toEqual([503, { status: 'unavailable' }]);
  const live = await fetch(`${gateway.origin}/health/live`);
  expect(live.status).toBe(200);
}

describeWith('mysqlProgram', 'when the database server ends', () => {
  it('queries are answered with 503 at once, before, while and after, and tell nothing of where it is', async () => {
    const server = await provideMysqlServer({
      ...thisMachine,
      env: { ...process.env, TEST_DATABASE_URL: '' },
    });
    const url = `${server.url}doomed`;
    const connection = await createConnection({ uri: server.url });
    await connection.query('CREATE DATABASE doomed CHARACTER SET utf8mb4');
    await connection.end();
    const gateway = await startGateway({
      config: { kind: 'mysql', url },
    });
    try {
      await insertRows(gateway.source, {
        exports: [exportRow(0)],
        files: [fileRow(0, ExportFileKind.CSV)],
      });
      expect(await ready(gateway.origin)).toEqual([200, { status: 'ok' }]);

      // Some of them are on their way when the server ends, and each gets one answer or the other.
      const underway = [...Array(60).keys()].map((index) =>
        post(gateway.origin, questions[index % 3] ?? ''),
      );
      await underway[0];
      await server.stop();
      for (const response of await Promise.all(underway)) {
        expect([200, 503]).toContain(response.status);
        const body = (await response.json()) as Partial<ErrorBody>;
        if (response.status === 200) {
          expect(body.errors).toBeUndefined();
          continue;
        }
        expect(body.errors?.[0]?.extensions.code).toBe('SERVICE_UNAVAILABLE');
        expectNoPlace(JSON.stringify(body), url);
      }

      await expectUnavailable(gateway, url, 3_000);
      // The operator is told the reason.
      expect(JSON.stringify(gateway.log)).toContain('ECONNREFUSED');
    } finally {
      await server.stop();
      await gateway.close();
    }
  });
});

describeWith('mysql', 'when the way to the database', () => {
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  let gateway: Gateway;
  beforeEach(async () => {
    database = await createTestDatabase();
    proxy = await createDatabaseProxy(database.url);
    await proxy.open();
    gateway = await startGateway({
      config: { kind: 'mysql', url: proxy.url },
    });
    for (const question of questions)
      expect((await post(gateway.origin, question)).status).toBe(200);
  });
  afterEach(async () => {
    await proxy.close();
    await gateway.close();
    await database.drop();
  });

  it('is cut, queries get 503, and 200 again as soon as it is back', async () => {
    await proxy.close();
    await expectUnavailable(gateway, proxy.url, 3_000);
    await proxy.open();
    expect(await ready(gateway.origin)).toEqual([200, { status: 'ok' }]);
    for (const question of questions)
      expect((await post(gateway.origin, question)).status).toBe(200);
  });
});

it('the files of a gateway are not made by reading them', async () => {
  const [embedded] = engines;
  if (embedded === undefined) throw new Error('There are no engines');
  const database = await embedded.provide();
  const gateway = await startGateway(database);
  for (const path of ['/files/', '/files/a', '/health/ready', '/metrics'])
    await fetch(gateway.origin + path);
  expect(await readdir(gateway.filesDirectory)).toEqual([]);
  await gateway.close();
  await database.dispose();
});

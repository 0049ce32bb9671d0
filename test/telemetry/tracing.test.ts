import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { signToken, tokenSecret } from '../auth/credentials.js';
import type { StartedProgram } from '../support/built-gateway.js';
import { postQuery } from '../support/exports-server.js';
import { moduleHook } from '../support/module-hook.js';
import { until } from '../support/until.js';
import { useBuiltGateway } from '../support/use-built-gateway.js';
import { startCollector, type Collector, type ReceivedSpan } from './collector.js';

const built = useBuiltGateway();
let collector: Collector;
beforeEach(async () => {
  collector = await startCollector();
});
afterEach(() => collector.close());

async function start(
  env: Record<string, string> = {},
): Promise<{ gateway: StartedProgram; origin: string }> {
  const exporter = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' };
  const gateway = built.start(built.folder, { ...exporter, ...env });
  return { gateway, origin: await gateway.origin() };
}

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';
const traceparent = `00-${traceId}-${parentId}-01`;

/** The spans of the client's trace by their name, once there are as many. */
async function spans(count: number): Promise<Map<string, ReceivedSpan>> {
  const found = await until(() => {
    const received = collector.spans.filter((span) => span.traceId === traceId);
    return received.length < count ? undefined : received;
  });
  expect(found).toHaveLength(count);
  return new Map(found.map((span) => [span.name, span]));
}

it('a request, its operation and its queries are spans of the trace of the client, without data', async () => {
  const { origin } = await start({ AUTH: 'required', JWT_SECRET: tokenSecret, TRUST_PROXY: 'on' });
  const token = await signToken({ org_id: 'org_demo', sub: 'jane' });
  const authorization = `Bearer ${token}`;
  const { data } = await postQuery<{ exports: object }>(
    origin,
    'query Found { exports(filter: { search: "contacts" }, includeCsv: true) { data { id csvUrl } } }',
    {
      headers: { traceparent, authorization, 'x-request-id': 'mine', 'x-forwarded-proto': 'https' },
    },
  );
  const found = await spans(4);
  const [request, operation] = [found.get('POST /graphql'), found.get('query')];
  const viewer = { 'exports_gateway.organization': 'org_demo', 'enduser.id': 'jane' };
  for (const { attributes } of found.values()) expect(attributes).toMatchObject(viewer);
  expect(request).toMatchObject({
    parentId,
    kind: 'server',
    hasFailed: false,
    service: 'exports-gateway',
    attributes: {
      'http.request.method': 'POST',
      'http.response.header.x-request-id': ['mine'],
      'http.route': '/graphql',
      'http.response.status_code': 200,
      'url.path': '/graphql',
      'url.scheme': 'https',
    },
  });
  expect(operation).toMatchObject({
    parentId: request?.id,
    kind: 'internal',
    attributes: { 'graphql.operation.type': 'query', 'graphql.operation.name': 'Found' },
  });
  expect(found.get('SELECT exports')).toMatchObject({
    parentId: operation?.id,
    kind: 'client',
    attributes: {
      'db.system.name': 'sqlite',
      'db.query.text': expect.stringContaining('LIKE LOWER(?)'),
      'db.response.returned_rows': expect.any(Number),
    },
  });
  expect(found.get('SELECT exports export_files')).toMatchObject({ parentId: operation?.id });

  const signature = /signature=([\w-]+)/.exec(JSON.stringify(data))?.[1] ?? 'a signature';
  const text = JSON.stringify([...found.values()]);
  for (const secret of ['contacts', signature, token]) expect(text).not.toContain(secret);
});

it('errors mark the span of the operation, and health checks have no spans', async () => {
  const { origin } = await start({ OTEL_SERVICE_NAME: 'exports' });
  await postQuery(origin, '{ exports(page: 0) { data { id } } }', {
    headers: { traceparent, 'x-forwarded-proto': 'https' },
  });
  for (const path of ['/nowhere?secret', '/health/ready', '/metrics']) {
    await (await fetch(origin + path, { headers: { traceparent } })).text();
  }
  const found = await spans(3);
  expect([...found.keys()].sort()).toEqual(['GET', 'POST /graphql', 'query']);
  expect(JSON.stringify([...found.values()])).not.toContain('nowhere');
  // Without TRUST_PROXY the client could claim anything.
  expect(found.get('POST /graphql')?.attributes).toMatchObject({ 'url.scheme': 'http' });
  expect(found.get('query')).toMatchObject({
    hasFailed: true,
    service: 'exports',
    attributes: { 'error.type': 'BAD_USER_INPUT' },
  });
  expect(found.get('GET')).toMatchObject({
    hasFailed: false,
    attributes: { 'http.response.status_code': 404 },
  });
});

it('a client that disconnects leaves a failed span without a status', async () => {
  const { origin } = await start();
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\ntraceparent: ${traceparent}\r\n` +
      'Content-Type: application/json\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n',
  );
  await once(socket, 'data');
  socket.destroy();
  const span = (await spans(1)).get('POST /graphql');
  expect(span).toMatchObject({ hasFailed: true, attributes: { 'error.type': 'ABORTED' } });
  expect(span?.attributes).not.toHaveProperty(['http.response.status_code']);
});

it('a client that does not sample gets no spans, and shutdown exports the last ones', async () => {
  const { gateway, origin } = await start({ OTEL_BSP_SCHEDULE_DELAY: '60000' });
  const unsampled = { traceparent: `00-1${traceId.slice(1)}-${parentId}-00` };
  for (const headers of [unsampled, { traceparent }]) {
    await postQuery(origin, '{ __typename }', { headers });
  }
  gateway.kill('SIGTERM');
  expect(await gateway.ended).toBe(0);
  expect(new Set(collector.spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
});

it('an unreachable collector delays no request, and the log reports it', async () => {
  // Nothing listens on port 2.
  const { gateway, origin } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:2' });
  expect((await postQuery(origin, '{ __typename }')).data).toEqual({ __typename: 'Query' });
  gateway.kill('SIGTERM');
  await gateway.untilLine(/^Traces: the collector did not accept the last spans/);
  expect(await gateway.ended).toBe(0);
});

it.each([
  [{ OTEL_SERVICE_NAME: 'exports' }, false],
  [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
])('with %j, whether OpenTelemetry is loaded is %s', async (env, isLoaded) => {
  const hook = `import { writeSync } from 'node:fs';
  export async function load(url, context, next) {
    if (url.startsWith('file:')) writeSync(2, url + '\\n');
    return next(url, context);
  }`;
  const gateway = built.start(built.folder, { NODE_OPTIONS: moduleHook(hook), ...env });
  await gateway.untilLine(/^Listening /);
  gateway.kill('SIGTERM');
  await gateway.ended;
  const files = gateway.stderr().trim().split('\n');
  const texts = await Promise.all(files.map((url) => readFile(new URL(url), 'utf8')));
  const has = (name: string) => texts.some((text) => text.includes(name));
  expect([has('class ApolloServer'), has('BatchSpanProcessor')]).toEqual([true, isLoaded]);
});

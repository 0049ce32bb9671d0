import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';

import { buildGateway, type BuiltGateway, type StartedProgram } from '../support/built-gateway.js';
import { until } from '../support/until.js';
import { startCollector, type Collector, type ReceivedSpan } from './collector.js';

let built: BuiltGateway;
let collector: Collector;
let folder: string;
beforeAll(async () => {
  built = await buildGateway();
});
afterAll(() => built.dispose());
beforeEach(async () => {
  collector = await startCollector();
  folder = await mkdtemp(join(tmpdir(), 'tracing-test-'));
});
afterEach(async () => {
  await built.endAll(folder);
  await collector.close();
  await rm(folder, { recursive: true });
});

async function start(
  env: Record<string, string> = {},
): Promise<{ gateway: StartedProgram; origin: string }> {
  const gateway = built.start(folder, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    ...env,
  });
  const { msg } = await gateway.untilLine(/^Listening /);
  return { gateway, origin: msg.slice('Listening '.length) };
}

async function ask(
  origin: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<string> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return response.text();
}

/** The spans of the trace that the caller began. */
async function spansOf(traceId: string, count: number): Promise<ReceivedSpan[]> {
  return until(() => {
    const found = collector.spans.filter((span) => span.traceId === traceId);
    return found.length < count ? undefined : found;
  });
}

it('a request, its operation and its statements are spans of the trace that the caller began', async () => {
  const { origin } = await start({ OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test' });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const query =
    'query Found($search: String) { exports(filter: { search: $search }, includeCsv: true) { data { id csvUrl } } }';
  const answer = await ask(
    origin,
    { query, variables: { search: 'contacts' } },
    { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'x-request-id': 'mine' },
  );
  const spans = await spansOf(traceId, 4);
  expect(spans).toHaveLength(4);
  const named = (name: string) => spans.find((span) => span.name === name);
  const request = named('POST /graphql');
  const operation = named('query');
  expect(request).toMatchObject({
    parentId: 'b7ad6b7169203331',
    kind: 'server',
    hasFailed: false,
    service: 'exports-gateway',
    attributes: {
      'http.request.method': 'POST',
      'http.response.header.x-request-id': ['mine'],
      'http.route': '/graphql',
      'http.response.status_code': 200,
      'url.path': '/graphql',
      'url.scheme': 'http',
    },
  });
  expect(operation).toMatchObject({
    parentId: request?.id,
    kind: 'internal',
    attributes: { 'graphql.operation.type': 'query', 'graphql.operation.name': 'Found' },
  });
  expect(named('SELECT exports')).toMatchObject({
    parentId: operation?.id,
    kind: 'client',
    attributes: {
      'db.system.name': 'sqlite',
      'db.query.text': expect.stringContaining('LIKE LOWER(?)'),
      'db.response.returned_rows': 11,
    },
  });
  expect(named('SELECT exports export_files')).toMatchObject({ parentId: operation?.id });

  // What people send and get is in none of them.
  const text = JSON.stringify(spans);
  const [url = ''] = /http:[^"]+/.exec(answer) ?? [];
  expect(url).toContain('signature=');
  const signature = new URL(url).searchParams.get('signature') ?? '';
  for (const secret of ['contacts', signature, 'org_demo']) expect(text).not.toContain(secret);
});

it('what fails is a span that says so', async () => {
  const { origin } = await start({ OTEL_SERVICE_NAME: 'exports' });
  const traceId = '1af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  await ask(origin, { query: '{ exports(page: 0) { data { id } } }' }, { traceparent });
  await (await fetch(`${origin}/nowhere?secret`, { headers: { traceparent } })).text();
  // What balancers ask all the time leaves no span.
  await (await fetch(`${origin}/health/ready`, { headers: { traceparent } })).text();
  const spans = await spansOf(traceId, 3);
  expect(spans.map(({ name }) => name).sort()).toEqual(['GET', 'POST /graphql', 'query']);
  expect(JSON.stringify(spans)).not.toContain('nowhere');
  expect(spans.find(({ name }) => name === 'query')).toMatchObject({
    hasFailed: true,
    service: 'exports',
    attributes: { 'error.type': 'BAD_USER_INPUT' },
  });
  expect(spans.find(({ name }) => name === 'GET')).toMatchObject({
    hasFailed: false,
    attributes: { 'http.response.status_code': 404 },
  });
});

it('who hangs up leaves a span that says so, and no status', async () => {
  const { origin } = await start();
  const traceId = '4af7651916cd43dd8448eb211c80319c';
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: a\r\ntraceparent: 00-${traceId}-b7ad6b7169203331-01\r\n` +
      'Content-Type: application/json\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n',
  );
  // 100 Continue: the request has been seen.
  await once(socket, 'data');
  socket.destroy();
  const [span] = await spansOf(traceId, 1);
  expect(span).toMatchObject({
    name: 'POST /graphql',
    hasFailed: true,
    attributes: { 'error.type': 'ABORTED' },
  });
  expect(span?.attributes).not.toHaveProperty(['http.response.status_code']);
});

it('a caller that does not sample gets no spans', async () => {
  const { gateway, origin } = await start();
  const unsampled = '2af7651916cd43dd8448eb211c80319c';
  const sampled = '3af7651916cd43dd8448eb211c80319c';
  const query = '{ __typename }';
  await ask(origin, { query }, { traceparent: `00-${unsampled}-b7ad6b7169203331-00` });
  await ask(origin, { query }, { traceparent: `00-${sampled}-b7ad6b7169203331-01` });
  gateway.kill('SIGTERM');
  // What is not sent yet is sent then.
  expect(await gateway.ended).toBe(0);
  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([sampled]));
});

it('a collector that is away disturbs nobody, and is told of in the log', async () => {
  const { url } = collector;
  await collector.close();
  const { gateway, origin } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
  expect(await ask(origin, { query: '{ __typename }' })).toContain('Query');
  gateway.kill('SIGTERM');
  await gateway.untilLine(/^Traces: the last ones are lost/);
  expect(await gateway.ended).toBe(0);
  collector = await startCollector();
});

it('without the settings for it nothing that makes or sends spans is loaded', async () => {
  const loaded = async (env: Record<string, string>) => {
    const gateway = built.start(folder, { NODE_DEBUG: 'module', ...env });
    await gateway.untilLine(/^Listening /);
    gateway.kill('SIGTERM');
    await gateway.ended;
    const said = gateway.stderr();
    return { fastify: said.includes('/fastify/'), tracing: said.includes('/@opentelemetry/sdk') };
  };
  expect(await loaded({ OTEL_SERVICE_NAME: 'exports' })).toEqual({ fastify: true, tracing: false });
  expect(await loaded({ OTEL_TRACES_EXPORTER: 'otlp' })).toEqual({ fastify: true, tracing: true });
});

import { connect } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportStatus } from '../../src/exports/export.js';
import { apiKeyRow, keyNamed, signToken, tokensAccepted } from '../auth/credentials.js';
import { embedded } from '../support/engines.js';
import { startGateway, useGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { until } from '../support/until.js';
import {
  openHttpStream,
  streamClients,
  type OpenStream,
  type StreamRequest,
} from './stream-clients.js';

const id = exportId(0);
const key = keyNamed('A');
const withKey = { 'x-api-key': key };
const one = `subscription One { exportUpdated(id: "${id}", includeCsv: true) { status csvUrl } }`;
const list = 'subscription List { exportsUpdated { id } }';
const rows = {
  exports: [exportRow(0, { status: ExportStatus.PROCESSING })],
  files: [fileRow(0, ExportFileKind.CSV)],
  keys: [apiKeyRow(key, 'org_demo')],
};
const config = { livePollInterval: 50, ...tokensAccepted() };

const setStatus = ({ source }: Pick<Gateway, 'source'>, status: ExportStatus) =>
  source.query('UPDATE exports SET status = ?, updated_at = ? WHERE id = ?', [
    ...[status, toSqlDateTime(new Date()), id],
  ]);

async function openStreams({ send }: Pick<Gateway, 'send'>, transport: string): Promise<number> {
  const { text } = await send({ path: '/metrics' });
  return Number(new RegExp(`subscriptions_open{transport="${transport}"} (\\d+)`).exec(text)?.[1]);
}

describe.each(streamClients)('a stream by $transport', ({ transport, open }) => {
  const gateway = useGateway(embedded, { ...rows, config });
  const streams: OpenStream[] = [];
  const openStream = async (request: StreamRequest, { origin } = gateway as { origin: string }) => {
    const stream = await open(origin, { headers: withKey, ...request });
    streams.push(stream);
    return stream;
  };
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close();
    await setStatus(gateway, ExportStatus.PROCESSING);
  });
  const firstResult = (stream: OpenStream) => until(() => stream.received[0]);
  const isClosed = async () => ((await openStreams(gateway, transport)) === 0 ? true : undefined);
  /** The line of the request whose operation has this name, once it is written. */
  const lineOf = (operation: string, { log } = gateway as Pick<Gateway, 'log'>) =>
    until(() => log.find((line) => line['msg'] === 'request' && line['operation'] === operation));

  it('sends the states of an export, completes, and has one line in the log', async () => {
    const { log } = gateway;
    log.length = 0;
    const stream = await openStream({ query: one });
    expect(await firstResult(stream)).toEqual({
      data: { exportUpdated: { status: 'PROCESSING', csvUrl: expect.stringContaining('/files/') } },
    });
    await setStatus(gateway, ExportStatus.FAILED);
    expect(await stream.ended).toBe('complete');
    // Clients that subscribe again do so on another connection, and so perhaps to another gateway.
    expect(stream.headers.connection).toBe(transport === 'websocket' ? 'Upgrade' : 'close');
    expect(stream.received).toMatchObject([{}, { data: { exportUpdated: { status: 'FAILED' } } }]);

    const line = await lineOf('One');
    const viewer = { organization: 'org_demo', viewer: rows.keys[0]?.id };
    expect(line).toMatchObject({ ...viewer, status: 200, path: '/graphql', transport, events: 2 });
    expect(line).not.toHaveProperty('code');
    const lines = log.filter((each) => each['requestId'] === line['requestId']);
    // Each result with links is audited, as a response would be.
    const audit = { ...viewer, clientAddress: '127.0.0.1', exportIds: [id], kinds: ['csv'] };
    expect(lines.filter(({ msg }) => msg === 'links disclosed')).toMatchObject([audit, audit]);
    expect(lines.filter(({ msg }) => msg === 'request')).toHaveLength(1);
  });

  it('is measured until it begins, and counts the links of each result', async () => {
    const stream = await openStream({ query: one.replace('One', 'Measured') });
    await firstResult(stream);
    const { text } = await gateway.send({ path: '/metrics' });
    expect(text).toMatch(
      /_duration_seconds_count\{route="\/graphql",status="200",operation="Measured",error_code="none"\} 1/,
    );
    expect(text).toMatch(/^exports_gateway_links_disclosed_total\{kind="csv"\} [1-9]/m);
  });

  it('answers a query with one result', async () => {
    const stream = await openStream({ query: '{ __typename }' });
    expect(await stream.ended).toBe('complete');
    expect(stream.received).toEqual([{ data: { __typename: 'Query' } }]);
  });

  it.each([
    ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription {', 'GRAPHQL_PARSE_FAILED'],
    ['mutation { a }', 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription { exportsUpdated(filter: { search: "\u0000" }) { id } }', 'BAD_USER_INPUT'],
  ])('is refused for %s', async (query, code) => {
    const stream = await openStream({ query });
    expect(await stream.ended).toBe(code);
    expect([stream.status, stream.received]).toEqual([
      transport === 'websocket' ? null : 400,
      [{ errors: [expect.objectContaining({ extensions: expect.objectContaining({ code }) })] }],
    ]);
  });

  it('is unsubscribed when its client disconnects', async () => {
    const stream = await openStream({ query: list.replace('List', 'Disconnected') });
    await until(async () => ((await isClosed()) ? undefined : true));
    stream.close();
    expect(await lineOf('Disconnected')).toMatchObject({ code: 'ABORTED', transport });
    await until(isClosed);
  });

  it.each(['https://evil.example.com', 'null'])(
    'of a page of %s is refused first',
    async (origin) => {
      const stream = await openStream({ query: list, headers: { origin } });
      expect(stream.status).toBe(403);
      const own = await openStream({
        query: '{ __typename }',
        headers: { ...withKey, origin: gateway.origin },
      });
      expect(await own.ended).toBe('complete');
    },
  );

  it('ends when the gateway closes, which waits for nothing', async () => {
    const database = await embedded.provide();
    const closing = await startGateway(database, { ...rows, config });
    const stream = await openStream({ query: one.replace('One', 'Shutdown') }, closing);
    await firstResult(stream);
    await closing.close();
    const ends = { websocket: '1001', sse: 'broken off', multipart: 'SERVICE_UNAVAILABLE' };
    expect(await stream.ended).toBe(ends[transport]);
    expect(await lineOf('Shutdown', closing)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await database.dispose();
  });
});

describe('streams of a token that expires', () => {
  const gateway = useGateway(embedded, { ...rows, config });

  it('end so that their clients connect again, and learn of it', async () => {
    const token = await signToken({ org_id: 'org_demo' }, { lifetime: '2s' });
    const headers = { authorization: `Bearer ${token}` };
    const openAll = () =>
      Promise.all(streamClients.map(({ open }) => open(gateway.origin, { query: list, headers })));
    const endOf = (streams: readonly OpenStream[]) =>
      Promise.all(streams.map(({ ended }) => ended));
    expect(await endOf(await openAll())).toEqual(['4403', 'broken off', 'UNAUTHENTICATED']);
    const lines = gateway.log.filter(({ operation }) => operation === 'List');
    expect(lines.map(({ code }) => code)).toEqual(Array(3).fill('UNAUTHENTICATED'));

    const retries = await openAll();
    expect(await endOf(retries)).toEqual(['4403', 'UNAUTHENTICATED', 'UNAUTHENTICATED']);
    const challenge = { 'www-authenticate': 'Bearer error="invalid_token"' };
    const refusal = { status: 401, headers: expect.objectContaining(challenge) };
    expect(retries.slice(1)).toMatchObject([refusal, refusal]);
  });
});

describe('a stream of Server-Sent Events by GET', () => {
  const gateway = useGateway(embedded, { config: { livePollInterval: 50 } });
  const accept = 'text/event-stream';
  const openByGet = (headers: Record<string, string>) =>
    openHttpStream(gateway.origin, { method: 'GET', accept, query: list, headers });

  it('needs no header that a browser asks about first', async () => {
    const stream = await openByGet({});
    expect([stream.status, stream.headers['content-type']]).toEqual([
      200,
      `${accept}; charset=utf-8`,
    ]);
    stream.close();
  });

  it('is unsubscribed with its connection, also behind another stream', async () => {
    const target = `/graphql?query=${encodeURIComponent(list)}`;
    const { port, hostname } = new URL(gateway.origin);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n\r\n`.repeat(20),
    );
    const count = () => openStreams(gateway, 'sse');
    await until(async () => (await count()) === 20 || undefined);
    socket.destroy();
    await until(async () => (await count()) === 0 || undefined);
  });

  it.each([
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
    [{ origin: 'null' }, 403],
  ])(
    'with the headers %j of a browser has the status %i, also without authentication',
    async (headers, status) => {
      const stream = await openByGet(headers);
      expect(stream.status).toBe(status);
      stream.close();
    },
  );
});

import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterEach, describe, expect, it } from '@jest/globals';

import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { embedded } from '../support/engines.js';
import { keysRequired, useGateway } from '../support/gateway.js';
import { until } from '../support/until.js';
import { connectWebSocket } from './stream-clients.js';

const key = keyNamed('A');
const gateway = useGateway(embedded, {
  config: keysRequired,
  keys: [apiKeyRow(key, 'org_a')],
});
const clients: ReturnType<typeof connectWebSocket>[] = [];
const connectClient = (options?: Parameters<typeof connectWebSocket>[1]) => {
  const client = connectWebSocket(gateway.origin, options);
  clients.push(client);
  return client;
};
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.terminate();
});

const withKey = { headers: { 'x-api-key': key } };
const init = { type: 'connection_init' };
const subscribe = (id: string, query = 'subscription { exportsUpdated { id } }') => ({
  ...{ id, type: 'subscribe', payload: { query } },
});

describe('a WebSocket', () => {
  it('is never compressed', async () => {
    const { headers } = await connectClient(withKey).opened;
    expect(headers['sec-websocket-extensions']).toBeUndefined();
  });

  it.each([
    ['no credentials', init],
    ['an unknown key', { ...init, payload: { 'X-API-Key': keyNamed('B') } }],
    ['a key that is not text', { ...init, payload: { 'X-API-Key': {} } }],
  ])('with %s closes so that its client asks for new ones', async (_case, message) => {
    const client = connectClient();
    await client.send(message);
    const reason = 'Valid credentials are needed: an X-API-Key header or a bearer token.';
    expect(await client.closed).toEqual({ code: 4403, reason });
    const refused = gateway.log.filter(({ msg }) => msg === 'UnauthenticatedError');
    expect(refused.at(-1)).toMatchObject({
      requestId: expect.any(String),
      cause: expect.any(String),
    });
  });

  it.each([
    ['a header', withKey, {}],
    ['connectionParams', {}, { 'x-Api-Key': key }],
    ['both', withKey, { 'X-API-Key': key }],
  ])('is acknowledged with a key by %s', async (_case, options, payload) => {
    const client = connectClient(options);
    await client.send({ ...init, payload });
    await client.untilMessage('connection_ack');
  });

  it.each<[title: string, code: number, messages: (object | string)[], protocol?: string]>([
    ['no protocol', 4406, [], ''],
    ['an invalid message', 4400, ['{']],
    ['a message that only gateways send', 4400, [init, { ...subscribe('1'), type: 'next' }]],
    ['a subscription before the acknowledgement', 4401, [subscribe('1')]],
    ['no initialisation in time', 4408, []],
    ['two initialisations', 4429, [init, init]],
    ['an id that is in use', 4409, [init, subscribe('1'), subscribe('1')]],
    ['a message of more than 256 KiB', 1009, [`"${'x'.repeat(256 * 1024)}"`]],
  ])(
    'with %s closes with %i',
    async (_title, code, messages, protocol = 'graphql-transport-ws') => {
      const client = connectClient({ ...withKey, protocol });
      for (const message of messages) {
        await client.send(message);
        if (message === init && messages.at(-1) !== init)
          await client.untilMessage('connection_ack');
      }
      expect((await client.closed).code).toBe(code);
      expect(gateway.log.filter(({ level }) => Number(level) > 40)).toEqual([]);
    },
  );

  it('answers a ping before the acknowledgement, without its payload', async () => {
    const client = connectClient();
    await client.send({ type: 'ping', payload: { text: 'x'.repeat(200_000) } });
    expect(await client.untilMessage('pong')).toEqual({ type: 'pong' });
  });

  it('ends operations with a clear error beyond a thousand', async () => {
    const client = connectClient(withKey);
    await client.send(init);
    await client.untilMessage('connection_ack');
    await client.send(...Array.from({ length: 1_001 }, (_, index) => subscribe(String(index))));
    const { payload } = await client.untilMessage('error');
    expect(payload).toEqual([
      {
        message:
          'A connection can have 1000 operations at once: ' +
          'complete some of them, or open another connection.',
        extensions: { code: 'BAD_REQUEST' },
      },
    ]);
    // Others go on.
    await client.send({ id: '1', type: 'complete' }, subscribe('query', '{ __typename }'));
    await client.untilMessage('complete', 'query');
  });

  it('serves queries and subscriptions side by side, each with an id and a line of its own', async () => {
    const client = connectClient({ headers: { 'x-request-id': 'page', 'x-api-key': key } });
    await client.send(init);
    await client.untilMessage('connection_ack');
    await client.send(subscribe('a'), subscribe('b', 'query Named { __typename }'));
    expect(await client.untilMessage('next', 'b')).toMatchObject({
      payload: { data: { __typename: 'Query' } },
    });
    await client.send({ id: 'a', type: 'complete' });
    const lines = await until(() => {
      const found = gateway.log.filter(
        ({ msg, requestId }) => msg === 'request' && String(requestId).startsWith('page'),
      );
      return found.length === 3 ? found : undefined;
    });
    expect(lines).toMatchObject([
      { requestId: 'page', method: 'GET', status: 101 },
      { requestId: 'page:2', operation: 'Named', status: 200, organization: 'org_a' },
      { requestId: 'page:1', status: 200, transport: 'websocket', events: 0 },
    ]);
    expect(lines.map(({ code }) => code)).toEqual([undefined, undefined, undefined]);
  });
});

describe('a request that offers another protocol', () => {
  const exchange = async (target: string, body: string, upgrade: string) => {
    const { port, hostname } = new URL(gateway.origin);
    const socket = connect(Number(port), hostname);
    const fields = ['Host: localhost', 'Content-Type: application/json', `X-API-Key: ${key}`];
    const offer = [
      `Upgrade: ${upgrade}`,
      'Connection: Upgrade, HTTP2-Settings',
      'HTTP2-Settings: AAA',
    ];
    const length = `Content-Length: ${body.length}`;
    const head = [`POST ${target} HTTP/1.1`, ...fields, ...offer, length].join('\r\n');
    // The rest of the body arrives later.
    socket.write(`${head}\r\n\r\n${body.slice(0, 5)}`);
    setImmediate(() => socket.end(body.slice(5)));
    return text(socket);
  };

  it.each([
    ['HEAD', 400],
    ['POST', 415],
  ])('by %s is served as one that does not offer it', async (method, status) => {
    const headers = ['x-api-key', key];
    const offer = ['connection', 'close, upgrade', 'upgrade', 'websocket'];
    expect(await gateway.send({ method, headers })).toMatchObject({ status });
    expect(await gateway.send({ method, headers: [...headers, ...offer] })).toMatchObject({
      status,
      headers: { connection: 'close' },
    });
  });

  it('keeps its connection', async () => {
    const { port, hostname } = new URL(gateway.origin);
    const socket = connect(Number(port), hostname);
    let received = '';
    socket.on('data', (data: Buffer) => (received += data.toString()));
    const responses = () => received.split('HTTP/1.1 200 OK').length - 1;
    const head = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n';
    socket.write(`${head}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`);
    await until(() => (responses() === 1 ? true : undefined));
    socket.write(`${head}Connection: close\r\n\r\n`);
    await once(socket, 'close');
    expect(responses()).toBe(2);
  });

  it.each([
    ['/graphql', 'h2c', 'HTTP/1.1 200 OK'],
    ['/missing', 'websocket', 'HTTP/1.1 404 Not Found'],
  ])('at %s is served as one that does not offer %s', async (target, upgrade, status) => {
    const response = await exchange(target, '{"query":"{ __typename }"}', upgrade);
    expect(response.split('\r\n', 1)).toEqual([status]);
    expect(response.includes('{"data":{"__typename":"Query"}}')).toBe(target === '/graphql');
  });
});

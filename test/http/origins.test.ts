import { describe, expect, it } from '@jest/globals';

import { createOriginCheck, isForeignHost } from '../../src/http/origins.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { embedded } from '../support/engines.js';
import { keysRequired, useGateway } from '../support/gateway.js';
import { until } from '../support/until.js';
import { connectWebSocket } from './stream-clients.js';

const PUBLIC = 'https://example.com/exports';

describe('the origins whose pages may open streams', () => {
  const config = { publicUrl: PUBLIC, corsOrigins: ['https://app.example.com'] };
  const own = (kind: 'off' | 'required', origin: string, host = 'inside:4000') =>
    createOriginCheck({ ...config, auth: { kind } }, () => 4000)(origin, host);

  it.each([
    ['https://example.com', true],
    ['https://app.example.com', true],
    ['http://localhost:4000', true],
    ['http://127.0.0.1:4000', true],
    ['http://[::1]:4000', true],
    ['http://localhost:3000', false],
    ['http://localhost', false],
    ['http://example.com', false],
    ['https://example.com/exports', false],
    ['https://evil.example.com', false],
    ['null', false],
    ['', false],
  ])('include %s: %p, with and without authentication', (origin, isOwn) => {
    expect([own('off', origin), own('required', origin)]).toEqual([isOwn, isOwn]);
  });

  it.each([
    ['http://inside:4000', true],
    ['https://inside:4000', true],
    ['http://inside', false],
  ])('include the host of the request, %s, only with authentication', (origin, isOwn) => {
    expect([own('off', origin), own('required', origin)]).toEqual([false, isOwn]);
  });
});

describe('DNS rebinding', () => {
  it.each([
    ['localhost', false],
    ['LOCALHOST:4000', false],
    ['127.0.0.1:4000', false],
    ['10.0.0.7', false],
    ['[::1]:4000', false],
    ['[2001:db8::1]', false],
    ['example.com', false],
    ['example.com:8443', false],
    ['evil.example.com', true],
    ['localhost.evil.com', true],
    ['127.0.0.1.nip.io', true],
    ['1', true],
    ['', true],
  ])('needs a Host of another name: %s, %p', (host, isForeign) => {
    expect(isForeignHost(host, PUBLIC)).toBe(isForeign);
    expect(isForeignHost('example.com', null)).toBe(true);
  });

  const open = useGateway(embedded);
  const guarded = useGateway(embedded, {
    config: keysRequired,
    keys: [apiKeyRow(keyNamed('A'), 'org_a')],
  });
  const elsewhere = useGateway(embedded, { config: { host: '0.0.0.0' } });
  const paths = ['/graphql?query={__typename}', '/health/live', '/metrics', '/files/a', '/missing'];

  it.each(paths)('gets 421 for %s from an open gateway on loopback', async (path) => {
    const headers = ['host', 'evil.example.com', 'apollo-require-preflight', '1'];
    const { status, text } = await open.send({ path, headers });
    expect([status, text]).toEqual([421, expect.stringContaining('"code":"MISDIRECTED_REQUEST"')]);
    for (const other of [guarded, elsewhere]) {
      expect((await other.send({ path, headers })).status).not.toBe(421);
    }
  });

  it('gets 421 instead of a WebSocket, and is disconnected', async () => {
    const { opened } = connectWebSocket(open.origin, { headers: { host: 'evil.example.com' } });
    const { statusCode, socket } = await opened;
    expect(statusCode).toBe(421);
    await until(() => socket.destroyed || undefined);
  });
});

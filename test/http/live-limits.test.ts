import 'reflect-metadata';

import { afterEach, describe, expect, it } from '@jest/globals';
import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';

import { ExportStatus } from '../../src/exports/export.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { describeWith } from '../support/describe-with.js';
import { embedded, mysql } from '../support/engines.js';
import { keysRequired, useGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';
import { until } from '../support/until.js';

/** What the client of a subscription learns first: its error, or null once it has begun. */
interface Begun {
  readonly error: { readonly message: string; readonly code: string } | null;
  readonly end: () => void;
}
interface Errors {
  readonly errors: readonly [{ message: string; extensions: { code: string } }];
}

const query = `subscription { exportUpdated(id: "${exportId(0)}") { id status files { kind } } }`;
const opened: Begun[] = [];

afterEach(() => {
  for (const { end } of opened.splice(0)) end();
});

async function begin(begun: Promise<Begun>): Promise<Begun> {
  opened.push(await begun);
  return begun;
}

const byHttp = (accept: string) => async (origin: string, key?: string) => {
  const client = new AbortController();
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json', ...(key && { 'x-api-key': key }) },
    body: JSON.stringify({ query }),
    signal: client.signal,
  });
  const end = () => {
    client.abort();
  };
  if (response.status === 200) return { error: null, end };
  expect(response.status).toBe(503);
  return { error: errorOf((await response.json()) as Errors), end };
};

function connect(origin: string, key?: string): Client {
  return createClient({
    url: `${origin}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: key === undefined ? {} : { 'x-api-key': key },
    retryAttempts: 0,
  });
}

function byWebSocket(origin: string, key?: string, client = connect(origin, key)): Promise<Begun> {
  const end = () => void client.dispose();
  return new Promise((resolve) => {
    client.subscribe(
      { query },
      {
        next: () => {
          resolve({ error: null, end });
        },
        error: (errors) => {
          // Else the connection has ended.
          if (Array.isArray(errors))
            resolve({ error: errorOf({ errors } as unknown as Errors), end });
        },
        complete: () => undefined,
      },
    );
  });
}

function errorOf({ errors: [{ message, extensions }] }: Errors): Begun['error'] {
  return { message, code: extensions.code };
}

const transports = [
  ['Server-Sent Events', byHttp('text/event-stream')],
  ['multipart', byHttp('multipart/mixed;subscriptionSpec=1.0')],
  ['WebSocket', byWebSocket],
] as const;

const status = ExportStatus.PROCESSING;
const running = exportRow(0, { status });

async function metric(gateway: Gateway, name: string): Promise<number> {
  const { text } = await gateway.send({ path: '/metrics' });
  const lines = text.split('\n').filter((line) => line.startsWith(`exports_gateway_${name}`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const untilOpen = (gateway: Gateway, count: number) =>
  until(async () => (await metric(gateway, 'subscriptions_open')) === count || undefined);

const tooMany = (limit: string) => ({
  code: 'SERVICE_UNAVAILABLE',
  message: expect.stringContaining(`This gateway serves ${limit} at most`),
});

describe('a gateway with LIVE_MAX_SUBSCRIPTIONS=8', () => {
  const gateway = useGateway(embedded, {
    each: true,
    config: { ...keysRequired, liveMaxSubscriptions: 8 },
    exports: [running, exportRow(1, { status, organizationId: 'org_b' })],
    keys: ['org_demo', 'org_b'].map((each) => apiKeyRow(keyNamed(each), each)),
  });

  it.each(transports)(
    'by %s, serves two of one organization, and a third once one of them has ended',
    async (_, transport) => {
      const subscribe = () => begin(transport(gateway.origin, keyNamed('org_demo')));
      const first = await subscribe();
      expect([first.error, (await subscribe()).error]).toEqual([null, null]);
      expect((await subscribe()).error).toEqual(tooMany('2 subscriptions of an organization'));
      expect(await metric(gateway, 'requests_rejected_total{reason="subscriptions"}')).toBe(1);
      first.end();
      await untilOpen(gateway, 1);
      expect((await subscribe()).error).toBeNull();
      const { error } = await begin(transport(gateway.origin, keyNamed('org_b')));
      expect(error).toBeNull();
    },
  );
});

describe('a gateway with LIVE_MAX_SUBSCRIPTIONS=3 and without authentication', () => {
  const gateway = useGateway(embedded, {
    each: true,
    config: { liveMaxSubscriptions: 3 },
    exports: [running],
  });

  it.each(transports)('serves three by %s, however many come at once', async (_, transport) => {
    const all = Array.from({ length: 12 }, () => begin(transport(gateway.origin)));
    const errors = (await Promise.all(all)).map(({ error }) => error);
    expect(errors.filter((error) => error === null)).toHaveLength(3);
    expect(errors.find((error) => error !== null)).toEqual(tooMany('3 subscriptions'));
    expect(await metric(gateway, 'subscriptions_open')).toBe(3);
  });

  it.each(transports)(
    'has room again after an export that was followed by %s',
    async (_, transport) => {
      await Promise.all([1, 2, 3].map(() => begin(transport(gateway.origin))));
      const sql = "UPDATE exports SET status = 'completed', updated_at = ? WHERE id = ?";
      await gateway.source.query(sql, [new Date().toISOString(), exportId(0)]);
      await untilOpen(gateway, 0);
      expect((await begin(transport(gateway.origin))).error).toBeNull();
    },
  );
});

describe('a gateway with 1,000 open streams', () => {
  const gateway = useGateway(embedded, { exports: [running] });

  it('runs queries as if there were none', async () => {
    const client = connect(gateway.origin);
    for (let count = 0; count < 1_000; count++) {
      expect((await begin(byWebSocket(gateway.origin, '', client))).error).toBeNull();
    }
    expect(await metric(gateway, 'subscriptions_open')).toBe(1_000);
    expect(await metric(gateway, 'graphql_requests_in_flight')).toBe(0);
    expect((await gateway.query('{ exports { data { id } } }')).status).toBe(200);
    expect(await metric(gateway, 'graphql_requests_queued')).toBe(0);
  });
});

describeWith('mysql', 'the load shedder of a gateway on MySQL', () => {
  const exports = [...Array(60).keys()].map((index) => exportRow(index, { status }));
  const gateway = useGateway(mysql, { each: true, exports, config: { livePollInterval: 100 } });
  const inFlight = () => metric(gateway, 'graphql_requests_in_flight');

  it('has room for queries whatever the number of events', async () => {
    const client = connect(gateway.origin);
    const query = 'subscription ($id: ID!) { exportUpdated(id: $id) { files { state } } }';
    let received = 0;
    const sink = { next: () => received++, error: () => undefined, complete: () => undefined };
    for (const { id } of exports) client.subscribe({ query, variables: { id } }, sink);
    await until(() => received === 60 || undefined);
    const runner = gateway.source.createQueryRunner();
    await runner.query('LOCK TABLES export_files WRITE, exports WRITE');
    try {
      await runner.query('UPDATE exports SET count_total = 11, updated_at = UTC_TIMESTAMP(3)');
      await runner.query('LOCK TABLES export_files WRITE');
      await until(async () => (await inFlight()) >= 20 || undefined);
      expect((await gateway.query('{ exports { data { id } } }')).status).toBe(200);
      expect([await inFlight(), await metric(gateway, 'graphql_requests_queued')]).toEqual([20, 0]);
      await runner.query('UNLOCK TABLES');
      await until(() => received === 120 || undefined);
    } finally {
      await runner.release();
      await client.dispose();
    }
  });

  it('counts the work that an event causes', async () => {
    const [[, bySse]] = transports;
    await begin(bySse(gateway.origin));
    const runner = gateway.source.createQueryRunner();
    await runner.query('LOCK TABLES export_files WRITE, exports WRITE');
    try {
      const sql = 'UPDATE exports SET count_total = 11, updated_at = UTC_TIMESTAMP(3)';
      await runner.query(sql);
      await runner.query('LOCK TABLES export_files WRITE');
      await until(async () => (await inFlight()) === 1 || undefined);
      await runner.query('UNLOCK TABLES');
      await until(async () => (await inFlight()) === 0 || undefined);
    } finally {
      await runner.release();
    }
  });
});

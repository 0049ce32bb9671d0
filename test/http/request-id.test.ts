import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { until } from '../support/until.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';

describe('the id of a request', () => {
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

  /** The id that an answer has, and that the log has for it. */
  async function idsOf(
    path: string,
    init: RequestInit,
  ): Promise<[received: string | null, logged: unknown]> {
    const before = gateway.log.length;
    const response = await fetch(gateway.origin + path, init);
    await response.arrayBuffer();
    const line = await until(() => gateway.log.slice(before).find(({ msg }) => msg === 'request'));
    return [response.headers.get('x-request-id'), line['requestId']];
  }
  const given = (id: string): RequestInit => ({ headers: { 'x-request-id': id } });

  it.each([
    'a',
    '7f3c1a52-5b0e-4a7e-9a51-3a1f6b1f1c55',
    'Root=1-67891233-abcdef012345678912345678',
    'a:b/c+d=_.-',
    'x'.repeat(128),
  ])('is that of the caller when that is sane: %s', async (id) => {
    expect(await idsOf('/health/live', given(id))).toEqual([id, id]);
  });

  it.each([
    '',
    'x'.repeat(129),
    'a b',
    'a"b',
    '{"level":60}',
    'someone@example.com',
    'größe',
    'a, b',
  ])('is a new one when that of the caller is not: %j', async (id) => {
    const [received, logged] = await idsOf('/health/live', given(id));
    expect(received).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(logged).toBe(received);
  });

  it.each([
    ['/graphql', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }],
    ['/nowhere', {}],
    ['/files/a', {}],
    ['/%zz', {}],
  ])(
    'is a new one for each request without, and returned with errors, too: %s',
    async (path, init) => {
      const [first, logged] = await idsOf(path, init);
      const [second] = await idsOf(path, init);
      expect(first).toBe(logged);
      expect(first).not.toBe(second);
    },
  );
});

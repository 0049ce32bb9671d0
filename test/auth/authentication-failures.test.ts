import { describe, expect, it } from '@jest/globals';

import { embedded } from '../support/engines.js';
import { keysRequired, useGateway, type Gateway } from '../support/gateway.js';
import { apiKeyRow, keyNamed, listExports, signToken, tokensAccepted } from './credentials.js';

const [key, revoked, expired] = [keyNamed('valid'), keyNamed('revoked'), keyNamed('expired')];
const past = new Date('2026-01-02T00:00:00.000Z');
const keys = [
  apiKeyRow(key, 'org_a'),
  apiKeyRow(revoked, 'org_a', { revokedAt: past }),
  apiKeyRow(expired, 'org_a', { expiresAt: past }),
];

async function bearer(claims: object, options = {}): Promise<string> {
  return `Bearer ${await signToken({ org_id: 'org_a', ...claims }, options)}`;
}

/** The failures that a gateway has counted, by their cause. */
async function countedFailures(gateway: Gateway): Promise<Map<string, number>> {
  const { text } = await gateway.send({ path: '/metrics' });
  const lines = text.matchAll(
    /^exports_gateway_authentication_failures_total\{cause="(\w+)"\} (\d+)$/gm,
  );
  return new Map([...lines].map(([, cause = '', count]) => [cause, Number(count)]));
}

/** Expects that a request fails, and that only this cause has one failure more. */
async function expectCounted(gateway: Gateway, cause: string, credentials: readonly string[]) {
  const before = await countedFailures(gateway);
  const { status, headers } = await listExports(gateway, credentials);
  const hasToken = credentials.some((value) => value.startsWith('Bearer '));
  const challenge = hasToken ? 'Bearer error="invalid_token"' : 'Bearer';
  expect([status, headers['www-authenticate']]).toEqual([401, challenge]);
  expect(await countedFailures(gateway)).toEqual(before.set(cause, (before.get(cause) ?? NaN) + 1));
}

describe('a gateway with keys and tokens', () => {
  const gateway = useGateway(embedded, { config: tokensAccepted(), keys });

  it.each([
    ['no_credentials', async () => []],
    ['malformed', async () => ['authorization', 'Basic eDp5']],
    ['ambiguous', async () => ['x-api-key', key, 'authorization', await bearer({})]],
    ['key_unknown', async () => ['x-api-key', keyNamed('unknown')]],
    ['key_revoked', async () => ['x-api-key', revoked]],
    ['key_expired', async () => ['x-api-key', expired]],
    ['token_invalid', async () => ['authorization', 'Bearer a.b.c']],
    [
      'token_invalid',
      async () => ['authorization', await bearer({}, { secret: 'another secret' })],
    ],
    ['token_expired', async () => ['authorization', await bearer({}, { lifetime: '-1h' })]],
    ['token_claims', async () => ['authorization', await bearer({ org_id: '' })]],
    ['token_claims', async () => ['authorization', await bearer({ nbf: 4e9 })]],
  ])(
    'counts a failed authentication by its cause, and names an invalid token: %s',
    async (cause, headers) => {
      await expectCounted(gateway, cause, await headers());
    },
  );

  it('counts no successful authentication', async () => {
    const before = await countedFailures(gateway);
    for (const headers of [
      ['x-api-key', key],
      ['authorization', await bearer({})],
    ]) {
      expect((await listExports(gateway, headers)).status).toBe(200);
    }
    expect(await countedFailures(gateway)).toEqual(before);
  });
});

describe('a gateway with keys only', () => {
  const gateway = useGateway(embedded, { config: keysRequired, keys });

  it('counts a token, which it cannot verify', async () => {
    await expectCounted(gateway, 'tokens_off', ['authorization', await bearer({})]);
  });
});

import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';

import { expect } from '@jest/globals';
import { pino } from 'pino';

import { ApiKey, hashApiKey } from '../../src/auth/api-key.js';
import { ApiKeyRepository } from '../../src/auth/api-key-repository.js';
import { createTestDataSource } from '../support/data-source.js';
import { openDatabase } from '../../src/database/open-database.js';
import type { EngineDatabase } from '../support/engines.js';
import type { Gateway } from '../support/gateway.js';
import { entities } from '../../src/entities.js';

/** A key of the tests by a name, in the form of a real one. */
export function keyNamed(name: string): string {
  return `egk_${name.padEnd(43, 'Aa0-_')}`;
}

/** The row of a key. */
export function apiKeyRow(
  key: string,
  organizationId: string,
  changes: { expiresAt?: Date; revokedAt?: Date } = {},
): ApiKey {
  const keyHash = hashApiKey(key);
  return Object.assign(new ApiKey(), {
    id: `key_${keyHash.slice(0, 22)}`,
    organizationId,
    name: 'A key of the tests',
    keyHash,
    createdAt: new Date('2026-01-01T00:00:00.000Z'),
    expiresAt: null,
    revokedAt: null,
    ...changes,
  });
}

/** Adds keys to a database, and its tables before: a gateway does not start where there are none. */
export async function addKeys(
  { config }: Pick<EngineDatabase, 'config'>,
  keys: readonly ApiKey[],
): Promise<void> {
  const logger = pino({ level: 'silent' });
  const source = await createTestDataSource(config);
  await source.initialize();
  await source.runMigrations();
  await source.destroy();
  const database = await openDatabase(config, { entities, logger });
  const repository = new ApiKeyRepository(database);
  for (const key of keys) await repository.add(key);
  await database.close();
}

/** An answer to the byte, and what the gateway did for it. */
export interface RawResponse {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly statements: readonly string[];
  /** Causes of refusals that were logged. */
  readonly causes: readonly unknown[];
}

export const whoAmI = JSON.stringify({ query: '{ exports(limit: 100) { data { id } } }' });

/** Posts a query with headers exactly as listed, name after value, doubled ones too. */
export async function askWith(
  gateway: Pick<Gateway, 'origin' | 'log'>,
  headers: readonly string[],
  body = whoAmI,
): Promise<RawResponse> {
  const logBefore = gateway.log.length;
  const sent = request(`${gateway.origin}/graphql`, {
    method: 'POST',
    agent: false,
    headers: [
      'Host',
      new URL(gateway.origin).host,
      'Content-Type',
      'application/json',
      'Content-Length',
      String(Buffer.byteLength(body)),
      'Connection',
      'close',
      ...headers,
    ],
  });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  const received = { ...response.headers };
  delete received.date;
  delete received['x-request-id'];
  const logged = gateway.log.slice(logBefore);
  return {
    status: response.statusCode,
    headers: received,
    text,
    statements: logged.flatMap(({ sql }) => (typeof sql === 'string' ? [sql] : [])),
    causes: logged.flatMap(({ msg, cause }) => (msg === 'UnauthenticatedError' ? [cause] : [])),
  };
}

/** The one answer to whoever is not known. */
export const refusal =
  '{"errors":[{"message":"Valid credentials are needed: an X-API-Key header or a bearer token.",' +
  '"extensions":{"code":"UNAUTHENTICATED"}}]}';

/** Expects the refusal, to the byte and to the header, with no word of why. */
export async function expectRefusal(
  gateway: Pick<Gateway, 'origin' | 'log'>,
  headers: readonly string[],
  cause: RegExp | string,
): Promise<RawResponse> {
  const answer = await askWith(gateway, headers);
  const bare = await askWith(gateway, []);
  expect({ status: answer.status, text: answer.text }).toEqual({ status: 401, text: refusal });
  expect(answer.headers).toEqual(bare.headers);
  expect(answer.headers['cache-control']).toBe('private, no-store');
  expect(answer.causes).toEqual([expect.stringMatching(cause)]);
  expect(answer.statements.filter((sql) => !sql.includes('api_keys'))).toEqual([]);
  return answer;
}

/** Expects none of these texts, nor their hashes, in anything the gateway has logged. */
export function expectNotLogged(gateway: Pick<Gateway, 'log'>, secrets: readonly string[]): void {
  const log = JSON.stringify(gateway.log);
  for (const each of secrets) {
    expect(log).not.toContain(each);
    expect(log).not.toContain(hashApiKey(each));
  }
}

/** The ids of exports in the answer to `whoAmI`. */
export function idsIn({ status, text }: RawResponse): string[] {
  expect([status, text]).toEqual([200, expect.stringContaining('"data"')]);
  const { data } = JSON.parse(text) as { data: { exports: { data: { id: string }[] } } };
  return data.exports.data.map(({ id }) => id);
}

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

import { runCommand } from './run-command.js';
import { isOrganizationId } from '../config/auth.js';
import { readDatabaseConfig } from '../config/config.js';
import { redactedUrl } from '../database/connect.js';
import { openDatabase } from '../database/open-database.js';
import { errorCode, StartupError } from '../errors.js';
import { createLogger } from '../logger.js';
import { ApiKeyRepository } from '../auth/api-key-repository.js';
import { ApiKey, hashApiKey, generateApiKey } from '../auth/api-key.js';
import { entities } from '../entities.js';

const usage = [
  'Write one of:',
  '  npm run api-key -- create --organization ORG --name NAME [--days N]',
  '  npm run api-key -- list [--organization ORG]',
  '  npm run api-key -- revoke ID',
].join('\n');

const DAY_MS = 24 * 60 * 60 * 1_000;

await runCommand(async (environment) => {
  const work = workOf(process.argv.slice(2));
  const config = readDatabaseConfig(environment);
  const database = await openDatabase(config, { entities, logger: createLogger('warn') });
  try {
    process.stdout.write(`${await work(new ApiKeyRepository(database), redactedUrl(config))}\n`);
  } catch (error) {
    throw inWords(error, redactedUrl(config));
  } finally {
    await database.close();
  }
});

/** A refusal of the database, without the statement, which holds the hash of a key; other errors as they are. */
function inWords(error: unknown, place: string): unknown {
  const code = errorCode(error);
  if (error instanceof StartupError || code === undefined) return error;
  const advice = 'The user of DATABASE_URL needs SELECT, INSERT and UPDATE on api_keys.';
  return new StartupError([`The keys in ${place} cannot be changed (${code}). ${advice}`], {
    cause: error,
  });
}

/** What the arguments ask for: something to do with the keys, which gives the words to print. Throws StartupError. */
function workOf(
  args: readonly string[],
): (keys: ApiKeyRepository, place: string) => Promise<string> {
  const { values, positionals } = parse(args);
  const { organization, name, days } = values;
  const [verb, id, ...rest] = positionals;
  if (organization !== undefined && !isOrganizationId(organization)) {
    throw new StartupError(['--organization must be 1 to 64 ASCII characters without spaces.']);
  }
  if (days !== undefined && !/^[1-9]\d{0,4}$/.test(days)) {
    throw new StartupError(['--days must be a whole number from 1 to 99999.']);
  }
  const expiresAt = days === undefined ? null : new Date(Date.now() + Number(days) * DAY_MS);
  if (verb === 'create' && organization !== undefined && name !== undefined && id === undefined) {
    if (name === '' || Array.from(name).length > 255) {
      throw new StartupError(['--name must have 1 to 255 characters.']);
    }
    return (keys, place) => create(keys, { organization, name, expiresAt, place });
  }
  if (verb === 'list' && id === undefined) return (keys) => list(keys, organization ?? null);
  if (verb === 'revoke' && id !== undefined && rest.length === 0) return (keys) => revoke(keys, id);
  throw new StartupError([usage]);
}

function parse(args: readonly string[]) {
  try {
    const text = { type: 'string' } as const;
    const options = { organization: text, name: text, days: text };
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError([reason, usage], { cause: error });
  }
}

async function create(
  keys: ApiKeyRepository,
  {
    organization,
    name,
    expiresAt,
    place,
  }: { organization: string; name: string; expiresAt: Date | null; place: string },
): Promise<string> {
  const key = generateApiKey();
  const row = Object.assign(new ApiKey(), {
    id: newId(),
    organizationId: organization,
    name,
    keyHash: hashApiKey(key),
    createdAt: new Date(),
    expiresAt,
    revokedAt: null,
  });
  await keys.add(row);
  return [
    `Key ${row.id} of ${organization} is in ${place}. This is the only time it is shown:`,
    '',
    key,
    '',
    'Send it as the header X-API-Key.',
  ].join('\n');
}

async function list(keys: ApiKeyRepository, organization: string | null): Promise<string> {
  const found = await keys.list(organization);
  const lines = found.map((key) =>
    [key.id, key.organizationId, stateOf(key), key.createdAt.toISOString(), key.name].join('  '),
  );
  return lines.length === 0 ? 'There are no keys.' : lines.join('\n');
}

function stateOf({ revokedAt, expiresAt }: ApiKey): string {
  if (revokedAt !== null) return `revoked ${revokedAt.toISOString()}`;
  if (expiresAt === null) return 'usable';
  const word = expiresAt <= new Date() ? 'expired' : 'usable until';
  return `${word} ${expiresAt.toISOString()}`;
}

async function revoke(keys: ApiKeyRepository, id: string): Promise<string> {
  if (!(await keys.has(id)))
    throw new StartupError([`There is no key ${id}. npm run api-key -- list shows them.`]);
  await keys.revoke(id, new Date());
  return `Key ${id} is revoked; gateways that still know it forget it within 15 seconds.`;
}

function newId(): string {
  const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  return `key_${Array.from({ length: 22 }, () => base58[randomInt(base58.length)]).join('')}`;
}

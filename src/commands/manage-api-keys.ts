import { randomInt } from 'node:crypto';

import { ApiKeyRepository } from '../auth/api-key-repository.js';
import { generateApiKey, hashApiKey, type ApiKey } from '../auth/api-key.js';
import { CACHE_TTL_MS } from '../auth/api-keys.js';
import { isOrganizationId } from '../config/auth.js';
import type { DatabaseConfig } from '../config/database.js';
import { redactedUrl } from '../database/connect.js';
import { openDatabase } from '../database/open-database.js';
import { entities } from '../entities.js';
import { errorCode, StartupError } from '../errors.js';
import { createLogger } from '../logger.js';
import { parseCommandLine } from './run-command.js';

const USAGE = `Usage:
  npm run api-key -- create --organization ORG --name NAME [--days N] [--no-files]
  npm run api-key -- list [--organization ORG]
  npm run api-key -- revoke ID`;

const DAY_MS = 24 * 60 * 60 * 1_000;

/** `location` names the database in the text. */
type Command = (keys: ApiKeyRepository, location: string) => Promise<string>;

/** Creates, lists or revokes API keys and returns the text to print. Throws StartupError. */
export async function manageApiKeys(args: string[], config: DatabaseConfig): Promise<string> {
  const command = parseCommand(args);
  const location = redactedUrl(config);
  const database = await openDatabase(config, { entities, logger: createLogger('warn') });
  try {
    return await command(new ApiKeyRepository(database), location);
  } catch (error) {
    const code = errorCode(error);
    if (error instanceof StartupError || code === undefined) throw error;
    // The error itself contains the statement, and with it the hash of a key.
    const problem = `The API keys in ${location} cannot be read or changed (${code}).`;
    const advice = 'Grant SELECT, INSERT and UPDATE on api_keys to the user of DATABASE_URL.';
    throw new StartupError([`${problem} ${advice}`], { cause: error });
  } finally {
    await database.close();
  }
}

/** The command that the arguments name. Throws StartupError. */
function parseCommand(args: string[]): Command {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = { organization: text, name: text, days: text, 'no-files': flag };
  const config = { args, options, allowPositionals: true };
  const { values, positionals } = parseCommandLine(config, USAGE);
  const { organization, name, days } = values;
  const [verb, id, ...rest] = positionals;
  if (organization !== undefined && !isOrganizationId(organization)) {
    throw new StartupError(['--organization must be 1 to 64 ASCII characters without spaces.']);
  }
  if (days !== undefined && !/^[1-9]\d{0,4}$/.test(days)) {
    throw new StartupError(['--days must be a whole number from 1 to 99999.']);
  }
  if (name !== undefined && (name === '' || Array.from(name).length > 255)) {
    throw new StartupError(['--name must have 1 to 255 characters.']);
  }
  if (verb === 'create' && organization !== undefined && name !== undefined && id === undefined) {
    const expiresAt = days === undefined ? null : new Date(Date.now() + Number(days) * DAY_MS);
    const canReadFiles = values['no-files'] !== true;
    const columns = { organizationId: organization, name, expiresAt, canReadFiles };
    return (keys, location) => create(keys, columns, location);
  }
  if (verb === 'list' && id === undefined) return (keys) => list(keys, organization ?? null);
  if (verb === 'revoke' && id !== undefined && rest.length === 0) return (keys) => revoke(keys, id);
  throw new StartupError([USAGE]);
}

async function create(
  keys: ApiKeyRepository,
  columns: Pick<ApiKey, 'organizationId' | 'name' | 'expiresAt' | 'canReadFiles'>,
  location: string,
): Promise<string> {
  const id = generateId();
  const key = generateApiKey();
  await keys.insert({ ...columns, id, createdAt: new Date(), keyHash: hashApiKey(key) });
  return (
    `Created API key ${id} for ${columns.organizationId} in ${location}. It is shown only once:\n\n` +
    `${key}\n\nSend it in the header X-API-Key.`
  );
}

async function list(keys: ApiKeyRepository, organization: string | null): Promise<string> {
  const lines = (await keys.list(organization)).map(describeKey);
  return lines.length === 0 ? 'There are no API keys.' : lines.join('\n');
}

function describeKey(key: ApiKey): string {
  let state = 'valid';
  if (key.revokedAt !== null) state = `revoked ${key.revokedAt.toISOString()}`;
  else if (key.expiresAt !== null) {
    const word = key.expiresAt <= new Date() ? 'expired' : 'valid until';
    state = `${word} ${key.expiresAt.toISOString()}`;
  }
  if (!key.canReadFiles) state += ', no files';
  return [key.id, key.organizationId, state, key.createdAt.toISOString(), key.name].join('  ');
}

async function revoke(keys: ApiKeyRepository, id: string): Promise<string> {
  if (!(await keys.revoke(id, new Date()))) {
    throw new StartupError([`There is no API key ${id}. List all with: npm run api-key -- list`]);
  }
  return `Revoked API key ${id}. Gateways may accept it for ${CACHE_TTL_MS / 1_000} more seconds.`;
}

function generateId(): string {
  const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  return `key_${Array.from({ length: 22 }, () => base58[randomInt(base58.length)]).join('')}`;
}

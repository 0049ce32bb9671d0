import 'reflect-metadata';

import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { hashApiKey, type ApiKey } from '../../src/auth/api-key.js';
import { addKeys, apiKeyRow, keyNamed } from '../auth/credentials.js';
import { useBuiltGateway, type StartedProgram } from '../support/built-gateway.js';
import { describeWith } from '../support/describe-with.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

type Variables = Record<string, string>;

const built = useBuiltGateway();
const json = { 'content-type': 'application/json' };
const required = { AUTH: 'required' };
const ofA = ['--organization', 'org_a'];
const create = ['create', ...ofA, '--name', 'x'];
const apiKey = (args: readonly string[], env: Variables = {}) =>
  built.command('api-key', built.folder, { args, env });

/** The output of a command that succeeds. */
async function output(args: readonly string[], env?: Variables): Promise<string> {
  const program = apiKey(args, env);
  expect([await program.ended, program.stderr()]).toEqual([0, '']);
  return program.log.map(({ msg }) => msg).join('\n');
}

/** The error output of a program that ends with status 1, without a stack and without a listening gateway or a key. */
async function failure(program: StartedProgram): Promise<string> {
  expect(await program.ended).toBe(1);
  expect(program.log.filter(({ msg }) => /^Listening|egk_/.test(msg))).toEqual([]);
  const text = program.stderr();
  expect(text).not.toMatch(/^\s+at |node:internal|Error:|key_hash|parameters/m);
  return text;
}

/** The status of a request with each key. The gateway then ends and must not have logged a key. */
async function statuses(program: StartedProgram, ...keys: string[]): Promise<number[]> {
  const { msg } = await program.untilLine(/^Listening /);
  const url = `http://127.0.0.1:${new URL(msg.slice('Listening '.length)).port}/graphql`;
  const body = '{"query":"{ exports { data { id } } }"}';
  const send = (key: string) =>
    fetch(url, { method: 'POST', headers: { ...json, 'x-api-key': key }, body });
  const responses = await Promise.all(keys.map(send));
  program.kill('SIGTERM');
  expect(await program.ended).toBe(0);
  for (const key of keys) expect(JSON.stringify(program.log)).not.toContain(key);
  return responses.map(({ status }) => status);
}

const addEmbedded = (...keys: ApiKey[]) =>
  addKeys({ config: { kind: 'embedded', path: join(built.folder, 'data/exports.sqlite') } }, keys);

const find = (pattern: RegExp, text: string): string => pattern.exec(text)?.[0] ?? '';
const keyId = /key_[1-9A-HJ-NP-Za-km-z]{22}/;

describe('npm run api-key', () => {
  it('creates a key that works and is shown once', async () => {
    const text = await output(['create', '--organization', 'org_demo', '--name', 'Night shift']);
    const [id, key] = [find(keyId, text), find(/^egk_[\w-]{43}$/m, text)];
    expect(text).toBe(
      `Created API key ${id} for org_demo in data/exports.sqlite. It is shown only once:\n\n` +
        `${key}\n\nSend it in the header X-API-Key.`,
    );
    expect(await output([...create, '--days', '2'])).not.toContain(key);

    const [all, ofOrganization, none] = await Promise.all([
      output(['list']),
      output(['list', ...ofA]),
      output(['list', '--organization', 'org_c']),
    ]);
    expect(all.split('\n')).toEqual([
      expect.stringMatching(new RegExp(`^${id}  org_demo  valid  [-\\dT:.]+Z  Night shift$`)),
      expect.stringMatching(/^key_\w{22} {2}org_a {2}valid until [-\dT:.]+Z {2}[-\dT:.]+Z {2}x$/),
    ]);
    const expiry = Date.parse(find(/(?<=valid until )\S+/, all));
    expect(Math.abs(expiry - Date.now() - 2 * 86_400_000)).toBeLessThan(60_000);
    for (const secret of [key, hashApiKey(key), key.slice(4)]) expect(all).not.toContain(secret);
    expect([ofOrganization, none]).toEqual([all.split('\n')[1], 'There are no API keys.']);
    expect(await statuses(built.start(built.folder, required), key, `${key}x`)).toEqual([200, 401]);
  });

  it('revokes a key by its id, once', async () => {
    const [revoked, other] = [keyNamed('A'), keyNamed('B')];
    const { id } = apiKeyRow(revoked, 'org_a');
    await addEmbedded(apiKeyRow(revoked, 'org_a'), apiKeyRow(other, 'org_a'));
    expect(await output(['revoke', id])).toBe(
      `Revoked API key ${id}. Gateways may accept it for 15 more seconds.`,
    );
    const list = await output(['list']);
    expect(list).toMatch(new RegExp(`^${id}  org_a  revoked [-\\dT:.]+Z  `, 'm'));
    await output(['revoke', id]);
    expect(await output(['list'])).toBe(list);
    expect(await failure(apiKey(['revoke', `${id}x`]))).toBe(
      `There is no API key ${id}x. List all with: npm run api-key -- list\n`,
    );
    expect(await statuses(built.start(built.folder, required), revoked, other)).toEqual([401, 200]);
  });

  it('rejects invalid arguments and an invalid DATABASE_URL before it opens a database', async () => {
    const named = ['--name', 'x'];
    const usage = /^Usage:\n {2}npm run api-key -- create/;
    const organization = /^--organization must be 1 to 64 ASCII characters without spaces\.\n$/;
    const days = /^--days must be a whole number from 1 to 99999\.\n$/;
    const name = /^--name must have 1 to 255 characters\.\n$/;
    const cases: [args: readonly string[], message: RegExp][] = [
      [[], usage],
      [['create', ...ofA], usage],
      [['create', ...named], usage],
      [['create', 'x', ...ofA, ...named], usage],
      [['revoke'], usage],
      [['revoke', 'key_1', 'key_2'], usage],
      [['list', 'org_a'], usage],
      [['list', '--all'], /^Unknown option '--all'[^]*Usage:/],
      [['create', '--organization', 'org a', ...named], organization],
      [['create', '--organization', 'o'.repeat(65), ...named], organization],
      [['create', '--organization', '', ...named], organization],
      [['create', ...ofA, '--name', ''], name],
      [['create', ...ofA, '--name', 'é'.repeat(256)], name],
      [[...create, '--days=0'], days],
      [[...create, '--days=1.5'], days],
      [[...create, '--days=100000'], days],
    ];
    for (let i = 0; i < cases.length; i += 4) {
      const checks = cases.slice(i, i + 4).map(async ([args, message]) => {
        expect(await failure(apiKey(args))).toMatch(message);
      });
      await Promise.all(checks);
    }
    const text = await failure(apiKey(create, { DATABASE_URL: 'postgres://a:pa55-horse@db/x' }));
    expect(text).toMatch(/^DATABASE_URL has the scheme postgres/);
    expect(text).not.toContain('pa55-horse');
    expect(await readdir(built.folder)).toEqual([]);
  });
});

describeWith('mysql', 'on MySQL', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await built.endAll(built.folder);
    await database.drop();
  });
  const migrate = (...keys: ApiKey[]) =>
    addKeys({ config: { kind: 'mysql', url: database.url } }, keys);

  it('every command asks for migrations while there are no tables', async () => {
    for (const args of [create, ['list'], ['revoke', 'key_1']]) {
      const text = await failure(apiKey(args, { DATABASE_URL: database.url }));
      expect(text).toContain('Run npm run migrate with this DATABASE_URL.');
    }
  });

  it('the database has only the hash of a created key; authentication is required by default', async () => {
    await migrate();
    const env = { DATABASE_URL: database.url, FILES_SIGNING_SECRET: 'the secret of the tests' };
    expect(await failure(built.start(built.folder, env))).toMatch(noCredentials);
    expect(await statuses(built.start(built.folder, { ...env, AUTH: 'off' }), 'none')).toEqual([
      200,
    ]);

    const created = await output(create, { DATABASE_URL: database.url });
    expect(created).not.toContain(new URL(database.url).password || 'no password');
    const key = find(/^egk_[\w-]{43}$/m, created);
    const rows = await database.query<Record<string, unknown>>('SELECT * FROM api_keys');
    expect(rows).toMatchObject([{ organization_id: 'org_a', key_hash: hashApiKey(key) }]);
    expect(JSON.stringify(rows)).not.toContain(key.slice(4));
    expect(await statuses(built.start(built.folder, env), key)).toEqual([200]);
  });

  it('a user who may only read gets advice without the hash of a key', async () => {
    const row = apiKeyRow(keyNamed('A'), 'org_a');
    await migrate(row);
    const user = `u_${randomBytes(6).toString('hex')}`;
    const url = new URL(database.url);
    await database.query('CREATE USER ?@? IDENTIFIED BY ?', [user, '%', 'pa55-horse']);
    try {
      await database.query(`GRANT SELECT ON ${url.pathname.slice(1)}.* TO ?@?`, [user, '%']);
      url.username = user;
      url.password = 'pa55-horse';
      for (const args of [create, ['revoke', row.id]]) {
        const text = await failure(apiKey(args, { DATABASE_URL: url.href }));
        expect(text).toMatch(/^The API keys in mysql:\/\/\S+ cannot be .* INSERT and UPDATE/);
        expect(text).not.toMatch(/pa55-horse|[0-9a-f]{64}/);
      }
      expect(await output(['list'], { DATABASE_URL: url.href })).toMatch(keyId);
    } finally {
      await database.query('DROP USER ?@?', [user, '%']);
    }
  });
});

const noCredentials =
  /^AUTH is required, but .* authenticate\. .*npm run api-key.*JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL, or set AUTH=off\.\n$/;

describe('a gateway that requires authentication', () => {
  it('does not start without a key on HOST=0.0.0.0, but does with AUTH=off', async () => {
    const env = { HOST: '0.0.0.0' };
    expect(await failure(built.start(built.folder, env))).toMatch(noCredentials);
    expect(await statuses(built.start(built.folder, { ...env, AUTH: 'off' }), 'none')).toEqual([
      200,
    ]);
  });

  it('does not start with revoked and expired keys only', async () => {
    await addEmbedded(
      apiKeyRow(keyNamed('A'), 'org_a', { revokedAt: new Date() }),
      apiKeyRow(keyNamed('B'), 'org_a', { expiresAt: new Date() }),
    );
    expect(await failure(built.start(built.folder, required))).toMatch(noCredentials);
    const key = keyNamed('C');
    await addEmbedded(apiKeyRow(key, 'org_a', { expiresAt: new Date(Date.now() + 600_000) }));
    expect(await statuses(built.start(built.folder, required), key)).toEqual([200]);
  });

  it('starts with JWT_SECRET and no key, and rejects an unknown key', async () => {
    const JWT_SECRET = randomBytes(24).toString('hex');
    const program = built.start(built.folder, { ...required, JWT_SECRET });
    expect(await statuses(program, 'egk_none')).toEqual([401]);
    expect(JSON.stringify(program.log)).not.toContain(JWT_SECRET);
  });
});

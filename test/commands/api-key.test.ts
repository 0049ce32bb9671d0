import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { hashApiKey } from '../../src/auth/api-key.js';
import { manageApiKeys } from '../../src/commands/manage-api-keys.js';
import { apiKeyRow, keyNamed, listExports } from '../auth/credentials.js';
import type { StartedProgram } from '../support/built-gateway.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { expectFailedStart, useBuiltGateway } from '../support/use-built-gateway.js';
import { createTables } from '../support/data-source.js';
import { itWith } from '../support/describe-with.js';
import { engines } from '../support/engines.js';
import { keysRequired, useGateway } from '../support/gateway.js';
import { createTestDatabase } from '../support/test-database.js';

const create = ['create', '--organization', 'org_a', '--name', 'Night shift'];
const find = (pattern: RegExp, text: string): string => pattern.exec(text)?.[0] ?? '';
const keyIn = (text: string) => find(/^egk_[\w-]{43}$/m, text);
const idIn = (text: string) => find(/key_[1-9A-HJ-NP-Za-km-z]{22}/, text);

describe.each(engines)('manageApiKeys on $engine', (engine) => {
  const [past, future] = [new Date('2026-01-02'), new Date('2100-01-01')];
  const valid = apiKeyRow(keyNamed('valid'), 'org_b');
  const revoked = apiKeyRow(keyNamed('revoked'), 'org_b', { revokedAt: past, expiresAt: past });
  const expired = apiKeyRow(keyNamed('expired'), 'org_b', { expiresAt: past });
  const temporary = apiKeyRow(keyNamed('temporary'), 'org_b', { expiresAt: future });
  const gateway = useGateway(engine, {
    config: keysRequired,
    keys: [valid, revoked, expired, temporary],
  });
  const run = (...args: string[]) => manageApiKeys(args, gateway.config.database);
  const status = async (key: string) => (await listExports(gateway, ['X-API-Key', key])).status;

  it('creates a key that works, of which the database has only the hash', async () => {
    const text = await run(...create);
    const [id, key] = [idIn(text), keyIn(text)];
    expect(text.replace(/ in \S+\. /, ' in DATABASE. ')).toBe(
      `Created API key ${id} for org_a in DATABASE. It is shown only once:\n\n` +
        `${key}\n\nSend it in the header X-API-Key.`,
    );
    expect(keyIn(await run(...create))).not.toBe(key);
    expect([await status(key), await status(`${key}x`)]).toEqual([200, 401]);
    const rows: unknown = await gateway.source.query('SELECT * FROM api_keys WHERE id = ?', [id]);
    expect(rows).toMatchObject([{ organization_id: 'org_a', key_hash: hashApiKey(key) }]);
    expect(JSON.stringify(rows)).not.toContain(key.slice(4));
  });

  it('creates a key that expires after some days', async () => {
    const id = idIn(await run(...create, '--days', '2'));
    const line = find(new RegExp(`${id}.+`), await run('list'));
    const expiry = Date.parse(find(/(?<=valid until )\S+/, line));
    expect(Math.abs(expiry - Date.now() - 2 * 86_400_000)).toBeLessThan(60_000);
  });

  it('creates a key that gets no links to files', async () => {
    const id = idIn(await run(...create, '--no-files'));
    expect(await run('list')).toContain(`${id}  org_a  valid, no files  `);
    const sql = 'SELECT can_read_files FROM api_keys WHERE id = ?';
    expect(await gateway.source.query(sql, [id])).toEqual([{ can_read_files: 0 }]);
  });

  it('lists the keys of all or of one organization with their states, but not their hashes', async () => {
    const created = `2026-01-01T00:00:00.000Z  ${valid.name}`;
    const lines = [
      `${valid.id}  org_b  valid  ${created}`,
      `${revoked.id}  org_b  revoked 2026-01-02T00:00:00.000Z  ${created}`,
      `${expired.id}  org_b  expired 2026-01-02T00:00:00.000Z  ${created}`,
      `${temporary.id}  org_b  valid until 2100-01-01T00:00:00.000Z  ${created}`,
    ].sort();
    expect((await run('list', '--organization', 'org_b')).split('\n')).toEqual(lines);
    const all = await run('list');
    expect(all.split('\n').slice(0, 4)).toEqual(lines);
    expect(all).toContain('  org_a  valid  ');
    expect(await run('list', '--organization', 'org_c')).toBe('There are no API keys.');
  });

  it('revokes a key by its id, once', async () => {
    expect(await run('revoke', valid.id)).toBe(
      `Revoked API key ${valid.id}. Gateways may accept it for 15 more seconds.`,
    );
    const list = await run('list');
    expect(find(new RegExp(`${valid.id}.+`), list)).toMatch(/ {2}revoked [-\dT:.]+Z {2}/);
    await run('revoke', valid.id);
    expect(await run('list')).toBe(list);
    expect(await status(keyNamed('valid'))).toBe(401);
    await expect(run('revoke', `${valid.id}x`)).rejects.toThrow(
      `There is no API key ${valid.id}x. List all with: npm run api-key -- list`,
    );
  });
});

describe('manageApiKeys', () => {
  const [named, ofA] = [create.slice(3), create.slice(1, 3)];
  const usage = /^Usage:\n {2}npm run api-key -- create/;
  const organization = /^--organization must be 1 to 64 ASCII characters without spaces\.$/;
  const days = /^--days must be a whole number from 1 to 99999\.$/;
  const name = /^--name must have 1 to 255 characters\.$/;
  it.each<[args: string[], problem: RegExp]>([
    [[], usage],
    [['create', ...ofA], usage],
    [['create', 'x', ...ofA, ...named], usage],
    [['revoke'], usage],
    [['revoke', 'key_1', 'key_2'], usage],
    [['list', 'org_a'], usage],
    [['list', '--all'], /^Unknown option '--all'[^]*Usage:/],
    [['create', '--organization', 'org a', ...named], organization],
    [['create', ...ofA, '--name', ''], name],
    [['create', ...ofA, '--name', 'é'.repeat(256)], name],
    [[...create, '--days=0'], days],
    [[...create, '--days=100000'], days],
  ])('rejects the arguments %j before it opens the database', async (args, problem) => {
    const config = mysqlConfig('mysql://127.0.0.1:1/unreachable');
    const error = { name: 'StartupError', message: expect.stringMatching(problem) as unknown };
    await expect(manageApiKeys(args, config)).rejects.toMatchObject(error);
  });

  itWith(
    'mysql',
    'reports missing migrations and privileges without a password or hash in the message',
    async () => {
      const database = await createTestDatabase();
      let url = database.url;
      const run = (...args: string[]) => manageApiKeys(args, mysqlConfig(url));
      try {
        const { id, ...others } = apiKeyRow(keyNamed('A'), 'org_a');
        for (const args of [create, ['list'], ['revoke', id]]) {
          await expect(run(...args)).rejects.toThrow('Run npm run migrate with this DATABASE_URL.');
        }
        await createTables(mysqlConfig(url), { keys: [{ id, ...others }] });
        const user = await database.createUser();
        const name = new URL(url).pathname.slice(1);
        await database.query(`GRANT SELECT ON ${name}.* TO ?@?`, [user.name, '%']);
        ({ url } = user);
        expect(await run('list')).toContain(id);
        const problem = /^The API keys in mysql:[^@]+ cannot be read or changed .+INSERT[^@]+$/;
        const denied = { name: 'StartupError', message: expect.stringMatching(problem) as unknown };
        await expect(run(...create)).rejects.toMatchObject(denied);
        await expect(run('revoke', id)).rejects.toMatchObject(denied);
      } finally {
        await database.drop();
      }
    },
  );
});

describe('in a process of its own', () => {
  const built = useBuiltGateway();

  async function expectToListen(program: StartedProgram): Promise<void> {
    await program.untilLine(/^Listening /);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(0);
  }

  const noCredentials =
    /^AUTH is required, but .+ authenticate\. .*npm run api-key.*JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL, or set AUTH=off\.\n$/;
  const required = { AUTH: 'required' };

  it('npm run api-key reports mistakes and leaves no file behind', async () => {
    const fail = (options: Parameters<typeof built.command>[2]) =>
      expectFailedStart(built.command('api-key', built.folder, options));
    expect(await fail({ args: [] })).toMatch(/^Usage:\n/);
    const env = { DATABASE_URL: 'postgres://a:pa55-horse@db/x' };
    const text = await fail({ args: create, env });
    expect(text).toMatch(/^DATABASE_URL has the scheme postgres/);
    expect(text).not.toContain('pa55-horse');
    expect(await readdir(built.folder)).toEqual([]);
  });

  it('a gateway starts only when a client could authenticate with an API key', async () => {
    const config = { kind: 'embedded', path: join(built.folder, 'data/exports.sqlite') } as const;
    const keys = [
      apiKeyRow(keyNamed('A'), 'org_a', { revokedAt: new Date() }),
      apiKeyRow(keyNamed('B'), 'org_a', { expiresAt: new Date() }),
    ];
    await createTables(config, { keys });
    expect(await expectFailedStart(built.start(built.folder, required))).toMatch(noCredentials);
    const program = built.command('api-key', built.folder, { args: create });
    expect([await program.ended, program.stderr()]).toEqual([0, '']);
    expect(keyIn(program.log.map(({ msg }) => msg).join('\n'))).not.toBe('');
    await expectToListen(built.start(built.folder, required));
  });

  it('a gateway starts without an API key when it has a JWT key, which it does not log', async () => {
    const JWT_SECRET = randomBytes(24).toString('hex');
    const program = built.start(built.folder, { ...required, JWT_SECRET });
    await expectToListen(program);
    expect(JSON.stringify(program.log)).not.toContain(JWT_SECRET);
  });
});

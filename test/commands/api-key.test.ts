import 'reflect-metadata';

import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { hashApiKey } from '../../src/auth/api-key.js';
import { buildGateway, type BuiltGateway, type StartedProgram } from '../support/built-gateway.js';
import { describeWith, itWith } from '../support/describe-with.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { addKeys, apiKeyRow, keyNamed } from '../auth/credentials.js';

let built: BuiltGateway;
let folder: string;
beforeAll(async () => {
  built = await buildGateway();
});
afterAll(() => built.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'api-key-test-'));
});
afterEach(async () => {
  await built.endAll(folder);
  await rm(folder, { recursive: true });
});

const keyPattern = /^egk_[\w-]{43}$/m;
const idPattern = /key_[1-9A-HJ-NP-Za-km-z]{22}/;
const required = { AUTH: 'required' };

/** What the command wrote; it must have gone well. */
async function said(args: readonly string[], env?: Record<string, string>): Promise<string> {
  const program = built.command('api-key', folder, { args, ...(env && { env }) });
  const code = await program.ended;
  expect([code, program.stderr()]).toEqual([0, '']);
  return program.log.map(({ msg }) => msg).join('\n');
}

/** The words with which a program ended, with status 1 and no stack. */
async function refused(program: StartedProgram): Promise<string> {
  expect(await program.ended).toBe(1);
  const words = program.stderr();
  expect(words).toMatch(/\S\n$/);
  expect(words).not.toMatch(/^\s+at |node:internal|Error:|key_hash|parameters/m);
  expect(program.log.filter(({ msg }) => /^Listening|egk_/.test(msg))).toEqual([]);
  return words;
}

async function originOf(program: StartedProgram): Promise<string> {
  const { msg } = await program.untilLine(/^Listening /);
  return msg.slice('Listening '.length).trim();
}

async function statusOf(origin: string, key: string): Promise<number> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: '{"query":"{ exports { data { id } } }"}',
  });
  return response.status;
}

describe('npm run api-key', () => {
  it('makes a key that is shown once and works, lists it and revokes it', async () => {
    const made = await said(['create', '--organization', 'org_demo', '--name', 'Night shift']);
    const key = keyPattern.exec(made)?.[0] ?? '';
    const id = idPattern.exec(made)?.[0] ?? '';
    expect(made).toBe(
      `Key ${id} of org_demo is in data/exports.sqlite. This is the only time it is shown:\n\n` +
        `${key}\n\nSend it as the header X-API-Key.`,
    );
    const other = await said(['create', '--organization', 'org_b', '--name', 'B', '--days', '2']);
    expect(keyPattern.exec(other)?.[0]).not.toBe(key);

    const listed = await said(['list']);
    expect(listed.split('\n')).toEqual([
      expect.stringMatching(new RegExp(`^${id}  org_demo  usable  [-\\dT:.]+Z  Night shift$`)),
      expect.stringMatching(/^key_\w{22} {2}org_b {2}usable until [-\dT:.]+Z {2}[-\dT:.]+Z {2}B$/),
    ]);
    const until = Date.parse(/usable until (\S+)/.exec(listed)?.[1] ?? '');
    expect(Math.abs(until - Date.now() - 2 * 86_400_000)).toBeLessThan(60_000);
    for (const text of [key, hashApiKey(key), key.slice(4)]) expect(listed).not.toContain(text);
    expect((await said(['list', '--organization', 'org_b'])).split('\n')).toHaveLength(1);
    expect(await said(['list', '--organization', 'org_c'])).toBe('There are no keys.');

    const program = built.start(folder, required);
    const origin = await originOf(program);
    expect([await statusOf(origin, key), await statusOf(origin, `${key}x`)]).toEqual([200, 401]);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(JSON.stringify(program.log)).not.toContain(key);

    expect(await said(['revoke', id])).toMatch(
      new RegExp(`^Key ${id} is revoked; .+ within \\d+ seconds\\.$`),
    );
    const revokedAt = /revoked (\S+)/.exec(await said(['list']))?.[1];
    // Once more changes nothing.
    await said(['revoke', id]);
    expect(/revoked (\S+)/.exec(await said(['list']))?.[1]).toBe(revokedAt);
    const again = built.start(folder, required);
    expect(await statusOf(await originOf(again), key)).toBe(401);
  });

  it('refuses what it does not understand, and opens no database for it', async () => {
    const named = ['--name', 'x'];
    const ofA = ['--organization', 'org_a'];
    const usage = /^Write one of:\n {2}npm run api-key -- create/;
    const organization = /^--organization must be 1 to 64 ASCII characters without spaces\.\n$/;
    const days = /^--days must be a whole number from 1 to 99999\.\n$/;
    const cases: [args: readonly string[], says: RegExp][] = [
      [[], usage],
      [['create', ...ofA], usage],
      [['create', ...named], usage],
      [['create', 'x', ...ofA, ...named], usage],
      [['revoke'], usage],
      [['revoke', 'key_1', 'key_2'], usage],
      [['list', 'org_a'], usage],
      [['list', '--all'], /^Unknown option '--all'[^]*Write one of:/],
      [['create', '--organization', 'org a', ...named], organization],
      [['create', '--organization', 'o'.repeat(65), ...named], organization],
      [['create', '--organization', '', ...named], organization],
      [['create', ...ofA, '--name', ''], /^--name must have 1 to 255 characters\.\n$/],
      [['create', ...ofA, '--name', 'é'.repeat(256)], /^--name must have /],
      [['create', ...ofA, ...named, '--days=0'], days],
      [['create', ...ofA, ...named, '--days=1.5'], days],
      [['create', ...ofA, ...named, '--days=100000'], days],
    ];
    for (let at = 0; at < cases.length; at += 4) {
      await Promise.all(
        cases.slice(at, at + 4).map(async ([args, says]) => {
          expect(await refused(built.command('api-key', folder, { args }))).toMatch(says);
        }),
      );
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('knows an id that it does not know', async () => {
    expect(
      await refused(built.command('api-key', folder, { args: ['revoke', 'key_of_nobody'] })),
    ).toBe('There is no key key_of_nobody. npm run api-key -- list shows them.\n');
  });

  describeWith('mysql', 'on MySQL', () => {
    let database: TestDatabase;
    beforeEach(async () => {
      database = await createTestDatabase();
    });
    afterEach(async () => {
      await built.endAll(folder);
      await database.drop();
    });
    const create = ['create', '--organization', 'org_a', '--name', 'x'];

    it('says to migrate where there are no tables', async () => {
      for (const args of [create, ['list'], ['revoke', 'key_1']]) {
        const words = await refused(
          built.command('api-key', folder, { args, env: { DATABASE_URL: database.url } }),
        );
        expect(words).toContain('Run npm run migrate with this DATABASE_URL.');
      }
    });

    it('says what is wrong with DATABASE_URL, and not its password', async () => {
      const words = await refused(
        built.command('api-key', folder, {
          args: create,
          env: { DATABASE_URL: 'postgres://a:pa55-horse@db/x' },
        }),
      );
      expect(words).toMatch(/^DATABASE_URL has the scheme postgres/);
      expect(words).not.toContain('pa55-horse');
    });

    it('makes a key that works, and keeps nothing of it but its hash', async () => {
      await addKeys({ config: { kind: 'mysql', url: database.url } }, []);
      const made = await said(create, { DATABASE_URL: database.url });
      expect(made).not.toContain(new URL(database.url).password || 'no password');
      const key = keyPattern.exec(made)?.[0] ?? '';
      const rows = await database.query<Record<string, unknown>>('SELECT * FROM api_keys');
      expect(rows).toMatchObject([{ organization_id: 'org_a', key_hash: hashApiKey(key) }]);
      expect(JSON.stringify(rows)).not.toContain(key.slice(4));

      const program = built.start(folder, {
        DATABASE_URL: database.url,
        FILES_SIGNING_SECRET: 'the secret of the tests',
      });
      expect(await statusOf(await originOf(program), key)).toBe(200);
    });

    it('says so where the user may only read, without a stack and without the hash', async () => {
      await addKeys({ config: { kind: 'mysql', url: database.url } }, [
        apiKeyRow(keyNamed('A'), 'org_a'),
      ]);
      const user = `u_${randomBytes(6).toString('hex')}`;
      const url = new URL(database.url);
      await database.query('CREATE USER ?@? IDENTIFIED BY ?', [user, '%', 'pa55-horse']);
      try {
        await database.query(`GRANT SELECT ON ${url.pathname.slice(1)}.* TO ?@?`, [user, '%']);
        url.username = user;
        url.password = 'pa55-horse';
        const { id } = apiKeyRow(keyNamed('A'), 'org_a');
        for (const args of [create, ['revoke', id]]) {
          const words = await refused(
            built.command('api-key', folder, { args, env: { DATABASE_URL: url.href } }),
          );
          expect(words).toMatch(/^The keys in mysql:\/\/\S+ cannot be changed .*INSERT and UPDATE/);
          expect(words).not.toMatch(/pa55-horse|[0-9a-f]{64}/);
        }
        expect(await said(['list'], { DATABASE_URL: url.href })).toMatch(idPattern);
      } finally {
        await database.query('DROP USER ?@?', [user, '%']);
      }
    });
  });
});

describe('a gateway whose AUTH is required', () => {
  const says =
    /^AUTH is required, but no client could authenticate\. .*npm run api-key.*JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL, or set AUTH=off\.\n$/;

  it.each([
    { how: 'AUTH=required', env: required },
    { how: 'HOST=0.0.0.0', env: { HOST: '0.0.0.0' } },
  ])('by $how does not start where nobody could authenticate', async ({ env }) => {
    expect(await refused(built.start(folder, env))).toMatch(says);
  });

  it('does not start with keys that are revoked or expired', async () => {
    const path = join(folder, 'data/exports.sqlite');
    await addKeys({ config: { kind: 'embedded', path } }, [
      apiKeyRow(keyNamed('A'), 'org_a', { revokedAt: new Date() }),
      apiKeyRow(keyNamed('B'), 'org_a', { expiresAt: new Date() }),
    ]);
    expect(await refused(built.start(folder, required))).toMatch(says);
    await addKeys({ config: { kind: 'embedded', path } }, [
      apiKeyRow(keyNamed('C'), 'org_a', { expiresAt: new Date(Date.now() + 60_000) }),
    ]);
    await originOf(built.start(folder, required));
  });

  it('starts with JWT_SECRET and no key, and lets nobody in without a token', async () => {
    const JWT_SECRET = randomBytes(24).toString('hex');
    const program = built.start(folder, { ...required, JWT_SECRET });
    expect(await statusOf(await originOf(program), 'egk_none')).toBe(401);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(JSON.stringify(program.log)).not.toContain(JWT_SECRET);
  });

  it('starts open with HOST=0.0.0.0 when AUTH=off is said', async () => {
    const program = built.start(folder, { HOST: '0.0.0.0', AUTH: 'off' });
    const { port } = new URL(await originOf(program));
    expect(await statusOf(`http://127.0.0.1:${port}`, '')).toBe(200);
  });

  itWith('mysql', 'on MySQL is what is required unless AUTH=off is said', async () => {
    const database = await createTestDatabase();
    try {
      await addKeys({ config: { kind: 'mysql', url: database.url } }, []);
      const env = {
        DATABASE_URL: database.url,
        FILES_SIGNING_SECRET: 'the secret of the tests',
      };
      expect(await refused(built.start(folder, env))).toMatch(says);
      const program = built.start(folder, { ...env, AUTH: 'off' });
      await originOf(program);
      program.kill('SIGTERM');
      expect(await program.ended).toBe(0);
    } finally {
      await database.drop();
    }
  });
});

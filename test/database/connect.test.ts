import { randomBytes } from 'node:crypto';

import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';

import { connectDatabase } from '../../src/database/connect.js';
import { entities } from '../../src/entities.js';
import { StartupError } from '../../src/errors.js';
import { createTestDataSource } from '../support/data-source.js';
import { createDatabaseProxy } from '../support/database-proxy.js';
import { describeWith } from '../support/describe-with.js';
import type { LogLine } from '../support/built-gateway.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const RUN_MIGRATIONS = /Run npm run migrate with this/;

/** Connects as the gateway does and records the log. */
function connect(url: string, maxWaitMs = 20_000) {
  const log: LogLine[] = [];
  let onRetry: () => void = () => undefined;
  const firstRetry = new Promise<void>((resolve) => (onRetry = resolve));
  const write = (line: string) => {
    const entry = JSON.parse(line) as LogLine;
    log.push(entry);
    if (entry.msg.includes('Retrying')) onRetry();
  };
  const logger = pino({ level: 'info' }, { write });
  const source = connectDatabase(mysqlConfig(url), { entities, logger, maxWaitMs });
  // Each test awaits it, though not always first.
  source.catch(() => undefined);
  return { source, log, firstRetry };
}

/** Expects the connection to fail with one StartupError and returns its message. */
async function failureOf(url: string, maxWaitMs?: number) {
  const startedAt = Date.now();
  const { source, log } = connect(url, maxWaitMs);
  const error = await source.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StartupError)) throw new Error('No StartupError', { cause: error });
  expect(error.problems).toEqual([expect.stringMatching(/\.$/)]);
  return { message: error.message, log, ms: Date.now() - startedAt };
}

describeWith('mysql', 'connecting to a MySQL server', () => {
  let database: TestDatabase;
  let name: string;
  /** A user without any privilege. */
  let user: { name: string; password: string };

  beforeEach(async () => {
    database = await createTestDatabase();
    name = new URL(database.url).pathname.slice(1);
    const password = `p@ss:w/o?r#d%${randomBytes(4).toString('hex')}`;
    user = { name: `u_${randomBytes(6).toString('hex')}`, password };
    await database.query('CREATE USER ?@? IDENTIFIED BY ?', [user.name, '%', password]);
  });
  afterEach(async () => {
    await database.query('DROP USER ?@?', [user.name, '%']);
    await database.drop();
  });

  async function migrate(): Promise<void> {
    const source = await createTestDataSource(mysqlConfig(database.url));
    await source.initialize();
    await source.runMigrations();
    await source.destroy();
  }

  const grantSelect = (table: string) =>
    database.query(`GRANT SELECT ON ${name}.${table} TO ?@?`, [user.name, '%']);

  function userUrl(password = user.password): string {
    const url = new URL(database.url);
    url.username = user.name;
    url.password = encodeURIComponent(password);
    return url.href;
  }

  it('retries an unreachable server until the time is up, without logging the password', async () => {
    const closed = await createDatabaseProxy(userUrl());
    const { message, log, ms } = await failureOf(closed.url, 2_500);
    expect(message).toMatch(
      new RegExp(
        `^The database mysql://${new URL(closed.url).host}/${name} does not respond \\(.*ECONNREFUSED.*\\)\\. Start it, or correct DATABASE_URL\\.$`,
      ),
    );
    const retries = log.filter(({ msg }) => msg.includes('Retrying until'));
    expect(retries.map(({ level }) => level)).toEqual([40, 40]);
    expect(ms).toBeLessThan(2_500);
    expect(JSON.stringify([message, log])).not.toContain(user.password.slice(-8));
  });

  it('waits for a server that starts late', async () => {
    await migrate();
    await grantSelect('*');
    const late = await createDatabaseProxy(userUrl());
    const { source, firstRetry } = connect(late.url, 30_000);
    await firstRetry;
    await late.open();
    const connected = await source;
    expect(await connected.query('SELECT id FROM exports')).toEqual([]);
    await connected.destroy();
    await late.close();
  });

  it('starts without indexes, which are advice', async () => {
    await migrate();
    await database.query('DROP INDEX exports_filtered_by_count_total ON exports');
    const connected = await connect(database.url).source;
    await connected.destroy();
  });

  const owner = () => database.url;
  const change = (sql: string) => async () => {
    await migrate();
    await database.query(sql);
  };
  const replaceByViews = async () => {
    await change('RENAME TABLE exports TO jobs, export_files TO files')();
    await database.query(
      'CREATE VIEW exports AS SELECT id, name, resource, count_total, created_at, updated_at FROM jobs',
    );
    await database.query('CREATE VIEW export_files AS SELECT export_id, object_key FROM files');
  };
  const grantTwoTables = async () => {
    await migrate();
    for (const table of ['exports', 'api_keys']) await grantSelect(table);
  };
  type Example = [what: string, remedy: RegExp, url: () => string, prepare?: () => Promise<void>];
  it.each<Example>([
    ['a wrong password', /Check the user and the password in/, () => userUrl('pa55')],
    [
      'a missing database',
      /Create the database that/,
      () => owner().replace(name, 'there_is_none'),
    ],
    ['a user without rights', /Allow the user of/, () => userUrl()],
    ['a user with few rights', /Grant SELECT on its tables to/, () => userUrl(), grantTwoTables],
    ['a database without tables', RUN_MIGRATIONS, owner],
    [
      'views that lack columns',
      /the view exports lacks organization_id, status; the view export_files lacks kind\)\. Add them to the view/,
      owner,
      replaceByViews,
    ],
    [
      'a view without its table',
      /Correct the view.*definer/,
      owner,
      async () => {
        await replaceByViews();
        await database.query('CREATE OR REPLACE VIEW exports AS SELECT * FROM jobs');
        await database.query('CREATE OR REPLACE VIEW export_files AS SELECT * FROM files');
        await database.query('DROP TABLE files');
      },
    ],
    ...['ALTER TABLE exports DROP COLUMN failure_reason', 'DROP TABLE export_files'].map(
      (sql): Example => [`the effect of ${sql}`, RUN_MIGRATIONS, owner, change(sql)],
    ),
  ])('fails at once for %s, says what to change and changes nothing', async (...example) => {
    const [, remedy, url, prepare] = example;
    await prepare?.();
    const tables = await database.query('SHOW TABLES');
    const { message, log } = await failureOf(url());
    expect(message).toMatch(/ cannot be used \((ER|MISSING)_.*\)\. .*\.$/);
    expect(message).toMatch(remedy);
    expect(message).not.toContain('pa55');
    expect(log).toEqual([]);
    expect(await database.query('SHOW TABLES')).toEqual(tables);
  });
});

import { readFile } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { DataSource } from 'typeorm';

import { migrateTables } from '../../src/database/migrate.js';
import { StartupError } from '../../src/errors.js';
import { codeBlocksOf } from '../docs/markdown.js';
import { createTestDataSource } from '../support/data-source.js';
import { describeWith } from '../support/describe-with.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { exportRows, insertRows } from '../support/rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const LOG = 'exports_gateway_migrations';
const isChange = (sql: string) => /^(?:CREATE|ALTER|DROP|INSERT|UPDATE)/.test(sql);
const migrationNames = (source: DataSource) =>
  source.migrations.map(({ constructor }) => constructor.name);

/** Migrates and returns the messages of the log. */
async function migrate(source: DataSource, lockTimeoutMs?: number): Promise<string[]> {
  const messages: string[] = [];
  const write = (line: string) => messages.push((JSON.parse(line) as { msg: string }).msg);
  const logger = pino({}, { write });
  await migrateTables(source, { logger, ...(lockTimeoutMs !== undefined && { lockTimeoutMs }) });
  return messages;
}

/** Expects a migration to fail with one StartupError, whose message it returns. */
async function failureOf(migration: Promise<unknown>): Promise<string> {
  const error = await migration.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StartupError)) throw new Error('No StartupError', { cause: error });
  return error.message;
}

/** Calls functions around each statement of later migrations; it fails when one of them throws. */
function intercept(
  source: DataSource,
  {
    before,
    after,
  }: {
    before?: (sql: string, query: (sql: string) => Promise<unknown>) => void | Promise<void>;
    after?: (sql: string) => void;
  },
): void {
  const createQueryRunner = source.createQueryRunner.bind(source);
  source.createQueryRunner = (mode) => {
    const runner = createQueryRunner(mode);
    const query = runner.query.bind(runner);
    return Object.assign(runner, {
      async query(sql: string, parameters?: unknown[]): Promise<unknown> {
        await before?.(sql, query);
        const result: unknown = await query(sql, parameters);
        after?.(sql);
        return result;
      },
    });
  };
}

describe.each(engines)('migrating on $engine', ({ engine, provide }) => {
  let database: EngineDatabase;
  let source: DataSource;
  const opened: DataSource[] = [];

  /** Another process with the same database. */
  async function open(): Promise<DataSource> {
    const other = await createTestDataSource(database.config);
    opened.push(await other.initialize());
    return other;
  }

  beforeEach(async () => {
    database = await provide();
    source = await open();
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.destroy();
    await database.dispose();
  });

  const read = <Row>(sql: string) => source.query<Row[]>(sql);
  const loggedNames = async () =>
    (await read<{ name: string }>(`SELECT name FROM ${LOG} ORDER BY id`)).map(({ name }) => name);
  const tables = async () =>
    (
      await read<{ name: string }>(
        engine === 'MySQL'
          ? 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()'
          : `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`,
      )
    )
      .map(({ name }) => name)
      .sort();
  /** The statements that would make the tables match the entities. */
  async function drift(): Promise<string[]> {
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  }
  async function expectMigrated(): Promise<void> {
    expect(await drift()).toEqual([]);
    expect(new Set(await loggedNames())).toEqual(new Set(migrationNames(source)));
  }

  it('resumes after the process was killed at any change', async () => {
    let kills = 0;
    for (let isDone = false; !isDone;) {
      const killed = await open();
      let left = engine === 'MySQL' ? 1 : kills + 1;
      intercept(killed, {
        after(sql) {
          // A transaction of the embedded database keeps nothing, so each run goes one change further.
          if (isChange(sql) && --left === 0) throw new Error('killed');
        },
      });
      isDone = await migrate(killed).then(
        () => true,
        () => false,
      );
      if (!isDone) kills += 1;
      await opened.pop()?.destroy();
    }
    await expectMigrated();
    // Each table, index and column, and each row of the log.
    expect(kills).toBeGreaterThan(20);
  });

  it('leaves a database alone that is up to date', async () => {
    await migrate(source);
    await insertRows(source, { exports: exportRows(1) });
    const changes: string[] = [];
    intercept(source, { after: (sql) => isChange(sql) && changes.push(sql) });
    expect([await migrate(source), changes]).toEqual([[], []]);
  });

  it('lets a second process wait for the first', async () => {
    const messages = await Promise.all([
      migrate(source),
      open().then(migrate),
      open().then(migrate),
    ]);
    // One of them has migrated.
    const changes = messages.flat().filter((message) => isChange(message));
    expect(changes).toEqual([...new Set(changes)]);
    expect(await loggedNames()).toEqual(migrationNames(source));
    await expectMigrated();
  });

  it('copies its rows from the log of earlier releases, which it does not alter', async () => {
    const [first = '', second = ''] = migrationNames(source);
    await source.runMigrations();
    await source.query(
      'CREATE TABLE migrations (id INTEGER PRIMARY KEY, timestamp BIGINT NOT NULL, name VARCHAR(255) NOT NULL)',
    );
    for (const [id, name] of [first, 'CreateUsers1700000000000', second].entries()) {
      await source.query(
        `INSERT INTO migrations (id, timestamp, name) VALUES (${id}, ${name.slice(-13)}, '${name}')`,
      );
    }
    const earlier = await read('SELECT * FROM migrations');
    await source.query(`DROP TABLE ${LOG}`);
    // A migration that has run is not repeated: its index stays away.
    await source.query(
      `DROP INDEX exports_by_created_at${engine === 'MySQL' ? ' ON exports' : ''}`,
    );
    await migrate(source);
    expect(await loggedNames()).toEqual(migrationNames(source));
    expect(await drift()).toHaveLength(1);
    expect(await read('SELECT * FROM migrations')).toEqual(earlier);
  });

  it('keeps the indexes that gateways of 0.1 name for as long as CHANGELOG.md says', async () => {
    const sql = codeBlocksOf(await readFile('CHANGELOG.md', 'utf8'))
      .filter(({ language }) => language === 'sql')
      .map(({ code }) => code.trim());
    const [holdBack = '', release = ''] = sql;
    const earlier = new DataSource({
      ...source.options,
      migrations: (source.options.migrations as (() => void)[]).slice(0, 3),
      migrationsTableName: 'migrations',
    });
    opened.push(await earlier.initialize());
    await earlier.runMigrations();
    const indexes = async () => (await source.createQueryRunner().getTable('exports'))?.indices;
    const names = async () => (await indexes())?.map(({ name }) => name) ?? [];
    const before = await names();

    await source.query(holdBack);
    await migrate(source);
    expect(await names()).toEqual(expect.arrayContaining(before));
    expect(before).toContain('exports_by_updated_at');

    await source.query(release);
    await migrate(source);
    expect(await names()).not.toContain('exports_by_updated_at');
    await expectMigrated();
  });

  it('leaves the migrations table of Laravel alone', async () => {
    await source.query(
      'CREATE TABLE migrations (id INTEGER PRIMARY KEY, migration VARCHAR(255) NOT NULL, batch INTEGER NOT NULL)',
    );
    await source.query("INSERT INTO migrations VALUES (1, '2014_10_12_create_users_table', 1)");
    await migrate(source);
    await expectMigrated();
    expect(await read('SELECT * FROM migrations')).toEqual([
      { id: 1, migration: '2014_10_12_create_users_table', batch: 1 },
    ]);
  });

  it('leaves views alone and records their steps', async () => {
    await source.query('CREATE TABLE jobs (id VARCHAR(64) PRIMARY KEY, title VARCHAR(255))');
    const view = `CREATE VIEW exports AS SELECT id, 'org' AS organization_id, title AS name FROM jobs`;
    await source.query(view);
    await migrate(source);
    expect(await loggedNames()).toEqual(migrationNames(source));
    expect(await tables()).toEqual(expect.arrayContaining(['api_keys', 'export_files', 'jobs']));
    expect(await read('SELECT * FROM exports')).toEqual([]);
    expect(await migrate(source)).toEqual([]);
  });

  it('refuses a table of another system before it changes anything', async () => {
    await source.query(
      'CREATE TABLE exports (id INTEGER PRIMARY KEY, file_disk VARCHAR(255), exporter VARCHAR(255), ' +
        'processed_rows INTEGER, total_rows INTEGER, created_at TIMESTAMP NULL)',
    );
    const message = await failureOf(migrate(source));
    expect(message).toMatch(
      /^The table exports belongs to another system: it has no column organization_id, name, .*docs\/adopting-your-tables\.md/,
    );
    expect(await tables()).toEqual(['exports']);
  });

  it('restores a table or a column that the log says is there', async () => {
    await migrate(source);
    await source.query('DROP TABLE export_files');
    await source.query('ALTER TABLE api_keys DROP COLUMN can_read_files');
    await migrate(source);
    await expectMigrated();
  });
});

describeWith('mysql', 'migrating on a server', () => {
  let database: TestDatabase;
  let user: Awaited<ReturnType<TestDatabase['createUser']>>;
  const opened: DataSource[] = [];

  async function open(url = database.url): Promise<DataSource> {
    const source = await createTestDataSource(mysqlConfig(url));
    opened.push(await source.initialize());
    return source;
  }

  beforeEach(async () => {
    database = await createTestDatabase();
    user = await database.createUser();
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.destroy();
    await database.drop();
  });

  const schema = () => new URL(database.url).pathname.slice(1);
  const grant = (privileges: string, on = '*') =>
    database.query(`GRANT ${privileges} ON ${schema()}.${on} TO ?@?`, [user.name, '%']);

  it('names every missing privilege at once, as SQL, and works with exactly these', async () => {
    await grant('SELECT, INSERT');
    const message = await failureOf(migrate(await open(user.url)));
    const [statement = ''] = /GRANT .*;/.exec(message) ?? [];
    expect(statement).toBe(
      `GRANT CREATE, ALTER, INDEX ON \`${schema()}\`.* TO '${user.name}'@'%';`,
    );
    expect(await database.query('SHOW TABLES')).toEqual([]);
    await database.query(statement);
    await migrate(await open(user.url));
    expect(await database.query('SHOW TABLES')).toHaveLength(4);
  });

  it('accepts the privileges of a role, of single tables and of a pattern', async () => {
    const role = `r_${user.name.slice(2)}`;
    await database.query(`CREATE ROLE ${role}`);
    try {
      await database.query(`GRANT SELECT, INSERT, CREATE ON \`test\\_%\`.* TO ${role}`);
      await database.query(`GRANT ${role} TO ?@?`, [user.name, '%']);
      const [row] = await database.query<{ version: string }>('SELECT VERSION() AS version');
      const to = row?.version.includes('MariaDB') === true ? 'FOR' : 'TO';
      await database.query(`SET DEFAULT ROLE ${role} ${to} ?@?`, [user.name, '%']);
      for (const table of ['exports', 'export_files', 'api_keys', LOG]) {
        await grant('ALTER, CREATE, INDEX', table);
      }
      await migrate(await open(user.url));
      expect(await database.query('SHOW TABLES')).toHaveLength(4);
    } finally {
      await database.query(`DROP ROLE ${role}`);
    }
  });

  it('widens ids below a foreign key, or tells how to drop it before it changes anything', async () => {
    await migrate(await open());
    for (const column of ['exports MODIFY id', 'export_files MODIFY export_id']) {
      await database.query(`ALTER TABLE ${column} VARCHAR(26) COLLATE ascii_bin NOT NULL`);
    }
    await database.query(`DELETE FROM ${LOG} WHERE name LIKE 'Widen%'`);
    await database.query(
      'ALTER TABLE export_files ADD CONSTRAINT of_export FOREIGN KEY (export_id) REFERENCES exports (id)',
    );
    const [row] = await database.query<{ version: string }>('SELECT VERSION() AS version');
    if (row?.version.includes('MariaDB') === true) {
      const [statement = ''] = /ALTER .*;/.exec(await failureOf(migrate(await open()))) ?? [];
      expect(statement).toContain('DROP FOREIGN KEY of_export');
      await database.query(statement);
    }
    await migrate(await open());
    const [id] = await database.query("SHOW COLUMNS FROM exports LIKE 'id'");
    expect(id).toMatchObject({ Type: 'varchar(64)' });
  });

  it('names the cause when the server closes its connection', async () => {
    const source = await open();
    intercept(source, {
      async before(sql, query) {
        if (sql.startsWith('CREATE TABLE')) await query('KILL CONNECTION_ID()');
      },
    });
    expect(await failureOf(migrate(source))).toMatch(/killed|interrupted/);
    await migrate(await open());
    expect(await database.query('SHOW TABLES')).toHaveLength(4);
  });

  it('accepts grants without quotes around names', async () => {
    await grant('SELECT, INSERT, CREATE, ALTER, INDEX');
    const source = await open(user.url);
    intercept(source, {
      async before(sql, query) {
        if (sql === 'SHOW GRANTS') await query('SET SESSION sql_quote_show_create = 0');
      },
    });
    await migrate(source);
    expect(await database.query('SHOW TABLES')).toHaveLength(4);
  });

  it('resumes after a privilege was missing half-way', async () => {
    await grant('SELECT, INSERT, CREATE, ALTER, INDEX');
    const source = await open(user.url);
    let hasRefused = false;
    intercept(source, {
      before(sql) {
        if (hasRefused || !sql.includes('exports_filtered_by_updated_at')) return;
        hasRefused = true;
        throw Object.assign(new Error('INDEX command denied'), { errno: 1142 });
      },
    });
    expect(await failureOf(migrate(source))).toMatch(
      /INDEX command denied\)\. Correct the cause and run npm run migrate again: it resumes/,
    );
    await migrate(source);
    expect(await database.query(`SELECT * FROM ${LOG}`)).toHaveLength(source.migrations.length);
  });

  it('waits for another process only for a time, and then names its connection', async () => {
    const source = await open();
    const lock = `CONCAT('${LOG}.', LEFT(SHA2(DATABASE(), 256), 32))`;
    const [held] = await database.query<{ id: number }>(
      `SELECT GET_LOCK(${lock}, 0) AS held, CONNECTION_ID() AS id`,
    );
    const message = await failureOf(migrate(source, 0));
    expect(message).toContain(`Another process (connection ${held?.id} of the server) has been`);
    expect(await database.query('SHOW TABLES')).toEqual([]);
    await database.query(`SELECT RELEASE_LOCK(${lock})`);
    await migrate(source);
    expect(await database.query('SHOW TABLES')).toHaveLength(4);
  });

  it('migrates once, too, in a cluster without named locks, by two processes at a time', async () => {
    const sources = await Promise.all([open(), open()]);
    for (const source of sources) {
      intercept(source, {
        before(sql) {
          // What MariaDB answers in a Galera cluster.
          const message =
            'This version of MariaDB does not yet support GET_LOCK in cluster (WSREP)';
          if (sql.includes('GET_LOCK')) throw Object.assign(new Error(message), { errno: 1235 });
        },
      });
    }
    const messages = (await Promise.all(sources.map((source) => migrate(source)))).flat();
    expect(messages).toContain(
      'This cluster has no named locks: run one npm run migrate at a time',
    );
    const { upQueries } = await (await open()).driver.createSchemaBuilder().log();
    expect(upQueries).toEqual([]);
  });

  it('logs each change with the size of its table', async () => {
    const source = await open();
    await migrate(source);
    await insertRows(source, { exports: exportRows(300) });
    await source.query('ANALYZE TABLE exports');
    await source.query(`DELETE FROM ${LOG} WHERE name LIKE 'CoverRequesters%'`);
    await source.query('DROP INDEX exports_by_requester ON exports');
    expect(await migrate(source)).toEqual([
      expect.stringMatching(/^CREATE INDEX exports_by_requester ON exports \(about \d+ rows\)$/),
    ]);
  });
});

import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';

import { StartupError } from '../errors.js';
import type { Logger } from '../logger.js';
import { readCatalog, TABLES, type TableName } from './catalog.js';
import { MIGRATIONS_TABLE } from './data-source.js';
import { createTable, hasColumn, isMysql, isTable, lengthOf, select } from './migrations/steps.js';
import { ID_LENGTH } from './migrations/1790500000000-widen-ids.js';
import { describeError, errorNumber } from './mysql-errors.js';
import { hasPrivilege, readGrants } from './privileges.js';

/** Where earlier releases kept the log. Other systems may have a table of this name. */
const EARLIER_TABLE = 'migrations';

/** The names of locks belong to the whole server. */
const LOCK = `CONCAT('${MIGRATIONS_TABLE}.', LEFT(SHA2(DATABASE(), 256), 32))`;
const LOCK_POLL_S = 5;
/** A statement that waits for a transaction on its table makes the gateways wait, too. */
const TABLE_LOCK_TIMEOUT_S = 30;
const REPORT_INTERVAL_MS = 10_000;

/** MySQL demands CREATE and INSERT for ALTER TABLE, too. */
const NEEDED_PRIVILEGES = ['SELECT', 'INSERT', 'CREATE', 'ALTER', 'INDEX'];

/** The table, column or index exists, or the index or column to drop does not. */
const ALREADY_DONE = new Set([1050, 1060, 1061, 1091]);
/** A Galera cluster: MariaDB does not support the lock there, and Percona's strict mode forbids it. */
const LOCK_UNSUPPORTED = new Set([1105, 1235]);

/** What the first migrations create. A table without these columns belongs to another system. */
const createdColumns = {
  exports:
    'id organization_id name resource status count_batches count_total failure_reason ' +
    'requested_by created_at updated_at started_at completed_at expires_at',
  export_files: 'export_id kind object_key file_name size_bytes row_count sha256',
  api_keys: 'id organization_id name key_hash created_at expires_at revoked_at',
};

export interface MigrateOptions {
  readonly logger: Logger;
  /** How long to wait for another process that migrates the same database. */
  readonly lockTimeoutMs?: number;
}

/**
 * Runs the migrations that are not in the log, and all of them when a table or column is missing.
 * Steps leave out what is there, so a run after one that failed or was killed resumes. One process
 * at a time migrates a database. Throws StartupError.
 */
export async function migrateTables(source: DataSource, options: MigrateOptions): Promise<void> {
  const runner = source.createQueryRunner();
  try {
    if (await isUpToDate(runner)) return;
    const unlock = await (isMysql(runner) ? lockServer(runner, options) : lockFile(runner));
    try {
      // Another process may have migrated in the meantime.
      if (!(await isUpToDate(runner))) await migrateLocked(runner, options.logger);
    } catch (error) {
      // It fails, too, where the connection was lost, which ends the lock or the transaction.
      await unlock(false).catch(() => undefined);
      throw error;
    }
    await unlock(true);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const problem = `The tables cannot be migrated (${describeError(error)}).`;
    const remedy = 'Correct the cause and run npm run migrate again: it resumes where it stopped.';
    throw new StartupError([`${problem} ${remedy}`], { cause: error });
  } finally {
    await runner.release();
  }
}

async function migrateLocked(runner: QueryRunner, logger: Logger): Promise<void> {
  const problems = await findObstacles(runner);
  if (problems.length > 0) throw new StartupError(problems);
  const { migrations } = runner.dataSource;
  const unlogged = await unloggedMigrations(runner);
  const changes = isMysql(runner) ? watched(runner, logger) : runner;
  if (isMysql(runner))
    await runner.query(`SET SESSION lock_wait_timeout = ${TABLE_LOCK_TIMEOUT_S}`);
  if (!(await isTable(runner, MIGRATIONS_TABLE))) {
    await createLog(changes);
    for (const migration of migrations.filter((each) => !unlogged.includes(each))) {
      await addToLog(changes, migration);
    }
  }
  for (const migration of unlogged) {
    await migration.up(changes);
    await addToLog(changes, migration);
  }
  // A table that was dropped or restored without its columns, whatever the log says.
  if (await isUpToDate(runner)) return;
  for (const migration of migrations) await migration.up(changes);
}

/** Whether the log has every migration, and each table that is not a view every column. */
async function isUpToDate(runner: QueryRunner): Promise<boolean> {
  const { entityMetadatas } = runner.dataSource;
  if (!(await isTable(runner, MIGRATIONS_TABLE))) return false;
  if ((await unloggedMigrations(runner)).length > 0) return false;
  const catalog = await catalogOf(runner);
  return entityMetadatas.every(({ tableName, columns }) => {
    const table = catalog.get(tableName as TableName);
    if (table?.isView === true) return true;
    return columns.every(({ databaseName }) => table?.columns.has(databaseName) === true);
  });
}

/** The migrations that are not in the log, which at first is that of earlier releases. */
export async function unloggedMigrations(runner: QueryRunner): Promise<MigrationInterface[]> {
  const { migrations } = runner.dataSource;
  const hasLog = await isTable(runner, MIGRATIONS_TABLE);
  // Laravel's table of this name has other columns.
  if (!hasLog && !(await hasColumn(runner, EARLIER_TABLE, 'timestamp'))) return migrations;
  const table = hasLog ? MIGRATIONS_TABLE : EARLIER_TABLE;
  const rows = await select<{ name: string }>(runner, `SELECT name FROM ${table}`);
  const logged = new Set(rows.map(({ name }) => name));
  return migrations.filter(({ constructor }) => !logged.has(constructor.name));
}

/** The table that TypeORM's command line would create. */
function createLog(runner: QueryRunner): Promise<void> {
  const id = isMysql(runner) ? 'INT NOT NULL AUTO_INCREMENT' : 'INTEGER';
  const autoIncrement = isMysql(runner) ? '' : ' AUTOINCREMENT';
  return createTable(
    runner,
    MIGRATIONS_TABLE,
    `(id ${id} PRIMARY KEY${autoIncrement}, timestamp BIGINT NOT NULL, name VARCHAR(255) NOT NULL)`,
  );
}

async function addToLog(runner: QueryRunner, { constructor: { name } }: MigrationInterface) {
  const timestamp = name.slice(-13);
  await runner.query(
    `INSERT INTO ${MIGRATIONS_TABLE} (timestamp, name) VALUES (${timestamp}, '${name}')`,
  );
}

function catalogOf(runner: QueryRunner) {
  const kind = isMysql(runner) ? 'mysql' : 'embedded';
  return readCatalog(kind, (sql) => select(runner, sql));
}

/** What would stop the migrations half-way, all at once. */
async function findObstacles(runner: QueryRunner): Promise<string[]> {
  const catalog = await catalogOf(runner);
  const foreign = TABLES.flatMap((name) => {
    const table = catalog.get(name);
    if (table === undefined || table.isView) return [];
    const missing = createdColumns[name].split(' ').filter((column) => !table.columns.has(column));
    if (missing.length === 0) return [];
    return (
      `The table ${name} belongs to another system: it has no column ${missing.join(', ')}. ` +
      'docs/adopting-your-tables.md shows how the gateway reads the tables of another system ' +
      'through views, in a database of its own.'
    );
  });
  if (!isMysql(runner)) return foreign;
  const own = TABLES.filter((name) => catalog.get(name)?.isView !== true);
  return [
    ...foreign,
    ...(await findForeignKeys(runner)),
    ...(await findMissingPrivileges(runner, [...own, MIGRATIONS_TABLE])),
  ];
}

/** MariaDB does not widen a column of a foreign key, not even with foreign_key_checks off. */
async function findForeignKeys(runner: QueryRunner): Promise<string[]> {
  if ((await lengthOf(runner, 'exports', 'id')) >= ID_LENGTH) return [];
  const keys = await select<{ name: string; tableName: string }>(
    runner,
    'SELECT constraint_name AS name, table_name AS tableName ' +
      "FROM information_schema.key_column_usage WHERE VERSION() LIKE '%MariaDB%' " +
      "AND referenced_table_schema = DATABASE() AND referenced_table_name = 'exports'",
  );
  return keys.map(
    ({ name, tableName }) =>
      `The foreign key ${name} of ${tableName} keeps exports.id from being widened. Drop it: ` +
      `ALTER TABLE ${tableName} DROP FOREIGN KEY ${name}; then add it again after the migration.`,
  );
}

async function findMissingPrivileges(runner: QueryRunner, tables: string[]): Promise<string[]> {
  const grants = await readGrants((sql) => select(runner, sql));
  if (grants === null) return [];
  const [row] = await select<{ name: string; user: string }>(
    runner,
    'SELECT DATABASE() AS name, CURRENT_USER() AS user',
  );
  const { name: database = '', user = '' } = row ?? {};
  const lacks = (table: string) =>
    NEEDED_PRIVILEGES.filter((each) => !hasPrivilege(grants, each, { database, table }));
  const missing = NEEDED_PRIVILEGES.filter((each) =>
    tables.some((table) => lacks(table).includes(each)),
  );
  if (missing.length === 0) return [];
  const account = user.replace(/^(.*)@(.*)$/, "'$1'@'$2'");
  const grant = `GRANT ${missing.join(', ')} ON \`${database}\`.* TO ${account};`;
  return [`The user of DATABASE_URL lacks privileges that migrations need: ${grant}`];
}

/** Takes the named lock of the database. Resolves to a function that releases it. */
async function lockServer(
  runner: QueryRunner,
  { logger, lockTimeoutMs = 600_000 }: MigrateOptions,
): Promise<() => Promise<void>> {
  const deadline = Date.now() + lockTimeoutMs;
  const read = async (sql: string) => {
    const [row] = await select<{ value: unknown }>(runner, `SELECT ${sql} AS value`);
    return Number(row?.value ?? NaN);
  };
  try {
    for (
      let isFirst = true;
      (await read(`GET_LOCK(${LOCK}, ${isFirst ? 0 : LOCK_POLL_S})`)) !== 1;
      isFirst = false
    ) {
      const holder = `connection ${await read(`IS_USED_LOCK(${LOCK})`)} of the server`;
      if (Date.now() >= deadline) {
        const problem = `Another process (${holder}) has been migrating this database for ${lockTimeoutMs / 1_000} s.`;
        throw new StartupError([
          `${problem} Wait until it ends, or end it, then run npm run migrate again.`,
        ]);
      }
      if (isFirst) logger.info(`Waits for another process that migrates this database (${holder})`);
    }
  } catch (error) {
    if (!LOCK_UNSUPPORTED.has(errorNumber(error))) throw error;
    logger.warn('This cluster has no named locks: run one npm run migrate at a time');
    return () => Promise.resolve();
  }
  return async () => {
    await read(`RELEASE_LOCK(${LOCK})`);
  };
}

/** The whole migration of a file is one transaction, which other processes wait for. */
async function lockFile(runner: QueryRunner) {
  await runner.query('PRAGMA busy_timeout = 60000');
  await runner.query('BEGIN IMMEDIATE');
  return async (isDone: boolean) => {
    await runner.query(isDone ? 'COMMIT' : 'ROLLBACK');
  };
}

/**
 * Logs each change, and every ten seconds while it runs. Without a lock, two processes may start the
 * same step: the later one finds it done.
 */
function watched(runner: QueryRunner, logger: Logger): QueryRunner {
  const query = runner.query.bind(runner);
  return Object.assign(Object.create(runner) as QueryRunner, {
    async query(sql: string, parameters?: unknown[]): Promise<unknown> {
      const change = /^(?:CREATE|ALTER|DROP)[^(]+/.exec(sql)?.[0].trim();
      if (change === undefined) return query(sql, parameters);
      logger.info(`${change}${await describeSize(runner, change)}`);
      const startedAt = performance.now();
      const timer = setInterval(() => {
        logger.info(
          `${change} has been running for ${Math.round((performance.now() - startedAt) / 1_000)} s`,
        );
      }, REPORT_INTERVAL_MS);
      try {
        return await query(sql, parameters);
      } catch (error) {
        if (!ALREADY_DONE.has(errorNumber(error))) throw error;
        return [];
      } finally {
        clearInterval(timer);
      }
    },
  });
}

/** For example ` (about 1,200,000 rows)`; nothing for a table that is empty or new. */
async function describeSize(runner: QueryRunner, change: string): Promise<string> {
  const [, table = ''] = /(?: ON|TABLE) (\w+)/.exec(change) ?? [];
  const [row] = await select<{ count: unknown }>(
    runner,
    `SELECT table_rows AS count FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '${table}'`,
  );
  const count = Number(row?.count ?? 0);
  return count > 0 ? ` (about ${count.toLocaleString('en')} rows)` : '';
}

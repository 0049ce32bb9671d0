import type { DatabaseConfig } from '../config/database.js';
import { toError } from '../errors.js';
import { readCatalog, TABLES, type Catalog, type TableName } from './catalog.js';
import { createDataSource, MIGRATIONS_TABLE, type Entities } from './data-source.js';
import { unloggedMigrations } from './migrate.js';
import { createIndexStatements } from './missing-indexes.js';
import { hasPrivilege, readGrants } from './privileges.js';
import { checkSchema } from './schema-check.js';

/** A migration, or another ALTER TABLE, may lock a table for hours. */
const LOCK_WAIT_S = 2;

/** A connection that cannot write, whatever state the database is in. */
export interface Inspection {
  readonly kind: DatabaseConfig['kind'];
  readonly catalog: Catalog;
  /** Each index that queries use, with the statement that creates it. */
  readonly indexStatements: ReadonlyMap<string, string>;
  /** The names of the migrations that the log lacks; null where the user may not read the log. */
  readonly pendingMigrations: readonly string[] | null;
  /** What keeps a gateway from starting; null when it starts. */
  readonly schemaProblem: (tables: readonly TableName[]) => Promise<string | null>;
  /** How far the local time of the server's sessions is ahead of UTC, in seconds. */
  readonly timeZoneOffset: number;
  readonly query: <Row>(sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;
  readonly close: () => Promise<void>;
}

/** Rejects with the driver's error when it cannot connect. */
export async function openInspection(
  config: DatabaseConfig,
  entities: Entities,
): Promise<Inspection> {
  const source = await createDataSource(config, entities);
  await source.initialize();
  const runner = source.createQueryRunner();
  const query = <Row>(sql: string, parameters: readonly unknown[] = []) =>
    source.query<Row[]>(sql, [...parameters], runner);
  try {
    let timeZoneOffset = 0;
    if (config.kind === 'embedded') {
      await query('PRAGMA query_only = ON');
    } else {
      const sql = 'SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) AS offset_s';
      const [row] = await query<{ offset_s: unknown }>(sql);
      timeZoneOffset = Number(row?.offset_s);
      await query('SET SESSION TRANSACTION READ ONLY');
      await query(`SET SESSION lock_wait_timeout = ${LOCK_WAIT_S}`);
      await query("SET SESSION time_zone = '+00:00'");
    }
    const pending = (await mayReadLog(config.kind, query))
      ? await unloggedMigrations(runner)
      : null;
    const catalog = await readCatalog(config.kind, query);
    return {
      kind: config.kind,
      catalog,
      indexStatements: new Map(TABLES.flatMap((name) => [...createIndexStatements(source, name)])),
      pendingMigrations: pending?.map(({ constructor }) => constructor.name) ?? null,
      async schemaProblem(tables) {
        try {
          await checkSchema(source, catalog, tables, runner);
          return null;
        } catch (error) {
          return toError(error).message;
        }
      },
      timeZoneOffset,
      query,
      async close() {
        await runner.release();
        await source.destroy();
      },
    };
  } catch (error) {
    await source.destroy();
    throw error;
  }
}

/** A server hides a table on which a user has no privilege, as if it did not exist. */
async function mayReadLog(
  kind: DatabaseConfig['kind'],
  query: Inspection['query'],
): Promise<boolean> {
  const grants = kind === 'embedded' ? null : await readGrants(query);
  if (grants === null) return true;
  const [row] = await query<{ name: string }>('SELECT DATABASE() AS name');
  return hasPrivilege(grants, 'SELECT', { database: row?.name ?? '', table: MIGRATIONS_TABLE });
}

import type { DatabaseConfig, MysqlConfig, MysqlServer } from '../config/database.js';
import type { Logger } from '../logger.js';
import { RequestAbandonedError } from '../errors.js';
import { RenewableValue } from '../renewable-value.js';
import type { Catalog } from './catalog.js';
import type { Database, QueryOrigin } from './database.js';
import { readCredentials } from './mysql-driver.js';
import { isTimeout, toGatewayError } from './mysql-errors.js';
import { MysqlPool } from './mysql-pool.js';
import type { SqlValue } from './sql-format.js';
import { TickClock } from './tick-clock.js';

/** Covers waiting, execution and retries: slightly more than the server's limit for a statement. */
const QUERY_DEADLINE_MS = 1_700;

interface MysqlDatabaseOptions {
  /** Of the primary. */
  readonly catalog: Catalog;
  /** The statements that create the indexes of `exports`, by name. */
  readonly indexStatements: ReadonlyMap<string, string>;
  readonly replicaProbe: string;
  /** Reads the configuration again; null where no URL is in a file. */
  readonly reread: (() => Promise<DatabaseConfig>) | null;
  readonly logger: Logger;
}

/** A server and its replicas. Uses mysql2 directly, because TypeORM takes longer per statement. */
export async function mysqlDatabase(
  config: MysqlConfig,
  { catalog, indexStatements, replicaProbe, reread, logger }: MysqlDatabaseOptions,
): Promise<Database> {
  const servers = [config.primary, ...config.replicas];
  const credentials = await Promise.all(
    servers.map(async (server) => {
      const replica = server === config.primary ? null : server.name;
      const read = async () => readCredentials(serverOf((await reread?.()) ?? config, replica));
      const name = `The credentials of ${server.name}`;
      return { server, value: new RenewableValue(await read(), read, { name, logger }) };
    }),
  );
  // After the files, because it ticks while they are read.
  const clock = new TickClock(() => {
    for (const pool of pools) pool.onTick();
  });
  const options = { logger, indexStatements };
  const pools = credentials.map(({ server, value }) => {
    const probe = server === config.primary ? {} : { replicaProbe };
    return new MysqlPool(server, value, clock, { ...options, ...probe });
  });
  const [primary, ...replicas] = pools as [MysqlPool, ...MysqlPool[]];
  primary.missingIndexes.add(missingIn(catalog, indexStatements));

  /** The untried replica with the lowest load, else the primary. */
  function choosePool(tried: readonly MysqlPool[], fromPrimary: boolean): MysqlPool {
    if (fromPrimary && tried.length === 0) return primary;
    const usable = replicas.filter((each) => each.load < Infinity && !tried.includes(each));
    const lowest = Math.min(...usable.map(({ load }) => load));
    const leastLoaded = usable.filter(({ load }) => load === lowest);
    // Round-robin would always send each of the two statements of a page to the same server.
    return leastLoaded[Math.floor(Math.random() * leastLoaded.length)] ?? primary;
  }

  return {
    catalog,
    async query<Row>(sql: string, parameters: readonly SqlValue[] = [], origin?: QueryOrigin) {
      const deadline = performance.now() + QUERY_DEADLINE_MS - (origin?.waitedMs ?? 0);
      const fromPrimary = origin?.fromPrimary === true;
      const tried: MysqlPool[] = [];
      for (;;) {
        const pool = choosePool(tried, fromPrimary);
        try {
          return (await pool.query(sql, parameters, { deadline, origin })) as Row[];
        } catch (error) {
          // A timeout is final, because another server would hardly be faster.
          const isFinal =
            (pool === primary && !(fromPrimary && tried.length === 0)) ||
            isTimeout(error) ||
            error instanceof RequestAbandonedError ||
            performance.now() >= deadline;
          if (isFinal) throw toGatewayError(error, sql);
          tried.push(pool);
        }
      }
    },
    indexHint: (name) => `FORCE INDEX (${name})`,
    currentTimeSql: 'UTC_TIMESTAMP(3)',
    poolStats: () =>
      pools.map(({ stats }, index) => ({
        server: index === 0 ? 'primary' : `replica-${index}`,
        ...stats,
      })),
    async close() {
      clock.stop();
      for (const pool of pools) pool.close();
    },
  };
}

/** The names of the indexes that `exports` lacks; none of a view, to which hints do not apply. */
function missingIn(catalog: Catalog, statements: ReadonlyMap<string, string>): string[] {
  const table = catalog.get('exports');
  if (table === undefined || table.isView) return [];
  return [...statements.keys()].filter((name) => !table.indexes.has(name));
}

/**
 * The replica of this name, or the primary for null. Throws when it is not configured any more. Its
 * position may have changed: another replica must not receive its credentials.
 */
function serverOf(config: DatabaseConfig, replica: string | null): MysqlServer {
  const { primary, replicas = [] } = config;
  const server = replica === null ? primary : replicas.find(({ name }) => name === replica);
  if (server === undefined) throw new Error('Its URL is not set any more.');
  return server;
}

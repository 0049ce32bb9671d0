import type { Logger } from '../logger.js';
import type { Database, PoolStats } from './database.js';
import { loadMysql } from './mysql-driver.js';
import { MysqlPool, TICK_MS } from './mysql-pool.js';
import { isTimeout, toGatewayError } from './mysql-errors.js';

/** What a statement may take in all: the wait for a connection, its run, and other tries. A little more than on a server. */
const DEADLINE = 1_700 / TICK_MS;

/**
 * A MySQL or MariaDB server and its replicas, by pools of the gateway's own: TypeORM would build an object around every
 * statement, which costs more than all that mysql2 does.
 */
export class MysqlDatabase implements Database {
  private readonly clock: NodeJS.Timeout;
  private tick = 0;

  private constructor(
    private readonly primary: MysqlPool,
    private readonly replicas: readonly MysqlPool[],
    private readonly logger: Logger,
  ) {
    const servers = [primary, ...replicas];
    this.clock = setInterval(() => {
      this.tick++;
      for (const server of servers) server.watch(this.tick);
    }, TICK_MS).unref();
  }

  /** Connects when it is first asked. `replicaProbe` is a statement that a replica must be able to answer. */
  static async open(
    { url, replicaUrls = [] }: { url: string; replicaUrls?: readonly string[] },
    { replicaProbe, logger }: { replicaProbe: string; logger: Logger },
  ): Promise<MysqlDatabase> {
    const driver = await loadMysql();
    const primary = new MysqlPool(driver, url, { replicaProbe: null, logger });
    const replicas = replicaUrls.map(
      (each) => new MysqlPool(driver, each, { replicaProbe, logger }),
    );
    return new MysqlDatabase(primary, replicas, logger);
  }

  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    this.logger.debug({ sql }, 'statement');
    const values = [...parameters];
    const until = this.tick + DEADLINE;
    let tried: readonly MysqlPool[] = [];
    for (;;) {
      const server = this.nextServer(tried);
      try {
        return (await server.query(sql, values, until)) as Row[];
      } catch (error) {
        // Another server may do better. What failed for a reason of its own fails there as well, and then for good.
        const isLast = server === this.primary || (error instanceof Error && isTimeout(error));
        if (isLast) throw toGatewayError(error, sql);
        tried = [...tried, server];
      }
    }
  }

  indexHint(name: string): string {
    return `FORCE INDEX (${name})`;
  }

  poolStats(): PoolStats[] {
    return [this.primary, ...this.replicas].map((pool, index) => ({
      server: index === 0 ? 'primary' : `replica-${index}`,
      ...pool.use,
    }));
  }

  async close(): Promise<void> {
    clearInterval(this.clock);
    for (const server of [this.primary, ...this.replicas]) server.close();
  }

  /**
   * The replica with the least to do; the primary when none is there that has not been tried. Among equals it is chance, for
   * in strict turns each of the two statements of a page with links would always fall to the same server.
   */
  private nextServer(tried: readonly MysqlPool[]): MysqlPool {
    let found: MysqlPool | undefined;
    const first = Math.floor(Math.random() * this.replicas.length);
    for (const replica of [...this.replicas.slice(first), ...this.replicas.slice(0, first)]) {
      if (!replica.isUp || tried.includes(replica)) continue;
      if (found === undefined || replica.waiting < found.waiting) found = replica;
    }
    return found ?? this.primary;
  }
}

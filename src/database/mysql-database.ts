import type { Logger } from '../logger.js';
import type { Database } from './database.js';
import { loadMysql } from './mysql-driver.js';
import { MysqlPool, TICK_MS } from './mysql-pool.js';
import { isTooSlow, thrownFor } from './outage.js';

/** What a statement may take in all: the wait for a connection, its run, and another try. A little more than on the server alone. */
const DEADLINE = 1_800 / TICK_MS;

/**
 * A MySQL or MariaDB server and its replicas, by pools of the gateway's own: TypeORM would build an object around every
 * statement, which costs more than all that mysql2 does.
 */
export class MysqlDatabase implements Database {
  private readonly clock: NodeJS.Timeout;
  private tick = 0;
  private turn = 0;

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

  /** Connects when it is first asked. */
  static async open(
    { url, replicaUrls = [] }: { url: string; replicaUrls?: readonly string[] },
    logger: Logger,
  ): Promise<MysqlDatabase> {
    const driver = await loadMysql();
    const primary = new MysqlPool(driver, url, 'primary', logger);
    const replicas = replicaUrls.map((each) => new MysqlPool(driver, each, 'replica', logger));
    return new MysqlDatabase(primary, replicas, logger);
  }

  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    this.logger.debug({ sql }, 'statement');
    const values = [...parameters];
    const until = this.tick + DEADLINE;
    const server = this.nextServer();
    try {
      return (await server.query(sql, values, until)) as Row[];
    } catch (error) {
      const other = error instanceof Error && isTooSlow(error) ? server : this.nextServer(server);
      if (other === server) throw thrownFor(error, sql);
      // What failed here for a reason of its own will fail there, too.
      return (await other.query(sql, values, until).catch((again: unknown) => {
        throw thrownFor(again, sql);
      })) as Row[];
    }
  }

  byIndex(name: string): string {
    return `FORCE INDEX (${name})`;
  }

  async close(): Promise<void> {
    clearInterval(this.clock);
    for (const server of [this.primary, ...this.replicas]) server.close();
  }

  /** The replicas take turns; with none of them there, or none but `except`, it is the primary's. */
  private nextServer(except?: MysqlPool): MysqlPool {
    for (let tried = 0; tried < this.replicas.length; tried++) {
      this.turn = (this.turn + 1) % this.replicas.length;
      const replica = this.replicas[this.turn];
      if (replica?.isUp && replica !== except) return replica;
    }
    return this.primary;
  }
}

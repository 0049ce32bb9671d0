import type { PoolConnection } from 'mysql2';

import type { MysqlServer } from '../config/database.js';
import { RequestAbandonedError } from '../errors.js';
import { InFlight } from '../in-flight.js';
import type { Logger } from '../logger.js';
import type { RenewableValue } from '../renewable-value.js';
import { indexesSql, usableIndexes } from './catalog.js';
import { CheckedPool } from './checked-pool.js';
import { CircuitBreaker, type ProtectedServer } from './circuit-breaker.js';
import type { PoolStats, QueryOrigin } from './database.js';
import { FairSemaphore, type PermitHolder } from './fair-semaphore.js';
import * as driver from './mysql-driver.js';
import { MissingIndexes, RETRY_MS } from './missing-indexes.js';
import * as errors from './mysql-errors.js';
import { formatSql, type SqlValue } from './sql-format.js';
import { ticks, type TickClock } from './tick-clock.js';

/** How long before its deadline the server aborts a query, so that its response is in time. */
const ABORT_BEFORE_MS = 200;
/** A query that waited for long gets at least this time. */
const MIN_TIMEOUT_MS = 50;
/** When a pending query makes the server suspect. */
const PROBE_AFTER = ticks(500);

/** For reading which indexes a server has. */
const INDEXES_TIMEOUT_MS = 1_700;

/** In every statement, so that TIMESTAMP columns read and compare as UTC. */
const UTC = "time_zone='+00:00'";

interface PoolOptions {
  readonly logger: Logger;
  /** The statements that create the indexes of hints, by name. */
  readonly indexStatements: ReadonlyMap<string, string>;
  /** A replica must pass this; the primary, as the last resort, only has to respond. */
  readonly replicaProbe?: string;
}

interface PendingQuery extends PermitHolder {
  /** With its values. */
  readonly sql: string;
  /** In ticks. */
  readonly startedAt: number;
  /** As by performance.now(): busy or not, the process keeps it. */
  readonly deadline: number;
  readonly resolve: (rows: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly origin: QueryOrigin | undefined;
  connection: PoolConnection | null;
  isSettled: boolean;
  /** Removes it from the pending queries. */
  remove: () => void;
  /** Whether a connection has broken, or was denied, before. */
  isRetried: boolean;
}

/** The connections to one server. While its circuit breaker is open, queries await a probe. */
export class MysqlPool implements ProtectedServer {
  private readonly options: driver.ConnectionOptions;
  private readonly breaker: CircuitBreaker;
  private readonly queries = new InFlight<PendingQuery>();
  private readonly permits: FairSemaphore;
  private readonly logger: Logger;
  private readonly replicaProbe: string | undefined;
  readonly missingIndexes: MissingIndexes;
  private indexesReadAt = performance.now();
  private pool: CheckedPool;

  constructor(
    private readonly server: MysqlServer,
    private readonly credentials: RenewableValue<driver.Credentials>,
    private readonly clock: TickClock,
    { logger, indexStatements, replicaProbe }: PoolOptions,
  ) {
    this.options = driver.connectionOptions(server, credentials);
    this.permits = new FairSemaphore(server.connectionLimit);
    this.logger = logger;
    this.replicaProbe = replicaProbe;
    this.missingIndexes = new MissingIndexes(indexStatements, server.name, logger);
    this.breaker = new CircuitBreaker(this, clock);
    this.pool = new CheckedPool(this.options, clock);
  }

  /** The number of pending queries; Infinity while the breaker is open. */
  get load(): number {
    return this.breaker.isOpen ? Infinity : this.queries.size;
  }

  get stats(): Omit<PoolStats, 'server'> {
    const used = [...this.queries].filter(({ connection }) => connection !== null).length;
    const pending = this.queries.size - used;
    const { connectionLimit } = this.server;
    const missingIndexes = this.missingIndexes.size;
    return { connectionLimit, isUp: !this.breaker.isOpen, used, pending, missingIndexes };
  }

  /**
   * Resolves to the rows. Rejects with the driver's error, or with NoResponseError, also when
   * performance.now() has reached `deadline`.
   */
  query(
    sql: string,
    values: readonly SqlValue[],
    { deadline, origin }: { deadline: number; origin: QueryOrigin | undefined },
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const query: PendingQuery = {
        ...{ deadline, origin, resolve, reject },
        // Here, where an error rejects the query; in a callback of the driver it ends the process.
        sql: formatSql(sql, values),
        organization: origin?.organization ?? '',
        enter: () => {
          if (origin?.isAbandoned === true) this.fail(query, new RequestAbandonedError());
          else this.connect(query);
        },
        startedAt: this.clock.now,
        connection: null,
        isSettled: false,
        remove: () => undefined,
        isRetried: false,
      };
      query.remove = this.queries.add(query);
      if (this.breaker.isOpen) this.breaker.startProbe();
      else this.start(query);
    });
  }

  onTick(): void {
    const now = performance.now();
    for (const query of this.queries) {
      if (now >= query.deadline) {
        query.connection?.destroy();
        this.fail(query, new errors.NoResponseError(this.server.name));
      } else if (this.clock.now - query.startedAt >= PROBE_AFTER) {
        this.breaker.suspect();
      }
    }
    this.pool.onTick();
    this.breaker.onTick();
    const isDue = now - this.indexesReadAt >= RETRY_MS;
    if (isDue && this.missingIndexes.size > 0 && !this.breaker.isOpen) {
      this.indexesReadAt = now;
      void this.readIndexes(now);
    }
  }

  /** Else an index that few lists use, or one of a primary that is not read, would stay missing. */
  private async readIndexes(now: number): Promise<void> {
    try {
      const options = { deadline: now + INDEXES_TIMEOUT_MS, origin: undefined };
      const rows = await this.query(indexesSql('exports'), [], options);
      this.missingIndexes.remove(usableIndexes(rows as unknown[]));
    } catch {
      // Requests report an outage. The next minute tries again.
    }
  }

  startProbe(onEnd: (failure: Error | null) => void): () => void {
    const { current } = this.credentials;
    return driver.startProbe(this.options, this.replicaProbe ?? 'SELECT 1', (error) => {
      if (errors.isDenial(error)) void this.credentials.isOutdated(current);
      const isServing =
        errors.isConnectionLimitError(error) ||
        (this.replicaProbe === undefined && !errors.isOutage(error));
      if (isServing) this.pool.onProbeSuccess();
      onEnd(isServing ? null : error);
    });
  }

  onFailure(cause: Error, isFirst: boolean): void {
    for (const query of this.queries) {
      if (this.settle(query)) query.reject(new errors.NoResponseError(this.server.name, { cause }));
    }
    if (!isFirst) return;
    const reason = errors.describeError(cause);
    this.logger.warn(
      `The database ${this.server.name} is not used until it responds again (${reason}).`,
    );
    this.pool.close();
    this.pool = new CheckedPool(this.options, this.clock);
  }

  onRecovery(): void {
    this.logger.info(`The database ${this.server.name} responds again.`);
    const byDeadline = [...this.queries].sort((a, b) => a.deadline - b.deadline);
    for (const query of byDeadline) this.start(query);
  }

  close(): void {
    this.breaker.cancelProbe();
    this.pool.close();
  }

  /** The gateway's own queries need no permit: they only wait for a connection. */
  private start(query: PendingQuery): void {
    if (query.origin === undefined) this.connect(query);
    else this.permits.acquire(query);
  }

  private connect(query: PendingQuery): void {
    const { current } = this.credentials;
    this.pool.acquire((error, connection) => {
      if (error !== null) {
        if (errors.isDenial(error) && !query.isRetried) void this.renew(query, current, error);
        else this.fail(query, error);
      } else if (!query.isSettled && performance.now() < query.deadline) {
        this.run(query, connection);
      } else {
        // The next tick fails a query that is late; once sent, it would cost the connection.
        this.pool.release(connection);
      }
    });
  }

  private run(
    query: PendingQuery,
    connection: PoolConnection,
    sql = this.missingIndexes.apply(query.sql),
  ): void {
    query.connection = connection;
    query.origin?.onStart?.();
    // The text protocol: MariaDB may turn a prepared COUNT(*) into a table scan once its connection
    // has run another statement, and mysql2 drops the .000 of a time in the binary protocol.
    connection.query(limited(sql, query.deadline), (error, rows) => {
      const unhinted = error === null ? undefined : this.missingIndexes.onError(sql, error);
      if (unhinted !== undefined && !query.isSettled) {
        this.run(query, connection, unhinted);
        return;
      }
      if (error?.fatal === true) {
        connection.destroy();
        if (this.mayRetry(query)) {
          this.retry(query);
          return;
        }
      } else {
        this.pool.release(connection);
        this.breaker.onResponse();
      }
      if (error !== null) {
        this.fail(query, error);
      } else {
        this.missingIndexes.onSuccess(sql);
        if (this.settle(query)) query.resolve(rows);
      }
    });
  }

  /** A connection may break without a fault of the server, as when a proxy restarts. */
  private mayRetry(query: PendingQuery): boolean {
    const isRead = query.sql.startsWith('SELECT');
    return !query.isSettled && isRead && !query.isRetried && !this.breaker.isOpen;
  }

  /** Connects with other credentials than those that the server has denied, if there are any. */
  private async renew(
    query: PendingQuery,
    denied: driver.Credentials,
    error: Error,
  ): Promise<void> {
    query.isRetried = true;
    if (await this.credentials.isOutdated(denied)) this.connect(query);
    else this.fail(query, error);
  }

  private retry(query: PendingQuery): void {
    query.isRetried = true;
    query.connection = null;
    this.pool.discardIdle();
    this.connect(query);
    this.breaker.suspect();
  }

  /** Does nothing for a query that its deadline or the breaker has rejected. */
  private fail(query: PendingQuery, error: Error): void {
    if (!this.settle(query)) return;
    query.reject(error);
    if (!errors.isTimeout(error) && !(error instanceof RequestAbandonedError))
      this.breaker.suspect();
  }

  /** Returns false for a query that has settled before. */
  private settle(query: PendingQuery): boolean {
    if (query.isSettled) return false;
    query.isSettled = true;
    query.remove();
    this.permits.release(query);
    return true;
  }
}

/**
 * The statement with its time limit and time zone: MariaDB reads the comment after M!, with seconds,
 * and MySQL the hint, with milliseconds. Without a limit the server would run on after the deadline,
 * and its statements would exceed the permits. A setting of the session would not reach a statement
 * that a proxy gives to another session.
 */
function limited(sql: string, deadline: number): string {
  const ms = Math.max(Math.floor(deadline - performance.now()) - ABORT_BEFORE_MS, MIN_TIMEOUT_MS);
  const hints = `/*+ MAX_EXECUTION_TIME(${ms}) SET_VAR(${UTC}) */`;
  const hinted = sql.replace(/^(?:SELECT|INSERT|UPDATE)/, `$& ${hints}`);
  return `/*M! SET STATEMENT max_statement_time=${ms / 1_000}, ${UTC} FOR */ ${hinted}`;
}

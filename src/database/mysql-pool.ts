import { connect, type Socket } from 'node:net';

import type mysql2 from 'mysql2';

import type { Logger } from '../logger.js';
import { redactedUrl, reasonOf } from './connect.js';
import { createPool, SAFE_ESCAPING, connectionOptions } from './mysql-driver.js';
import {
  DeadlineError,
  isConnectionLimitError,
  isOutage,
  isTimeout,
  UnreachableError,
} from './mysql-errors.js';

/**
 * Times are counted in ticks. A process that is too busy to read an answer is too busy to tick as well, so it does not
 * take the wait for the server's.
 */
export const TICK_MS = 100;
const ticks = (ms: number) => ms / TICK_MS;

/** What one statement may take on the server, which ends it then: less than the two seconds within which an answer is owed. */
const STATEMENT_MS = 1_500;
/** How long a statement goes unanswered before it is asked whether the server lives. */
const SUSPICION = ticks(500);
/** How long the server may then stay silent, to every connection, before it is given up. */
const SILENCE = ticks(500);
/**
 * How long an unanswered probe is kept. It is not given up sooner, for a server counts broken handshakes, and shuts out
 * whoever breaks a hundred; and no later, for on a way that loses packets a new one comes through first.
 */
const PROBE_PATIENCE = ticks(3_000);
/** From the end of a probe to the next. */
const PROBE_PAUSE = ticks(500);
/** What mysql2 waits for a connection, at most; statements and probes give up sooner. */
const CONNECT_MS = 3_000;
/** To one server, at most; what finds none waits its turn. */
const CONNECTIONS = 10;

/**
 * The first statement of each session. Both kinds of server read it, and each its own half of the limit: MariaDB what
 * stands behind M!, and MySQL from 8.0 on what stands behind !80000, where the limit is in milliseconds.
 */
const SESSION_SET_UP =
  SAFE_ESCAPING +
  ` /*M! , max_statement_time = ${STATEMENT_MS / 1_000} */` +
  ` /*!80000 , max_execution_time = ${STATEMENT_MS} */`;

/** A statement on its way. */
interface Attempt {
  readonly sql: string;
  readonly values: unknown[];
  readonly since: number;
  readonly until: number;
  readonly resolve: (rows: unknown) => void;
  readonly reject: (error: Error) => void;
  connection: mysql2.PoolConnection | null;
}

/**
 * The connections to one server, and whether it is there. While it is, statements go straight to it. When one fails or
 * stays unanswered, a probe on a connection of its own finds out about the server. One that does not answer that either is
 * left: what waits for it fails at once, and what comes waits for the next probe, and shares its fate.
 */
export class MysqlPool {
  private readonly place: string;
  private readonly replicaProbe: string | null;
  private readonly logger: Logger;
  private readonly options: mysql2.PoolOptions;
  private readonly sockets = new Set<Socket>();
  private readonly attempts = new Set<Attempt>();
  private pool: mysql2.Pool;
  private tick = 0;
  /** When the server last answered a statement. */
  private answeredAt = 0;
  private probe: { readonly since: number; readonly socket: Socket } | null = null;
  private nextProbeAt = 0;
  private isLeft = false;

  /**
   * A primary is the last resort, so it is enough that it speaks. A replica that cannot answer its probe, such as one that
   * lost a table or the right to read it, does better not to be asked.
   */
  constructor(
    private readonly driver: typeof mysql2,
    url: string,
    { replicaProbe, logger }: { replicaProbe: string | null; logger: Logger },
  ) {
    this.replicaProbe = replicaProbe;
    this.logger = logger;
    this.place = redactedUrl({ kind: 'mysql', url });
    this.options = {
      ...connectionOptions(url),
      dateStrings: true,
      supportBigNumbers: true,
      connectTimeout: CONNECT_MS,
      connectionLimit: CONNECTIONS,
      stream: () => this.openSocket(),
    };
    this.pool = createPool(driver, this.options, SESSION_SET_UP);
  }

  get isUp(): boolean {
    return !this.isLeft;
  }

  /** How many statements are on their way. */
  get waiting(): number {
    return this.attempts.size;
  }

  /** How many of them have a connection, and how many wait for one. */
  get use(): { readonly inUse: number; readonly waiting: number } {
    let inUse = 0;
    for (const { connection } of this.attempts) if (connection !== null) inUse++;
    return { inUse, waiting: this.attempts.size - inUse };
  }

  /** The rows of a statement, if they come before the tick `until`. Rejects with what mysql2 says, or why it was given up. */
  query(sql: string, values: unknown[], until: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const since = this.tick;
      const attempt: Attempt = { sql, values, since, until, resolve, reject, connection: null };
      this.attempts.add(attempt);
      if (this.isLeft) this.startProbe();
      else this.begin(attempt);
    });
  }

  /** To be called at every tick: gives up what has waited too long, and finds out about the server when there is a doubt. */
  watch(tick: number): void {
    this.tick = tick;
    let isDoubtful = this.isLeft;
    for (const attempt of this.attempts) {
      if (tick >= attempt.until) {
        attempt.connection?.destroy();
        this.fail(attempt, new DeadlineError(this.place));
      } else if (tick - attempt.since >= SUSPICION) {
        isDoubtful = true;
      }
    }
    if (isDoubtful && tick >= this.nextProbeAt) this.startProbe();
    if (this.probe === null) return;
    // A server that is slow to accept a connection while it answers others is busy, and should not lose them.
    const silentSince = Math.max(this.probe.since, this.answeredAt);
    if (tick - silentSince >= SILENCE) this.leave(new Error('no answer in time'));
    if (tick - this.probe.since >= PROBE_PATIENCE) this.endProbe();
  }

  close(): void {
    this.endProbe();
    this.closePool();
  }

  private begin(attempt: Attempt): void {
    this.pool.getConnection((error, connection) => {
      if (error !== null) this.fail(attempt, error);
      else if (this.attempts.has(attempt)) this.run(attempt, connection);
      else connection.release();
    });
  }

  private run(attempt: Attempt, connection: mysql2.PoolConnection): void {
    attempt.connection = connection;
    // By the text protocol, for a prepared COUNT(*) may become a scan of the whole table on MariaDB once another statement
    // has run on its connection, and mysql2 drops the .000 of a time that comes by the binary one.
    connection.query(attempt.sql, attempt.values, (error, rows) => {
      if (error?.fatal === true) {
        connection.destroy();
      } else {
        connection.release();
        this.answeredAt = this.tick;
      }
      if (error !== null) this.fail(attempt, error);
      else if (this.attempts.delete(attempt)) attempt.resolve(rows);
    });
  }

  /** Does nothing for an attempt that was given up before. */
  private fail(attempt: Attempt, error: Error): void {
    if (!this.attempts.delete(attempt)) return;
    attempt.reject(error);
    if (!isTimeout(error) && this.tick >= this.nextProbeAt) this.startProbe();
  }

  private startProbe(): void {
    if (this.probe !== null) return;
    const socket = this.openSocket();
    const probe = { since: this.tick, socket };
    this.probe = probe;
    const connection = this.driver.createConnection({ ...this.options, stream: socket });
    // The callback below hears of it first.
    connection.on('error', () => undefined);
    connection.query(this.replicaProbe ?? 'SELECT 1', (error) => {
      if (error === null) connection.end();
      if (this.probe !== probe) return;
      this.endProbe();
      if (error !== null && this.isReasonToLeave(error)) this.leave(error);
      else if (this.isLeft) this.comeBack();
    });
  }

  private endProbe(): void {
    if (this.probe === null) return;
    hangUp(this.probe.socket);
    this.probe = null;
    this.nextProbeAt = this.tick + PROBE_PAUSE;
  }

  private isReasonToLeave(error: Error): boolean {
    if (isConnectionLimitError(error)) return false;
    return this.replicaProbe !== null || isOutage(error);
  }

  private leave(cause: Error): void {
    for (const { reject } of this.attempts) reject(new UnreachableError(this.place, { cause }));
    this.attempts.clear();
    if (this.isLeft) return;
    this.isLeft = true;
    this.logger.warn(
      `The database ${this.place} is left until it answers again (${reasonOf(cause)}).`,
    );
    this.closePool();
    this.pool = createPool(this.driver, this.options, SESSION_SET_UP);
  }

  private comeBack(): void {
    this.isLeft = false;
    this.logger.info(`The database ${this.place} answers again.`);
    for (const attempt of this.attempts) this.begin(attempt);
  }

  /** Ends all connections without waiting for the server, which may never answer. */
  private closePool(): void {
    // First, so that what waits in its queue does not make it open others. What it says about the end is of no use.
    this.pool.end(() => undefined);
    for (const socket of this.sockets) if (socket !== this.probe?.socket) hangUp(socket);
  }

  private openSocket(): Socket {
    const { port = 3306, host = '' } = this.options;
    const socket = connect({ port, host, noDelay: true, keepAlive: true });
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  }
}

/** Without waiting for the other end; a last word is still sent, if there is anybody to take it. */
function hangUp(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.destroySoon();
}

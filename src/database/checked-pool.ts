import type { Socket } from 'node:net';

import type { Pool, PoolConnection } from 'mysql2';

import * as driver from './mysql-driver.js';
import { ticks, type TickClock } from './tick-clock.js';

/** From this idle time on, a connection must answer a ping before its next query. */
const PING_AFTER = ticks(200);
/** A ping that is older is not answered any more, if the server answers on another connection. */
const PING_TIMEOUT = ticks(200);
/** Shorter than what most firewalls, balancers and proxies allow. */
const MAX_IDLE = ticks(45_000);

type OnConnection = Parameters<Pool['getConnection']>[0];

/**
 * The connections of mysql2's pool, without those that the network has dropped while they were idle:
 * nothing would ever answer a query on these.
 */
export class CheckedPool {
  private readonly sockets = new Set<Socket>();
  private readonly pool: Pool;
  /** The idle connections with the tick of their release, oldest first. */
  private readonly idle = new Map<PoolConnection, number>();
  /** The connections that have not answered a ping yet. */
  private readonly pinged = new Map<PoolConnection, { at: number; onConnection: OnConnection }>();

  constructor(
    options: driver.ConnectionOptions,
    private readonly clock: Pick<TickClock, 'now'>,
  ) {
    const stream = driver.withSocket(options, (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    this.pool = driver.createPool({ ...options, stream, dateStrings: true, gracefulEnd: true });
  }

  acquire(onConnection: OnConnection): void {
    this.pool.getConnection((error, connection) => {
      if (error !== null) {
        onConnection(error, connection);
        return;
      }
      const releasedAt = this.idle.get(connection) ?? Infinity;
      this.idle.delete(connection);
      if (this.clock.now - releasedAt < PING_AFTER) onConnection(null, connection);
      else this.ping(connection, onConnection);
    });
  }

  release(connection: PoolConnection): void {
    this.idle.delete(connection);
    this.idle.set(connection, this.clock.now);
    connection.release();
  }

  onTick(): void {
    for (const [connection, releasedAt] of this.idle) {
      if (this.clock.now - releasedAt < MAX_IDLE) return;
      this.idle.delete(connection);
      driver.quit(connection);
    }
  }

  /** The server answers on a new connection: replaces those that are silent, and the idle ones. */
  onProbeSuccess(): void {
    const silent = [...this.pinged].filter(([, { at }]) => this.clock.now - at >= PING_TIMEOUT);
    if (silent.length > 0) this.discardIdle();
    for (const [connection, { onConnection }] of silent) this.replace(connection, onConnection);
  }

  /** The next connection is a new one, or one that is in use now. */
  discardIdle(): void {
    for (const connection of this.idle.keys()) driver.discard(connection);
    this.idle.clear();
  }

  /** Does not wait for the server, which may never respond. */
  close(): void {
    // First, or the queries that wait for a connection would open new ones.
    this.pool.end(() => undefined);
    for (const socket of this.sockets) socket.destroy();
  }

  private ping(connection: PoolConnection, onConnection: OnConnection): void {
    this.pinged.set(connection, { at: this.clock.now, onConnection });
    connection.ping((error) => {
      if (!this.pinged.has(connection)) return;
      // mysql2 passes nothing, in spite of its types, when there is no error.
      if (error instanceof Error) {
        this.replace(connection, onConnection);
        return;
      }
      this.pinged.delete(connection);
      onConnection(null, connection);
    });
  }

  private replace(connection: PoolConnection, onConnection: OnConnection): void {
    this.pinged.delete(connection);
    driver.discard(connection);
    this.acquire(onConnection);
  }
}

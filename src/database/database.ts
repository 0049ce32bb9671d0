import type { Catalog } from './catalog.js';
import type { SqlValue } from './sql-format.js';

/** What the gateway needs of a database. A decorator returns `{ ...database, query }`. */
export interface Database {
  /** As read at the start. */
  readonly catalog: Catalog;
  /**
   * Resolves to the rows. Each `?` takes one parameter, so a list needs several. Times are text:
   * `YYYY-MM-DD hh:mm:ss.mmm` in UTC. Throws ServiceUnavailableError when the database is
   * unreachable or too slow. A query without an origin is the gateway's own and precedes others.
   */
  readonly query: <Row>(
    sql: string,
    parameters?: readonly SqlValue[],
    origin?: QueryOrigin,
  ) => Promise<Row[]>;
  /**
   * The SQL that follows a table's name to make a statement read it through this index. A server
   * without the index runs the statement without it. A view must have none.
   */
  readonly indexHint: (name: string) => string;
  /** The SQL of its current time, which reads as times do. */
  readonly currentTimeSql: string;
  /** Empty for the embedded database. */
  readonly poolStats: () => readonly PoolStats[];
  readonly close: () => Promise<void>;
}

/** What a query runs for. */
export interface QueryOrigin {
  readonly organization: string;
  /** The id of the viewer, for the log and traces; of a shared query, the first one's. */
  readonly viewer?: string | null | undefined;
  /** Whether every client that the query runs for has disconnected: it need not start. */
  readonly isAbandoned: boolean;
  /** Whether replicas may lack what it reads: the primary is asked first. */
  readonly fromPrimary?: boolean;
  /** How much of its deadline the query has spent in queues, in milliseconds. */
  readonly waitedMs?: number;
  /** Called by instrumentedDatabase before the query; what arrives later may not use its result. */
  readonly onStarting?: () => void;
  /** Called when the query gets a connection. */
  readonly onStart?: () => void;
  /** Takes a place among the concurrent queries of the request; a promise when none is free. */
  readonly enter?: () => Promise<void> | undefined;
  /** Frees the place. */
  readonly leave?: () => void;
}

/** How many queries of a server have a connection, and how many wait for one. */
export interface PoolStats {
  /** `primary`, or `replica-1` and so on, in the order of the configuration. */
  readonly server: string;
  readonly connectionLimit: number;
  /** False while the circuit breaker of the server is open. */
  readonly isUp: boolean;
  readonly used: number;
  readonly pending: number;
  /** How many indexes the server lacks that statements would use. */
  readonly missingIndexes: number;
}

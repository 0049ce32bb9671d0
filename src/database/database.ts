/** What the gateway needs of a database. A decorator returns `{ ...database, query }`. */
export interface Database {
  /**
   * Resolves to the rows. Each `?` takes one parameter, so a list needs several. Times are text:
   * `YYYY-MM-DD hh:mm:ss.mmm` in UTC. Throws ServiceUnavailableError when the database is
   * unreachable or too slow.
   */
  readonly query: <Row>(sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;
  /** The SQL that follows a table's name to make a statement read it through this index. */
  readonly indexHint: (name: string) => string;
  /** Empty for the embedded database. */
  readonly poolStats: () => readonly PoolStats[];
  readonly close: () => Promise<void>;
}

/** How many queries of a server have a connection, and how many wait for one. */
export interface PoolStats {
  /** `primary`, or `replica-1` and so on, in the order of the configuration. */
  readonly server: string;
  readonly used: number;
  readonly pending: number;
}

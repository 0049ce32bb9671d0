/** The database as the gateway reads it: statements with parameters in, rows out. */
export interface Database {
  /**
   * The rows of a statement that reads; each `?` in it takes one parameter, so a list is spelled out as several. Times come
   * as text, `YYYY-MM-DD hh:mm:ss.mmm` in UTC.
   *
   * Throws ServiceUnavailableError when the database cannot be reached or is too slow.
   */
  query<Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;

  /** What stands behind a table's name in a statement that is to read the table by this index. */
  indexHint(name: string): string;

  /** How busy each server is; empty where there is none. */
  poolStats(): readonly PoolStats[];

  close(): Promise<void>;
}

/** The statements on their way to one server. */
export interface PoolStats {
  /** `primary`, or `replica-1` and so on, in the order of the configuration. */
  readonly server: string;
  /** How many have a connection. */
  readonly inUse: number;
  /** How many wait for one. */
  readonly waiting: number;
}

import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';

export interface TestDatabase {
  /** `mysql://user:password@host:port/database` */
  url: string;
  /** The rows of a SELECT; an empty list for a statement that returns no rows. */
  query<T>(sql: string, params?: unknown[]): Promise<T[]>;
  /** Removes the database and closes the connection of `query`. */
  drop(): Promise<void>;
}

/**
 * A new database of a random name on the server of the test run, so that test files can run side by
 * side. Throws outside a test run, where TEST_DATABASE_URL is not set.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = process.env['TEST_DATABASE_URL'];
  if (server === undefined) {
    throw new Error('TEST_DATABASE_URL is not set: Jest’s global set-up provides the server.');
  }
  const name = `test_${randomBytes(8).toString('hex')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;

  const connection = await createConnection({ uri: server });
  try {
    await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    await connection.changeUser({ database: name });
  } catch (error) {
    await connection.end();
    throw error;
  }

  return {
    url: url.href,
    async query<T>(sql: string, params: unknown[] = []): Promise<T[]> {
      const [result] = await connection.query(sql, params);
      return Array.isArray(result) ? (result as T[]) : [];
    },
    async drop() {
      try {
        // A transaction that a test left open would hold this up for a day, MariaDB's default.
        await connection.query('SET SESSION lock_wait_timeout = 10');
        await connection.query(`DROP DATABASE ${name}`);
      } finally {
        await connection.end();
      }
    },
  };
}

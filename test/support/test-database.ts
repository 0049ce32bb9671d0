import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';

export type TestDatabase = Awaited<ReturnType<typeof createTestDatabase>>;

/**
 * Creates a database with a random name on the server of the test run, so that test files can run in parallel.
 * Throws outside a test run, where TEST_DATABASE_URL is not set.
 */
export async function createTestDatabase() {
  const server = process.env['TEST_DATABASE_URL'];
  if (server === undefined) throw new Error('TEST_DATABASE_URL, which Jest sets, is missing.');
  const name = `test_${randomBytes(8).toString('hex')}`;
  const connection = await createConnection({ uri: server });
  try {
    await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    await connection.changeUser({ database: name });
  } catch (error) {
    await connection.end();
    throw error;
  }

  const { href } = new URL(`/${name}`, server);
  const users: string[] = [];
  return {
    /** `mysql://user:password@host:port/database` */
    url: href,
    /** Creates a user without any privilege, with a password that URLs must escape. */
    async createUser() {
      const user = `u_${randomBytes(6).toString('hex')}`;
      const password = `p@ss:w/o?r#d%${randomBytes(4).toString('hex')}`;
      await connection.query('CREATE USER ?@? IDENTIFIED BY ?', [user, '%', password]);
      users.push(user);
      const url = Object.assign(new URL(href), { username: user });
      url.password = encodeURIComponent(password);
      return { name: user, password, url: url.href };
    },
    /** Returns the rows of a SELECT, and an empty list for a statement without rows. */
    async query<T>(sql: string, params: unknown[] = []): Promise<T[]> {
      const [result] = await connection.query(sql, params);
      return Array.isArray(result) ? (result as T[]) : [];
    },
    /** Removes the database and its users, and closes the connection of `query`. */
    async drop() {
      try {
        // A transaction that a test left open would block this for a day, MariaDB's default.
        await connection.query('SET SESSION lock_wait_timeout = 10');
        for (const user of users) await connection.query('DROP USER ?@?', [user, '%']);
        await connection.query(`DROP DATABASE ${name}`);
      } finally {
        await connection.end();
      }
    },
  };
}

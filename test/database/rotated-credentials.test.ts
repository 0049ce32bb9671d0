import { setTimeout } from 'node:timers/promises';

import { expect, it } from '@jest/globals';

import { openDatabase } from '../../src/database/open-database.js';
import { entities } from '../../src/entities.js';
import { createLogger } from '../../src/logger.js';
import { createTables } from '../support/data-source.js';
import { describeWith } from '../support/describe-with.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createTestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

describeWith('mysql', 'rotated credentials', () => {
  it('are those of the same replica, wherever its URL stands now', async () => {
    const database = await createTestDatabase();
    await createTables(mysqlConfig(database.url), {});
    const name = new URL(database.url).pathname.slice(1);
    const users = [await database.createUser(), await database.createUser()] as const;
    for (const user of users) {
      await database.query(`GRANT SELECT ON ${name}.* TO ?@?`, [user.name, '%']);
    }
    // Two names of one server.
    const [one, two] = users.map(({ url }) => new URL(url)) as [URL, URL];
    one.hostname = '127.0.0.1';
    two.hostname = 'localhost';
    const configWith = (...replicas: URL[]) =>
      mysqlConfig(
        database.url,
        replicas.map(({ href }) => href),
      );
    let urls = [one, two];
    const opened = await openDatabase(configWith(one, two), {
      entities,
      logger: createLogger('silent'),
      // Slower than a tick of the clock of the pools.
      reread: () => setTimeout(200, configWith(...urls)),
    });
    try {
      two.password = 'another';
      urls = [two];
      const [, { name: user }] = users;
      await database.query('ALTER USER ?@? IDENTIFIED BY ?', [user, '%', two.password]);
      const isRead = async () => {
        const [row] = await opened.query<{ user: string }>('SELECT CURRENT_USER() AS user');
        return row?.user.startsWith(`${user}@`) === true || undefined;
      };
      expect(await until(isRead)).toBe(true);
    } finally {
      await opened.close();
      await database.drop();
    }
  });
});

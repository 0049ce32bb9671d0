import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { ServiceUnavailableError } from '../../src/errors.js';
import { normalizeExportFilter } from '../../src/exports/export-filter.js';
import { ExportStatus, type Export } from '../../src/exports/export.js';
import { createTables, createTestDataSource } from '../support/data-source.js';
import { createDatabaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { describeWith } from '../support/describe-with.js';
import { embedded, engines, mysql } from '../support/engines.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';
import { until } from '../support/until.js';
import { useLive, type Live } from './live.js';

const organizations = [...Array(100).keys()].map((index) => `org_${index}`);

describe.each(engines)('the change feed on $engine', (engine) => {
  const live = useLive(engine);
  const followAll = (organization: string) => live.followAll({}, null, organization);

  it('finds what commits 9 s late, and on an idle organization what a replica shows 50 s late', async () => {
    const [busy, idle] = [live.followAll(), followAll('org_idle')];
    await live.insert(1, 'now');
    await busy.emitted(1);
    await live.polled();
    await live.insert(2, 'late', 9);
    await live.insert(3, 'lagging', 50, { organizationId: 'org_idle' });
    await Promise.all([busy.emitted(2), idle.emitted(1)]);
    await live.insert(4, 'too late', 70, { organizationId: 'org_idle' });
    await live.polled();
    expect([busy.names(), idle.names()]).toEqual([['now', 'late'], ['lagging']]);
  });

  it('finds each change among equal times', async () => {
    const { names, emitted } = live.followAll();
    const updatedAt = await live.ago(1);
    for (const [index, name] of ['one', 'two', 'three'].entries()) {
      await live.insert(index, name, 0, { updatedAt });
      await emitted(index + 1);
    }
    await live.update(0, { countTotal: 11, updatedAt });
    await emitted(4);
    await live.polled();
    expect(names()).toEqual(['one', 'two', 'three', 'one']);
  });

  it('ignores a state that is older than the newest one, as on a replica that lags', async () => {
    await live.insert(1, 'new');
    const { names, emitted } = live.followAll();
    await emitted(1);
    await live.update(1, { name: 'old' }, 3);
    await live.polled();
    await live.update(1, { name: 'newest' });
    await emitted(2);
    expect(names()).toEqual(['new', 'newest']);
  });

  it('finds changes whose time is in the future once each, and does not miss others for them', async () => {
    const { names, emitted } = live.followAll();
    await live.insert(1, 'of tomorrow', -86_400);
    await emitted(1);
    await live.polled();
    await live.insert(2, 'lagging', 50);
    await emitted(2);
    await live.polled();
    expect(names()).toEqual(['of tomorrow', 'lagging']);
  });

  it('reads 100 organizations by three statements a poll, whatever the number of subscribers', async () => {
    const lists = [...organizations, ...organizations].map(followAll);
    await live.insert(1, 'single', 0, { organizationId: 'org_7' });
    const singles = await Promise.all(
      [...Array(50).keys()].map(() => live.follow(1, null, 'org_7')),
    );
    await live.polled();
    for (const [index, organizationId] of organizations.entries()) {
      await live.insert(100 + index, organizationId, 0, { organizationId });
    }
    for (const [index, list] of lists.entries()) await list.emitted(index % 100 === 7 ? 2 : 1);
    expect(lists.map(({ names }) => names().at(-1))).toEqual([...organizations, ...organizations]);
    expect(singles.map(({ names }) => names())).toEqual(singles.map(() => ['single']));
    await live.polled();
    expect(live.polls.at(-1)).toMatchObject({ statements: 3, changes: 0, failed: false });
    expect(live.feed.organizations).toBe(100);
  });

  it('reads nothing while nobody follows, and at once when somebody does', async () => {
    await wait(100);
    expect(live.statements).toEqual([]);
    const [one, other] = [live.followAll(), followAll('org_other')];
    await live.polled(3);
    one.pending.close();
    await Promise.all([one.ended, live.polled(3)]);
    expect(live.statements.at(-1)).not.toContain('UNION');
    other.pending.close();
    await other.ended;
    await wait(50);
    const read = live.statements.length;
    await wait(100);
    expect(live.statements).toHaveLength(read);
    expect([live.feed.organizations, live.feed.lagSeconds]).toEqual([0, 0]);
    await live.insert(1, 'meanwhile', 5);
    const again = live.followAll();
    await again.emitted(1);
    expect(again.names()).toEqual(['meanwhile']);
  });

  it('delivers a burst of one organization page by page, and the changes of others in time', async () => {
    const [big, small] = [live.followAll({}, null, 'org_big'), followAll('org_small')];
    await live.polled();
    await insertBurst(live);
    await live.insert(1, 'small', 0, { organizationId: 'org_small' });
    await small.emitted(1);
    await big.emitted(3_000);
    await live.polled();
    expect(new Set(big.names()).size).toBe(3_000);
    expect(big.rows).toHaveLength(3_000);
    expect(small.names()).toEqual(['small']);
  });

  it('leaves out invalid rows and finds the others', async () => {
    const { names, emitted } = live.followAll();
    await live.insert(1, 'invalid', 0, { id: 'has spaces' });
    await live.insert(2, 'valid');
    await emitted(1);
    expect(names()).toEqual(['valid']);
    expect(live.invalid).toContainEqual({ id: 'has spaces', column: 'id' });
  });

  it('reads an organization alone whose statement fails, while the others go on', async () => {
    const release = new EventTarget();
    const hung = once(release, 'release').then(() => {
      throw new ServiceUnavailableError({ cause: new Error('slow') });
    });
    live.beforeStatements((sql, parameters) => {
      if (!parameters.includes('org_broken')) return undefined;
      if (sql.includes('UNION')) throw new ServiceUnavailableError({ cause: new Error('slow') });
      return hung;
    });
    const [broken, whole] = [followAll('org_broken'), followAll('org_whole')];
    await live.polled();
    for (const index of [1, 2, 3]) {
      await live.insert(index, 'whole', 0, { organizationId: 'org_whole' });
      await whole.emitted(index);
    }
    await live.insert(4, 'delayed', 0, { organizationId: 'org_broken' });
    await live.polled();
    expect(live.polls.at(-1)).toMatchObject({ failed: true });
    live.beforeStatements(() => undefined);
    release.dispatchEvent(new Event('release'));
    await broken.emitted(1);
    await live.polled();
    expect(live.polls.at(-1)).toMatchObject({ failed: false });
    const lines = live.log.splice(0).map(({ msg }) => msg);
    expect(lines).toEqual([
      'Live updates are late: changes cannot be read',
      'Live updates are read again.',
    ]);
  });
});

describe('a change feed that polls every five seconds', () => {
  const live = useLive(embedded, { intervalMs: 5_000 });

  it('reads the pages of a burst in a part of that time', async () => {
    await insertBurst(live);
    await live.followAll({}, null, 'org_big').emitted(3_000);
  });
});

describe('while thousands are told what is new, others use the event loop', () => {
  const live = useLive(embedded);
  let turn = 0;
  const turns = new Set<number>();
  const count = () => {
    turn++;
    counting = setImmediate(count);
  };
  let counting: NodeJS.Immediate;
  beforeEach(() => {
    turns.clear();
    counting = setImmediate(count);
  });
  afterEach(() => {
    clearImmediate(counting);
  });

  it('between changes', async () => {
    let told = 0;
    const onChange = () => {
      turns.add(turn);
      told++;
      const end = performance.now() + 0.1;
      while (performance.now() < end);
    };
    await insertBurst(live);
    live.feed.watch('org_big', { onChange, onCurrent: () => undefined });
    await until(() => (told === 3_000 ? true : undefined));
    // Without pauses, there are as many as pages.
    expect(turns.size).toBeGreaterThan(10);
  });

  it('between lists that begin', async () => {
    await insertBurst(live);
    const scope = { organization: 'org_big', onlyRequestedBy: null };
    const filter = normalizeExportFilter({ search: '2999' });
    const lists = [...Array(300).keys()].map(async () => {
      const pending = live.exports.followList(scope, filter);
      await pending.ready();
      turns.add(turn);
      pending.close();
    });
    await Promise.all(lists);
    expect(turns.size).toBeGreaterThan(10);
  });
});

/** Inserts 3,000 exports by one statement. */
async function insertBurst({ source, ago }: Live): Promise<void> {
  // A quarter of them ties at a time.
  const times = [await ago(0), await ago(0), await ago(1)];
  await source.query(
    `INSERT INTO exports (id, organization_id, name, resource, status, created_at, updated_at)
     WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 59)
     SELECT a.i * 60 + b.i + 100000, 'org_big', a.i * 60 + b.i, 'contact', 'queued', ?,
            CASE WHEN b.i < 15 THEN ? ELSE ? END
     FROM n a JOIN n b ON a.i < 50`,
    times.map(toSqlDateTime),
  );
}

/** A database whose tables these statements change. */
const altered = (engine: string, statements: readonly string[]) => ({
  engine,
  async provide() {
    const database = await mysql.provide();
    await createTables(database.config);
    const source = await (await createTestDataSource(database.config)).initialize();
    for (const statement of statements) await source.query(statement);
    await source.destroy();
    return database;
  },
});

const columns = 'id, organization_id, name, resource, status, count_total, created_at, updated_at';
const views = [
  'ALTER TABLE exports CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci',
  'RENAME TABLE exports TO jobs, export_files TO files',
  `CREATE VIEW exports AS SELECT ${columns} FROM jobs`,
  'CREATE VIEW export_files AS SELECT export_id, kind, object_key FROM files',
];

describeWith('mysql', 'the change feed', () => {
  describe.each(['DATETIME', 'DATETIME(6)', 'TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3)'])(
    'with updated_at of the type %s',
    (type) => {
      const live = useLive(
        altered(type, [`ALTER TABLE exports MODIFY updated_at ${type} NOT NULL`]),
      );

      it('finds each of several changes within a second once', async () => {
        const { names, emitted } = live.followAll();
        const expected: string[] = [];
        for (let index = 0; index < 4; index++) {
          await live.insert(index, `new ${index}`);
          await live.update(index, { name: `changed ${index}` });
          expected.push(`changed ${index}`);
          await until(() => (names().at(-1) === expected.at(-1) ? true : undefined));
        }
        await live.polled(10);
        expect(names().filter((name) => name?.startsWith('changed'))).toEqual(expected);
        expect(new Set(names()).size).toBe(names().length);
        await emitted(4);
      });
    },
  );

  describe('over views that lack columns and ignore letter case', () => {
    const live = useLive(altered('views', views));

    it('finds the changes of each organization', async () => {
      const names = ['acme', 'ACME', 'Acme'];
      const lists = names.map((organization) => live.followAll({}, null, organization));
      const updatedAt = await live.ago(0);
      for (const [index, name] of names.entries()) {
        await live.source.query(
          `INSERT INTO exports (${columns}) VALUES (?, ?, ?, 'contact', 'queued', 1, ?, ?)`,
          [exportId(index), name, name, updatedAt, updatedAt],
        );
      }
      for (const list of lists) await list.emitted(1);
      await live.polled();
      expect(lists.map((list) => list.names())).toEqual(names.map((name) => [name]));
      expect(lists[0]?.rows).toMatchObject([{ countBatches: 0, requestedBy: null }]);
    });
  });

  describe('while the server is down', () => {
    let proxy: DatabaseProxy;
    const live = useLive({
      engine: 'a proxy',
      async provide() {
        const database = await mysql.provide();
        proxy = await createDatabaseProxy(database.url ?? '');
        await proxy.open();
        return { ...database, config: mysqlConfig(proxy.url), owner: database.config };
      },
    });
    afterAll(() => proxy.close());

    it('pauses, ends no subscription, and then finds what has changed meanwhile', async () => {
      await live.insert(1, 'one');
      const [list, single] = [live.followAll(), await live.follow(1)];
      await Promise.all([list.emitted(1), single.emitted(1)]);
      const update = (changes: Partial<Export>) =>
        live.source.getRepository('Export').update({ organizationId: 'org_demo' }, changes);
      const updatedAt = await live.ago(0);
      await proxy.close();
      const failed = () => (live.polls.at(-1)?.failed === true ? true : undefined);
      await until(failed);
      await update({ name: 'changed', updatedAt });
      await insertRows(live.source, { exports: [exportRow(2, { name: 'two', updatedAt })] });
      await live.polled();
      expect(live.feed.lagSeconds).toBeGreaterThan(0);
      await proxy.open();
      await Promise.all([list.emitted(3), single.emitted(2)]);
      expect([list.names().slice(1).sort(), single.names()]).toEqual([
        ['changed', 'two'],
        ['one', 'changed'],
      ]);
      const lines = live.log.map(({ msg }) => msg);
      expect(lines.filter((line) => String(line).startsWith('Live updates'))).toEqual([
        'Live updates are late: changes cannot be read',
        'Live updates are read again.',
      ]);
    });
  });

  describe('with two replicas', () => {
    const replicas: string[] = [];
    const live = useLive({
      engine: 'replicas',
      async provide() {
        const [primary, ...others] = await Promise.all([1, 2, 3].map(() => mysql.provide()));
        if (primary?.url === undefined) throw new Error('A database is missing.');
        for (const { url = '', config } of others) {
          await createTables(config);
          replicas.push(url);
        }
        const dispose = async () => {
          for (const each of [primary, ...others]) await each.dispose();
        };
        const config = mysqlConfig(primary.url, replicas);
        return { config, owner: primary.config, dispose };
      },
    });

    it('never goes back to what the replica shows that lags', async () => {
      const [, current = '', lagging = ''] = [null, ...replicas].map((url) => url ?? undefined);
      const write = async (url: string, name: string, updatedAt: Date) => {
        const source = await (await createTestDataSource(mysqlConfig(url))).initialize();
        await source.query('DELETE FROM exports');
        const status = ExportStatus.PROCESSING;
        await insertRows(source, { exports: [exportRow(1, { name, status, updatedAt })] });
        await source.destroy();
      };
      await write(current, 'newest', await live.ago(1));
      await write(lagging, 'older', await live.ago(40));
      const list = live.followAll();
      await until(() => (list.names().includes('newest') ? true : undefined));
      await live.polled(20);
      const emitted = list.names();
      expect(emitted.at(-1)).toBe('newest');
      expect(emitted.length).toBeLessThanOrEqual(2);
      for (let count = 0; count < 10; count++) {
        const single = await live.follow(1);
        await single.emitted(1);
        expect(single.names()).toEqual(['newest']);
      }
      await write(current, 'last', await live.ago(0));
      await until(() => (list.names().includes('last') ? true : undefined));
      await live.polled(20);
      expect(list.names()).toEqual([...emitted, 'last']);
    });

    it('leaves the primary to statements that must not miss what any replica has', async () => {
      await live.insert(2, 'on the primary');
      const count = async (fromPrimary: boolean) => {
        const origin = { organization: 'org_demo', isAbandoned: false, fromPrimary };
        const sql = "SELECT id FROM exports WHERE name = 'on the primary'";
        return (await live.database.query(sql, [], origin)).length;
      };
      expect([await count(true), await count(false)]).toEqual([1, 0]);
    });
  });
});

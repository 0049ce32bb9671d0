import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';

import { signToken, tokensAccepted } from '../auth/credentials.js';
import { createTables, createTestDataSource } from '../support/data-source.js';
import { describeWith } from '../support/describe-with.js';
import { engines, mysql, type EngineDatabase } from '../support/engines.js';
import { startGateway, useGateway, type Gateway } from '../support/gateway.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { exportId, exportRows } from '../support/rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const INDEX = 'exports_by_created_at';
const DDL = `CREATE INDEX ${INDEX} ON exports (organization_id, created_at, id)`;
const rows = { exports: exportRows(20) };

afterEach(() => {
  jest.restoreAllMocks();
});

/** The length of the default list, and the log lines about indexes that it causes. */
async function list(gateway: Gateway) {
  const { log } = gateway;
  const logged = log.length;
  const { data, errors } = await gateway.query<{ exports: { data: object[] } }>(
    '{ exports { data { id } pagination { totalCount } } }',
  );
  expect(errors).toBeUndefined();
  const lines = log.slice(logged).flatMap(({ msg }) => (/ index/.test(String(msg)) ? [msg] : []));
  return { count: data.exports.data.length, lines };
}

async function missingIndexes({ origin }: Gateway, server = 'primary') {
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  const name = `exports_gateway_database_missing_indexes{server="${server}"} `;
  const line = metrics.split('\n').find((each) => each.startsWith(name));
  return Number(line?.slice(name.length));
}

/** Starts a gateway on tables that `change` has altered. */
function useGatewayOver(
  provide: () => Promise<EngineDatabase>,
  change: (source: DataSource) => Promise<void>,
): () => Gateway {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    database = await provide();
    await createTables(database.config, rows);
    const source = await createTestDataSource(database.config);
    await source.initialize();
    await change(source);
    await source.destroy();
    gateway = await startGateway(database);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });
  return () => gateway;
}

const slow = (statement: string): unknown =>
  expect.stringMatching(
    new RegExp(`^Lists are slow: .*Run ${statement.replace(/[()]/g, '\\$&')}\\.`),
  );

describe.each(engines)('an index on $engine', (engine) => {
  const isMysql = engine.engine === 'MySQL';
  const gateway = useGateway(engine, rows);

  it('is advice: a list works without it, says once what creates it, and tries it again', async () => {
    expect(await list(gateway)).toEqual({ count: 10, lines: [] });
    await gateway.source.query(`DROP INDEX ${INDEX}${isMysql ? ' ON exports' : ''}`);
    expect(await list(gateway)).toEqual({ count: 10, lines: [slow(DDL)] });
    expect(await list(gateway)).toEqual({ count: 10, lines: [] });
    if (isMysql) expect(await missingIndexes(gateway)).toBe(1);

    const now = performance.now.bind(performance);
    const passMinutes = (minutes: number) =>
      jest.spyOn(performance, 'now').mockImplementation(() => now() + minutes * 60_000);
    passMinutes(1);
    expect(await list(gateway)).toEqual({ count: 10, lines: [] });
    await gateway.source.query(DDL);
    passMinutes(2);
    expect((await list(gateway)).count).toBe(10);
    // By this list or, before it, by the catalog.
    const again = gateway.log.filter(({ msg }) => /has the index \w+ again\.$/.test(String(msg)));
    expect(again).toHaveLength(1);
    if (isMysql) expect(await missingIndexes(gateway)).toBe(0);
  });
});

describe.each(engines)('a gateway without indexes on $engine', ({ engine, provide }) => {
  const gateway = useGatewayOver(provide, async (source) => {
    for (const { name } of source.getMetadata('exports').indices) {
      await source.query(`DROP INDEX ${name}${engine === 'MySQL' ? ' ON exports' : ''}`);
    }
  });

  it('starts, serves lists and has logged what creates them', async () => {
    expect((await list(gateway())).count).toBe(10);
    const lines = gateway().log.filter(({ msg }) => String(msg).startsWith('Lists are slow'));
    expect(JSON.stringify(lines)).toContain(DDL);
    if (engine === 'MySQL') {
      expect(lines).toHaveLength(1);
      expect(await missingIndexes(gateway())).toBe(7);
    }
  });
});

describe.each(engines)('a requester whose name looks like a hint on $engine', (engine) => {
  const gateway = useGateway(engine, {
    exports: exportRows(1, () => ({ requestedBy: 'ann' })),
    config: tokensAccepted({ JWT_REQUESTER_CLAIM: 'sub' }),
  });

  it('keeps its name where statements lose their hints', async () => {
    const index = 'exports_by_requester';
    const on = engine.engine === 'MySQL' ? ' ON exports' : '';
    await gateway.source.query(`DROP INDEX ${index}${on}`);
    const ask = async (sub: string, query: string) => {
      const headers = ['Authorization', `Bearer ${await signToken({ org_id: 'org_demo', sub })}`];
      return JSON.parse((await gateway.send({ headers, body: { query } })).text) as object;
    };
    const lookUp = `{ export(id: "${exportId(0)}") { name } }`;
    // The gateway learns from the list that the index is missing.
    await ask('ann', '{ exports { data { id } } }');
    expect(await ask('ann', lookUp)).toEqual({ data: { export: { name: 'Export 0' } } });
    for (const hint of [`INDEXED BY ${index}`, `INDEXED BY "${index}"`, `FORCE INDEX (${index})`]) {
      expect(await ask(`ann ${hint}`, lookUp)).toEqual({ data: { export: null } });
    }
  });
});

describeWith('mysql', 'an index that MySQL may not use', () => {
  const gateway = useGateway(mysql, rows);

  it('counts as missing', async () => {
    const [{ version } = { version: '' }] = await gateway.source.query<{ version: string }[]>(
      'SELECT VERSION() AS version',
    );
    const [off, on] = version.includes('MariaDB')
      ? ['IGNORED', 'NOT IGNORED']
      : ['INVISIBLE', 'VISIBLE'];
    await gateway.source.query(`ALTER TABLE exports ALTER INDEX ${INDEX} ${off}`);
    expect(await list(gateway)).toEqual({ count: 10, lines: [slow(DDL)] });
    await gateway.source.query(`ALTER TABLE exports ALTER INDEX ${INDEX} ${on}`);
  });
});

describeWith('mysql', 'a replica without an index', () => {
  const databases: TestDatabase[] = [];
  let gateway: Gateway;
  beforeAll(async () => {
    const [primary, replica] = [await createTestDatabase(), await createTestDatabase()];
    databases.push(primary, replica);
    for (const { url } of databases) await createTables(mysqlConfig(url), rows);
    await replica.query(`DROP INDEX ${INDEX} ON exports`);
    const database = mysqlConfig(primary.url, [replica.url]);
    gateway = await startGateway({ config: mysqlConfig(primary.url) }, { config: { database } });
  });
  afterAll(async () => {
    await gateway.close();
    for (const database of databases) await database.drop();
  });

  it('is read without its hint', async () => {
    expect(await list(gateway)).toEqual({ count: 10, lines: [slow(DDL)] });
    expect(await missingIndexes(gateway, 'replica-1')).toBe(1);
    expect(await missingIndexes(gateway)).toBe(0);
  });
});

describeWith('mysql', 'an index that no list uses', () => {
  const gateway = useGateway(mysql, rows);

  it('is missing until it is created', async () => {
    await gateway.source.query(`DROP INDEX ${INDEX} ON exports`);
    await list(gateway);
    expect(await missingIndexes(gateway)).toBe(1);
    await gateway.source.query(DDL);
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
    await until(async () => ((await missingIndexes(gateway)) === 0 ? true : undefined));
  });
});

describe.each(engines)('a view on $engine', ({ provide }) => {
  const gateway = useGatewayOver(provide, async (source) => {
    await source.query('ALTER TABLE exports RENAME TO jobs');
    await source.query('CREATE VIEW exports AS SELECT * FROM jobs');
  });

  it('is read without hints, and has no index that is missing', async () => {
    expect(await list(gateway())).toEqual({ count: 10, lines: [] });
    expect(JSON.stringify(gateway().log)).not.toMatch(/FORCE INDEX|INDEXED BY|Lists are slow/);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { describeWith } from '../support/describe-with.js';
import { createExportsDatabase, exportsUrl, runSql } from '../support/exports-server.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { createMultiplexingProxy } from '../support/multiplexing-proxy.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createPrivateServer, type PrivateServer } from '../support/private-server.js';
import { exportRow } from '../support/rows.js';

const breakout = "') OR 1=1 -- ";
const names = ['Contacts', "\\' OR 1=1 -- ", breakout, "') OR 1=1 #", 'C:\\exports', "O'Brien"];
const searches = [
  ...["\\' OR 1=1 -- ", breakout, "') OR 1=1 #", "\\') OR 1=1 -- ", "\\\\') OR 1=1 -- "],
  ...["%') OR 1=1 -- ", "') UNION SELECT * FROM exports -- ", "'; DROP TABLE exports; -- "],
  ...["'", '"', '" OR 1=1 -- ', '\\', "\\'", '?', 'CON', 'contacts'],
];

/**
 * Under NO_BACKSLASH_ESCAPES the `'` of `\'` ends a text, under ANSI_QUOTES a text in `"` is a name.
 * A mode holds for all sessions, so the server is this test's own. The gateway's sessions are a
 * proxy's, which gives each statement to a random one.
 */
describeWith('mysqlProgram', 'text in statements', () => {
  let server: PrivateServer;
  beforeAll(async () => {
    server = await createPrivateServer();
    await server.start(['--skip-log-bin', '--sql-mode=NO_BACKSLASH_ESCAPES']);
    // TypeORM writes these rows in this mode.
    await createExportsDatabase(server, {
      exports: ['org_demo', 'org_other'].flatMap((organizationId, index) =>
        names.map((name, at) => exportRow(100 * index + at, { name, organizationId })),
      ),
    });
  });
  afterAll(() => server.dispose());

  it('breaks out of its quotes where the driver escapes it', async () => {
    const sql = "SELECT name FROM exports WHERE organization_id = 'org_demo' AND (name = ?)";
    expect(await runSql(exportsUrl(server), sql, [breakout])).toHaveLength(2 * names.length);
  });

  describe.each(['NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES', ''])('with the sql_mode "%s"', (mode) => {
    let proxy: Awaited<ReturnType<typeof createMultiplexingProxy>>;
    let gateway: Gateway;
    beforeAll(async () => {
      await runSql(server.url, `SET GLOBAL sql_mode = '${mode}'`);
      proxy = await createMultiplexingProxy(exportsUrl(server));
      gateway = await startGateway(
        { config: mysqlConfig(exportsUrl(server)) },
        { config: { database: mysqlConfig(proxy.url) } },
      );
    });
    afterAll(async () => {
      await gateway.close();
      await proxy.close();
    });

    async function search(text: string) {
      const { data, errors } = await gateway.query<{ exports: object }>(
        `query ($search: String) {
           exports(filter: { search: $search }) { data { name } pagination { totalCount } } }`,
        { search: text },
      );
      expect(errors).toBeUndefined();
      return data.exports;
    }
    const exportsOf = (text: string) => {
      const found = names.filter((name) => name.toLowerCase().includes(text.toLowerCase()));
      return {
        data: found.map((name) => ({ name })),
        pagination: { totalCount: found.length },
      };
    };

    it.each(searches)('is taken as a part of a name: %s', async (text) => {
      expect(await search(text)).toEqual(exportsOf(text));
    });

    it.each(["')OR(1=1)#", "\\')OR(1=1)#", "'", '"', '\\', "\\'"])('is an id: %s', async (id) => {
      const query = 'query ($id: ID!) { export(id: $id) { id } }';
      const { data, errors } = await gateway.query(query, { id });
      expect([data, errors]).toEqual([{ export: null }, undefined]);
    });

    it('is safe in every session, and none is set up', async () => {
      const texts = Array.from({ length: 24 }, (_, index) => searches[index % searches.length]);
      const lists = await Promise.all(texts.map((text = '') => search(text)));
      expect(lists).toEqual(texts.map((text = '') => exportsOf(text)));
      expect(proxy.statements.length).toBeGreaterThan(24);
      expect(proxy.statements.filter((sql) => /^\s*SET\b/i.test(sql))).toEqual([]);
      // Deadline and time zone travel with each statement of a request.
      const settings = /^\/\*M! SET STATEMENT max_statement_time=\S+ time_zone='\+00:00' FOR \*\/ /;
      const reads = proxy.statements.filter((sql) => /FROM exports (e|FORCE)/.test(sql));
      for (const sql of reads) expect(sql).toMatch(settings);
    });
  });
});

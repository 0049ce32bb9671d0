import { expect, it } from '@jest/globals';

import { describeWith } from '../support/describe-with.js';
import { exportsUrl, runSql } from '../support/exports-server.js';
import { useGateway } from '../support/gateway.js';
import { createPrivateServer } from '../support/private-server.js';
import { exportRow } from '../support/rows.js';

const breakout = "') OR 1=1 -- ";
const names = ['Contacts', "\\' OR 1=1 -- ", breakout, "') OR 1=1 #", 'C:\\exports', "O'Brien"];

/**
 * mysql2 escapes parameters with backslashes, which a server in this mode takes literally: the `'`
 * of `\'` would end the text. The mode holds for all sessions, so the server is this test's own.
 */
describeWith('mysqlProgram', 'a MySQL server with NO_BACKSLASH_ESCAPES', () => {
  let url: string;
  async function provide() {
    const server = await createPrivateServer();
    await server.start(['--skip-log-bin', '--sql-mode=NO_BACKSLASH_ESCAPES']);
    await runSql(server.url, 'CREATE DATABASE exports CHARACTER SET utf8mb4');
    url = exportsUrl(server);
    return { config: { kind: 'mysql', url } as const, dispose: () => server.dispose() };
  }
  const gateway = useGateway(
    { engine: 'MySQL', provide },
    {
      exports: ['org_demo', 'org_other'].flatMap((organizationId, index) =>
        names.map((name, at) => exportRow(100 * index + at, { name, organizationId })),
      ),
    },
  );

  async function search(text: string) {
    const { data, errors } = await gateway.query<{ exports: object }>(
      `query ($search: String) {
         exports(filter: { search: $search }) { data { name } pagination { totalCount } } }`,
      { search: text },
    );
    expect(errors).toBeUndefined();
    return data.exports;
  }
  const exportsOf = (found: readonly string[]) => ({
    ...{ data: found.map((name) => ({ name })), pagination: { totalCount: found.length } },
  });

  it('lets text break out of its quotes in an ordinary session', async () => {
    const sql = "SELECT name FROM exports WHERE organization_id = 'org_demo' AND (name = ?)";
    const rows = await runSql(url, sql, [breakout]);
    expect(rows).toHaveLength(2 * names.length);
  });

  it.each([
    ...["\\' OR 1=1 -- ", breakout, "') OR 1=1 #", "\\') OR 1=1 -- ", "\\\\') OR 1=1 -- "],
    ...["%') OR 1=1 -- ", "') UNION SELECT * FROM exports -- ", "'; DROP TABLE exports; -- "],
    ...["'", '\\', "\\'"],
  ])('takes the search %s as a part of a name', async (text) => {
    expect(await search(text)).toEqual(exportsOf(names.filter((name) => name.includes(text))));
  });

  it.each(["')OR(1=1)#", "\\')OR(1=1)#", "'", "\\'"])('takes %s as an id', async (id) => {
    const query = 'query ($id: ID!) { export(id: $id) { id } }';
    const { data, errors } = await gateway.query(query, { id });
    expect([data, errors]).toEqual([{ export: null }, undefined]);
  });

  it('is harmless in every session, also when many open at once', async () => {
    const lists = await Promise.all([...Array(30).keys()].map(() => search(breakout)));
    expect(lists).toEqual(lists.map(() => exportsOf([breakout])));
  });
});

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createConnection, type RowDataPacket } from 'mysql2/promise';

import { describeWith } from '../support/describe-with.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { thisMachine } from '../support/apt.js';
import { provideMysqlServer, type MysqlServer } from '../support/mysql-server.js';
import { exportRow } from '../support/rows.js';

const breakout = "') OR 1=1 -- ";
const names = ['Contacts', "\\' OR 1=1 -- ", breakout, "') OR 1=1 #", 'C:\\exports', "O'Brien"];

/**
 * mysql2 escapes parameters with backslashes, which a server in this mode takes literally: the `'`
 * of `\'` would end the text. The mode holds for all sessions, so the server is this test's own.
 */
describeWith('mysqlProgram', 'a MySQL server with NO_BACKSLASH_ESCAPES', () => {
  let server: MysqlServer;
  let url: string;
  let gateway: Gateway;

  beforeAll(async () => {
    server = await provideMysqlServer({
      env: { ...process.env, TEST_DATABASE_URL: undefined },
      folders: thisMachine.folders,
    });
    const connection = await createConnection({ uri: server.url });
    await connection.query('CREATE DATABASE backslashes CHARACTER SET utf8mb4');
    await connection.query(
      "SET GLOBAL sql_mode = CONCAT_WS(',', NULLIF(@@GLOBAL.sql_mode, ''), 'NO_BACKSLASH_ESCAPES')",
    );
    await connection.end();
    const rows = ['org_demo', 'org_other'].flatMap((organizationId, index) =>
      names.map((name, at) => exportRow(100 * index + at, { name, organizationId })),
    );
    url = new URL('/backslashes', server.url).href;
    gateway = await startGateway({ config: { kind: 'mysql', url } }, { exports: rows });
  });

  afterAll(async () => {
    await gateway.close();
    await server.stop();
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
  const exportsOf = (found: readonly string[]) => ({
    ...{ data: found.map((name) => ({ name })), pagination: { totalCount: found.length } },
  });

  it('lets text break out of its quotes in an ordinary session', async () => {
    const session = await createConnection({ uri: url });
    const [rows] = await session.query<RowDataPacket[]>(
      "SELECT name FROM exports WHERE organization_id = 'org_demo' AND (name = ?)",
      [breakout],
    );
    await session.end();
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

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createConnection, type RowDataPacket } from 'mysql2/promise';

import { describeWith } from '../support/describe-with.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { thisMachine } from '../support/apt.js';
import { provideMysqlServer, type MysqlServer } from '../support/mysql-server.js';
import { exportRow, insertRows } from '../support/rows.js';

const names = [
  'Contacts',
  "\\' OR 1=1 -- ",
  "') OR 1=1 -- ",
  "') OR 1=1 #",
  'C:\\exports',
  "O'Brien",
];

/**
 * mysql2 writes parameters into statements and escapes them with backslashes, which mean nothing to a server in this
 * mode: `'` sent as `\'` would end the text. The server is one of its own, for the mode would hold for the
 * sessions of other test files, too.
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
    try {
      await connection.query('CREATE DATABASE backslashes CHARACTER SET utf8mb4');
      await connection.query(
        "SET GLOBAL sql_mode = CONCAT_WS(',', NULLIF(@@GLOBAL.sql_mode, ''), 'NO_BACKSLASH_ESCAPES')",
      );
    } finally {
      await connection.end();
    }
    url = new URL('/backslashes', server.url).href;
    gateway = await startGateway({ config: { kind: 'mysql', url } });
    await insertRows(gateway.source, {
      exports: [
        ...names.map((name, index) => exportRow(index, { name })),
        ...names.map((name, index) =>
          exportRow(100 + index, { name, organizationId: 'org_other' }),
        ),
      ],
    });
  });

  afterAll(async () => {
    await gateway.close();
    await server.stop();
  });

  function find(search: string) {
    return gateway.query<{
      exports: { data: { name: string }[]; pagination: { totalCount: number } };
    }>(
      `query ($search: String) {
         exports(filter: { search: $search }) { data { name } pagination { totalCount } } }`,
      { search },
    );
  }

  it('lets an ordinary session break out of its quotes', async () => {
    const connection = await createConnection({ uri: url });
    try {
      const [rows] = await connection.query<RowDataPacket[]>(
        "SELECT name FROM exports WHERE organization_id = 'org_demo' AND (name = ?)",
        ["') OR 1=1 -- "],
      );
      expect(rows).toHaveLength(2 * names.length);
    } finally {
      await connection.end();
    }
  });

  it.each([
    "\\' OR 1=1 -- ",
    "') OR 1=1 -- ",
    "') OR 1=1 #",
    "\\') OR 1=1 -- ",
    "\\\\') OR 1=1 -- ",
    "%') OR 1=1 -- ",
    "') UNION SELECT * FROM exports -- ",
    "'; DROP TABLE exports; -- ",
    "'",
    '\\',
    "\\'",
  ])('takes the search %s for a part of a name', async (search) => {
    const { data, errors } = await find(search);
    expect(errors).toBeUndefined();
    expect(data.exports.data.map(({ name }) => name)).toEqual(
      names.filter((name) => name.includes(search)),
    );
    expect(data.exports.pagination.totalCount).toBe(data.exports.data.length);
  });

  it('takes an id with quotes and backslashes for an id', async () => {
    for (const id of ["')OR(1=1)#", "\\')OR(1=1)#", "'", "\\'"]) {
      const { data, errors } = await gateway.query('query ($id: ID!) { export(id: $id) { id } }', {
        id,
      });
      expect(errors).toBeUndefined();
      expect(data).toEqual({ export: null });
    }
  });

  it('is unset in every session, also when many are opened at once', async () => {
    const answers = await Promise.all([...Array(30).keys()].map(() => find("') OR 1=1 -- ")));
    for (const { data, errors } of answers) {
      expect(errors).toBeUndefined();
      expect(data.exports.data).toEqual([{ name: "') OR 1=1 -- " }]);
    }
  });
});

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { describeWith } from '../support/describe-with.js';
import { mysql } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';

/** Matches a statement whose parameters the driver has written in place of its question marks. */
function withParameters(statement: string): RegExp {
  const literals = statement.split('?').map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  return new RegExp(`^${literals.join(`(?:'(?:[^'\\\\]|\\\\.)*'|-?\\d+)`)}$`);
}

describeWith('mysql', 'the log of statements on MySQL', () => {
  const indexes = [...Array(120).keys()];
  const gateway = useGateway(mysql, {
    exports: indexes.map((index) => exportRow(index)),
    files: indexes.flatMap((index) =>
      Object.values(ExportFileKind).map((kind) => fileRow(index, kind)),
    ),
  });
  let connection: Connection;
  let settings: RowDataPacket | undefined;
  let database: string;

  /** Uses MySQL's general log, so the user must be allowed to set global variables. */
  beforeAll(async () => {
    const { database: config } = gateway.config;
    const url = new URL(config.kind === 'mysql' ? config.url : '');
    database = url.pathname.slice(1);
    // In no database, so that this session is not one of the gateway's.
    connection = await createConnection({ uri: new URL('/', url).href });
    [[settings]] = await connection.query<RowDataPacket[]>(
      'SELECT @@GLOBAL.general_log AS general_log, @@GLOBAL.log_output AS log_output',
    );
    await connection.query("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = 1");
  });

  afterAll(async () => {
    const values = Object.values(settings ?? {});
    await connection.query('SET GLOBAL general_log = ?, GLOBAL log_output = ?', values);
    await connection.end();
  });

  /** What the server received while `work` ran, from the sessions in the gateway's database. */
  async function receivedDuring(work: () => Promise<unknown>): Promise<string[]> {
    const marker = `SELECT 'start ${Math.random()}'`;
    await connection.query(marker);
    await work();
    const [sessions] = await connection.query<RowDataPacket[]>(
      'SELECT id AS thread FROM information_schema.processlist WHERE db = ?',
      [database],
    );
    const [log] = await connection.query<RowDataPacket[]>(
      `SELECT thread_id AS thread, command_type AS type, CONVERT(argument USING utf8mb4) AS argument
       FROM mysql.general_log ORDER BY event_time`,
    );
    const threads = new Set(sessions.map(({ thread }) => Number(thread)));
    return log
      .slice(log.findIndex(({ argument }) => argument === marker) + 1)
      .filter(
        ({ thread, type }) => threads.has(Number(thread)) && !/Connect|Quit/.test(String(type)),
      )
      .map(({ argument }) => String(argument));
  }

  it.each([
    {
      what: 'a page of 100 with links',
      count: 2,
      query: `{ exports(limit: 100, includeCsv: true, includeJson: true) {
                  data { id jsonUrl csvUrl csvErrorUrl csvSanitizedUrl files { url urlExpiresAt } }
                  pagination { hasMore endCursor } } }`,
    },
    {
      what: 'a page of 100 without links',
      count: 1,
      query: '{ exports(limit: 100, includeCsv: true, includeJson: true) { data { id name } } }',
    },
    {
      what: 'a filtered page with its count',
      count: 2,
      query: `{ exports(filter: { resource: CONTACT, statuses: [COMPLETED, FAILED], search: "o' % \\\\ 1" }) {
                  data { id } pagination { totalCount totalPages } } }`,
    },
    {
      what: 'twenty exports by id with links',
      count: 2,
      query: `{ ${indexes
        .slice(0, 20)
        .map(
          (index) => `a${index}: export(id: "${exportId(index)}", includeJson: true) { jsonUrl }`,
        )
        .join(' ')} }`,
    },
    { what: 'a malformed id', count: 0, query: '{ export(id: "no such id") { id } }' },
    { what: 'a rejection', count: 0, query: '{ exports(limit: 101) { data { id } } }' },
    { what: 'introspection', count: 0, query: '{ __typename __schema { types { name } } }' },
  ])('is what the server receives for $what', async ({ query, count }) => {
    let logged: readonly string[] = [];
    const received = await receivedDuring(async () => {
      logged = (await gateway.query(query)).statements;
    });
    expect(logged).toHaveLength(count);
    // The pool prepares each new session with SET SESSION.
    expect(received.filter((sql) => !sql.startsWith('SET SESSION '))).toHaveLength(count);
    for (const statement of logged) {
      expect(received).toContainEqual(expect.stringMatching(withParameters(statement)));
    }
  });

  it('is compared with all that the server receives', async () => {
    const received = await receivedDuring(async () => {
      await gateway.query(`{ export(id: "${exportId(1)}") { id } }`);
      await gateway.source.query('SELECT 1 AS unlogged');
    });
    expect(received).toHaveLength(2);
    expect(received).toContain('SELECT 1 AS unlogged');
  });
});

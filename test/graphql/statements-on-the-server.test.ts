import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { describeWith } from '../support/describe-with.js';
import { mysql } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRows, fileRow } from '../support/rows.js';

/** Matches a statement whose parameters stand in place of its question marks. */
function withParameters(statement: string): RegExp {
  const literals = statement.split('?').map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  return new RegExp(`^${literals.join(`(?:_utf8mb4(?:'[\\w:. -]*'| x'[0-9a-f]*')|-?\\d+)`)}$`);
}

const byId = [...Array(20).keys()].map(
  (index) => `a${index}: export(id: "${exportId(index)}", includeJson: true) { jsonUrl }`,
);

/** The pool adds the time that is left until the deadline, and the time zone. */
function withoutSettings(sql: string): string {
  const settings =
    /^\/\*M! SET STATEMENT max_statement_time=[\d.]+, time_zone='\+00:00' FOR \*\/ SELECT \/\*\+ MAX_EXECUTION_TIME\(\d+\) SET_VAR\(time_zone='\+00:00'\) \*\//;
  return sql.replace(settings, 'SELECT');
}

describeWith('mysql', 'the log of statements on MySQL', () => {
  const gateway = useGateway(mysql, {
    exports: exportRows(20),
    files: exportRows(20).map((_, index) => fileRow(index, ExportFileKind.JSON)),
  });
  let connection: Connection;
  let settings: RowDataPacket | undefined;
  let database: string;

  /** Uses MySQL's general log, so the user must be allowed to set global variables. */
  beforeAll(async () => {
    const { database: config } = gateway.config;
    if (config.kind === 'embedded') throw new Error('The database is embedded.');
    ({ database } = config.primary);
    // In no database, so that this session is not one of the gateway's.
    connection = await createConnection({ uri: process.env['TEST_DATABASE_URL'] ?? '' });
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

  /** What the server receives during `work` from the sessions in the gateway's database. */
  async function receivedDuring(work: () => Promise<unknown>): Promise<string[]> {
    const marker = `SELECT 'start ${Math.random()}'`;
    await connection.query(marker);
    await work();
    const [log] = await connection.query<RowDataPacket[]>(
      `SELECT CONVERT(argument USING utf8mb4) AS text, thread_id IN
         (SELECT id FROM information_schema.processlist WHERE db = ?) AS isOfGateway
       FROM mysql.general_log WHERE command_type NOT IN ('Connect', 'Quit') ORDER BY event_time`,
      [database],
    );
    const start = log.findIndex(({ text }) => text === marker);
    return log
      .slice(start + 1)
      .flatMap(({ text, isOfGateway }) => (isOfGateway ? [withoutSettings(String(text))] : []));
  }

  it.each([
    ['a page with links', 2, '{ exports(includeJson: true) { data { id jsonUrl } } }'],
    ['a page without links', 1, '{ exports(includeJson: true) { data { id name } } }'],
    [
      ...(['a filtered page with its count', 2] as const),
      `{ exports(filter: { resource: CONTACT, statuses: [COMPLETED, FAILED], search: "o' % \\\\ 1" }) {
           data { id } pagination { totalCount totalPages } } }`,
    ],
    ['twenty exports by id with links', 2, `{ ${byId.join(' ')} }`],
    ['a malformed id', 0, '{ export(id: "no such id") { id } }'],
    ['a rejection', 0, '{ exports(limit: 101) { data { id } } }'],
    ['introspection', 0, '{ __typename __schema { types { name } } }'],
  ])('is what the server receives for %s: %i statements', async (_, count, query) => {
    let logged: readonly string[] = [];
    const received = await receivedDuring(async () => {
      logged = (await gateway.query(query)).statements;
    });
    expect(logged).toHaveLength(count);
    // New sessions are not set up, or it would receive more.
    expect(received).toHaveLength(count);
    for (const statement of logged) {
      expect(received).toContainEqual(expect.stringMatching(withParameters(statement)));
    }
  });

  it('is compared with all that the server receives', async () => {
    const work = () => gateway.source.query('SELECT 1 AS unlogged');
    expect(await receivedDuring(work)).toEqual(['SELECT 1 AS unlogged']);
  });
});

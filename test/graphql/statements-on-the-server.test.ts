import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { describeWith } from '../support/describe-with.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type QueryResult, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

/** The server's own record of what it was asked, into a table that can be read. */
class GeneralLog {
  private constructor(
    private readonly connection: Connection,
    private readonly before: RowDataPacket,
  ) {}

  static async switchOn(url: string): Promise<GeneralLog> {
    // In no database, so that this session is none of the gateway's.
    const connection = await createConnection({ uri: new URL('/', url).href });
    try {
      const [rows] = await connection.query<RowDataPacket[]>(
        'SELECT @@GLOBAL.general_log AS general_log, @@GLOBAL.log_output AS log_output',
      );
      const [before] = rows;
      if (before === undefined) throw new Error('The server does not say how it keeps its log.');
      await connection.query("SET GLOBAL log_output = 'TABLE'");
      await connection.query('SET GLOBAL general_log = 1');
      return new GeneralLog(connection, before);
    } catch (cause) {
      await connection.end();
      throw new Error(
        'This test reads the general log of the server: give the user of TEST_DATABASE_URL the right to SET GLOBAL ' +
          'general_log and log_output (SUPER, or SYSTEM_VARIABLES_ADMIN) and to read mysql.general_log.',
        { cause },
      );
    }
  }

  /** What the server was asked by the sessions that are in this database now, in order, while `work` ran. */
  async statementsDuring(database: string, work: () => Promise<unknown>): Promise<string[]> {
    const marker = `begin ${Math.random()}`;
    await this.connection.query(`SELECT '${marker}'`);
    await work();
    const [sessions] = await this.connection.query<RowDataPacket[]>(
      'SELECT id FROM information_schema.processlist WHERE db = ?',
      [database],
    );
    const [logged] = await this.connection.query<RowDataPacket[]>(
      `SELECT thread_id, command_type, CONVERT(argument USING utf8mb4) AS argument
       FROM mysql.general_log ORDER BY event_time`,
    );
    const ids = new Set(sessions.map(({ id }) => Number(id)));
    const from = logged.findIndex(({ argument }) => argument === `SELECT '${marker}'`);
    return logged
      .slice(from + 1)
      .filter(
        ({ thread_id: id, command_type: type }) =>
          ids.has(Number(id)) && !/Connect|Quit/.test(String(type)),
      )
      .map(({ argument }) => String(argument));
  }

  async switchOff(): Promise<void> {
    try {
      await this.connection.query('SET GLOBAL general_log = ?', [this.before['general_log']]);
      await this.connection.query('SET GLOBAL log_output = ?', [this.before['log_output']]);
    } finally {
      await this.connection.end();
    }
  }
}

/** A statement with parameters in the place of its question marks, as the server sees it. */
function filledIn(statement: string): RegExp {
  const literal = statement.split('?').map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  return new RegExp(`^${literal.join(`(?:'(?:[^'\\\\]|\\\\.)*'|-?\\d+)`)}$`);
}

describeWith('mysql', 'what a gateway logs of its statements on MySQL', () => {
  let database: EngineDatabase;
  let gateway: Gateway;
  let log: GeneralLog;
  let name: string;

  beforeAll(async () => {
    database = (await engines[1]?.provide()) as EngineDatabase;
    if (database.config.kind !== 'mysql') throw new Error('This is no server.');
    gateway = await startGateway(database);
    name = new URL(database.config.url).pathname.slice(1);
    const indexes = [...Array(120).keys()];
    await insertRows(gateway.source, {
      exports: indexes.map((index) => exportRow(index)),
      files: indexes.flatMap((index) =>
        Object.values(ExportFileKind).map((kind) => fileRow(index, kind)),
      ),
    });
    log = await GeneralLog.switchOn(database.config.url);
  });

  afterAll(async () => {
    await log.switchOff();
    await gateway.close();
    await database.dispose();
  });

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
      query: `{ ${[...Array(20).keys()]
        .map(
          (index) => `a${index}: export(id: "${exportId(index)}", includeJson: true) { jsonUrl }`,
        )
        .join(' ')} }`,
    },
    { what: 'an id that nobody can have', count: 0, query: '{ export(id: "no such id") { id } }' },
    { what: 'a refusal', count: 0, query: '{ exports(limit: 101) { data { id } } }' },
    { what: 'no exports at all', count: 0, query: '{ __typename __schema { types { name } } }' },
  ])('is what reaches the server, no more and no less: $what', async ({ query, count }) => {
    const answers: QueryResult<unknown>[] = [];
    const onServer = await log.statementsDuring(name, async () => {
      answers.push(await gateway.query(query));
    });
    const statements = answers.flatMap((answer) => answer.statements);
    expect(statements).toHaveLength(count);
    // The pool opens sessions when it needs them, and prepares each by a statement that is none of the request.
    expect(onServer.filter((sql) => !sql.startsWith('SET SESSION '))).toHaveLength(count);
    // Two at once may overtake each other on their way.
    for (const statement of statements) {
      expect(onServer).toContainEqual(expect.stringMatching(filledIn(statement)));
    }
  });

  it('would not hide a statement that the gateway did not log', async () => {
    const onServer = await log.statementsDuring(name, async () => {
      await gateway.query(`{ export(id: "${exportId(1)}") { id } }`);
      // Another session in the same database.
      await gateway.source.query('SELECT 1 AS unlogged');
    });
    expect(onServer).toHaveLength(2);
    expect(onServer).toContain('SELECT 1 AS unlogged');
  });
});

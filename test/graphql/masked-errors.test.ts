import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { expectNoInternals, post } from '../exports/post.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway, type GraphqlError } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

interface Body {
  readonly data: unknown;
  readonly errors: readonly GraphqlError[];
}

describe.each(engines)('a defect on $engine', ({ engine, provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeEach(async () => {
    database = await provide();
    gateway = await startGateway(database);
    await insertRows(gateway.source, {
      exports: [exportRow(0), exportRow(1)],
      files: [fileRow(0, ExportFileKind.CSV), fileRow(1, ExportFileKind.JSON)],
    });
  });

  afterEach(async () => {
    await gateway.close();
    await database.dispose();
  });

  /** Asks what ends in a defect; expects a client to learn nothing of it, and gives the body and what was logged. */
  async function askForDefect(query: string): Promise<Body & { logged: string }> {
    const before = gateway.log.length;
    const { text } = await post(gateway, JSON.stringify({ query }));
    expectNoInternals(text);
    const body = JSON.parse(text) as Body;
    expect(body.errors).not.toEqual([]);
    for (const error of body.errors) {
      expect(error.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
      expect(error.message).toBe('Something went wrong on our side.');
    }
    const errors = gateway.log.slice(before).filter(({ level }) => level === 50);
    return { ...body, logged: JSON.stringify(errors) };
  }

  it('of the database nulls what needs it and no more; the log has its cause', async () => {
    await gateway.source.query('DROP TABLE export_files');
    const { data, errors, logged } = await askForDefect(
      `{ broken: export(id: "${exportId(0)}", includeCsv: true) { id csvUrl }
         sound: export(id: "${exportId(1)}", includeCsv: true) { id name } }`,
    );
    expect(data).toEqual({
      broken: { id: exportId(0), csvUrl: null },
      sound: { id: exportId(1), name: 'Export 1' },
    });
    expect(errors.map(({ path }) => path)).toEqual([['broken', 'csvUrl']]);
    expect(logged).toMatch(
      engine === 'MySQL' ? /export_files' doesn't exist/ : /no such table: export_files/,
    );
    expect(logged).toContain('SELECT f.export_id');
    expect(logged).toContain('stack');
  });

  it('of the list itself nulls the list, and no other field beside it', async () => {
    await gateway.source.query('DROP TABLE exports');
    const { data, errors } = await askForDefect('{ exports { data { id } } __typename }');
    expect(data).toEqual({ exports: null, __typename: 'Query' });
    expect(errors).toHaveLength(1);
  });

  it('of the rows, such as a resource that the schema does not know, is one, too', async () => {
    await gateway.source.query(`UPDATE exports SET resource = 'secret_resource' WHERE id = ?`, [
      exportId(0),
    ]);
    const { data, logged } = await askForDefect(
      `{ broken: export(id: "${exportId(0)}") { id resource } sound: export(id: "${exportId(1)}") { resource } }`,
    );
    expect(data).toEqual({ broken: null, sound: { resource: 'CONTACT' } });
    expect(logged).toContain('secret_resource');
  });

  it('of the rows, such as a status that no CHECK has stopped, is one, too', async () => {
    // A copy made in this way has the columns and rows, but none of the CHECKs (and indexes).
    await gateway.source.query('CREATE TABLE unchecked AS SELECT * FROM exports');
    await gateway.source.query('DROP TABLE exports');
    await gateway.source.query('ALTER TABLE unchecked RENAME TO exports');
    await gateway.source.query(`UPDATE exports SET status = 'secret_status' WHERE id = ?`, [
      exportId(0),
    ]);
    const { data, logged } = await askForDefect(
      `{ export(id: "${exportId(0)}") { id status } __typename }`,
    );
    expect(data).toEqual({ export: null, __typename: 'Query' });
    expect(logged).toContain('secret_status');
  });

  it('of a size that JavaScript cannot hold is one, too, rather than a wrong number', async () => {
    await gateway.source.query(
      'UPDATE export_files SET size_bytes = 9223372036854775807 WHERE export_id = ?',
      [exportId(0)],
    );
    const { data } = await askForDefect(
      `{ export(id: "${exportId(0)}") { id files { kind sizeBytes } } }`,
    );
    expect(data).toMatchObject({
      export: {
        id: exportId(0),
        files: expect.arrayContaining([{ kind: 'CSV', sizeBytes: null }]),
      },
    });
  });

  it('is told from a refusal in the same answer', async () => {
    await gateway.source.query('DROP TABLE export_files');
    const { text } = await post(
      gateway,
      JSON.stringify({
        query: `{ refused: exports(limit: 101) { data { id } }
                  broken: export(id: "${exportId(0)}", includeJson: true) { jsonUrl } }`,
      }),
    );
    expectNoInternals(text);
    const { errors } = JSON.parse(text) as Body;
    expect(
      Object.fromEntries(errors.map(({ path, extensions }) => [path?.[0], extensions.code])),
    ).toEqual({
      refused: 'BAD_USER_INPUT',
      broken: 'INTERNAL_SERVER_ERROR',
    });
  });
});

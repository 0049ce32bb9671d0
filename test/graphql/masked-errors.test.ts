import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { engines } from '../support/engines.js';
import { useGateway, type GraphqlError } from '../support/gateway.js';
import { expectNoInternals } from '../support/no-internals.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';

const [one, two] = [exportId(0), exportId(1)];

describe.each(engines)('a defect on $engine', (engine) => {
  const gateway = useGateway(engine, {
    each: true,
    exports: [exportRow(0), exportRow(1)],
    files: [fileRow(0, ExportFileKind.CSV), fileRow(1, ExportFileKind.JSON)],
  });

  it.each([
    {
      what: 'a missing table of files',
      defect: ['DROP TABLE export_files'],
      query: `{ broken: export(id: "${one}", includeCsv: true) { id csvUrl }
                intact: export(id: "${two}", includeCsv: true) { id name } }`,
      data: { broken: { id: one, csvUrl: null }, intact: { id: two, name: 'Export 1' } },
      path: ['broken', 'csvUrl'],
      logged: /(export_files' doesn't exist|no such table: export_files).*SELECT f\.export_id/,
    },
    {
      what: 'a missing table of exports',
      defect: ['DROP TABLE exports'],
      query: '{ exports { data { id } } __typename }',
      data: { exports: null, __typename: 'Query' },
      path: ['exports'],
      logged: /(exports' doesn't exist|no such table: exports)/,
    },
  ])('is masked and logged, and nulls no other field: $what', async (each) => {
    for (const statement of each.defect) await gateway.source.query(statement);
    // The first response is of graphql-js, the others of the compiled operation, the last two not in Apollo Server.
    for (let use = 1; use <= 4; use += 1) {
      const { text, logged } = await gateway.send({ body: { query: each.query } });
      expectNoInternals(text);
      const { data, errors: sent } = JSON.parse(text) as { data: object; errors: GraphqlError[] };
      expect(data).toEqual(each.data);
      const message = 'Something went wrong on our side.';
      const extensions = { code: 'INTERNAL_SERVER_ERROR' };
      const locations = expect.any(Array);
      expect(sent).toEqual([{ message, extensions, locations, path: each.path }]);
      const errors = logged.filter(({ level }) => level === 50);
      const err = { stack: expect.any(String) };
      const requestId = logged.find(({ msg }) => msg === 'request')?.['requestId'];
      expect(requestId).toEqual(expect.any(String));
      expect(errors).toMatchObject([{ requestId, err, path: sent[0]?.path }]);
      expect(JSON.stringify(errors)).toMatch(each.logged);
    }
  });
});

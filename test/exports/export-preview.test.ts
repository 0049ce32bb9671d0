import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';

interface Preview {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly isTruncated: boolean;
}

const { JSON: json, CSV: csv } = ExportFileKind;
const id = exportId(0);
const document = `query ($rows: Int! = 10) {
  export(id: "${id}") { files { kind preview(rows: $rows) { columns rows isTruncated } } }
}`;

describe('the preview of a file', () => {
  const gateway = useGateway(embedded, {
    exports: [exportRow(0)],
    files: [fileRow(0, json), fileRow(0, csv)],
  });

  /** The previews by the kind of the file. */
  async function previews(rows?: number) {
    const { data, errors } = await gateway.query<{
      export: { files: { kind: string; preview: Preview | null }[] };
    }>(document, { rows });
    expect(errors).toBeUndefined();
    return Object.fromEntries(data.export.files.map(({ kind, preview }) => [kind, preview]));
  }

  it('is a table of its first rows', async () => {
    await gateway.store(fileRow(0, csv).objectKey, 'id,name\r\n1,"Zoë ""Z"""\r\n2,\r\n3\r\n');
    await gateway.store(
      fileRow(0, json).objectKey,
      '[{"id": 1}, {"id": 2, "tags": ["a", 1.50], "name": null}]',
    );
    const table = { columns: ['id', 'name'], isTruncated: false };
    const rows = [['1', 'Zoë "Z"'], ['2', ''], ['3', null]]; // prettier-ignore
    expect(await previews()).toEqual({
      JSON: {
        columns: ['id', 'tags', 'name'],
        rows: [['1', null, null], ['2', '["a",1.50]', null]], // prettier-ignore
        isTruncated: false,
      },
      CSV: { ...table, rows },
      CSV_ERROR: null,
      CSV_SANITIZED: null,
    });
    expect(await previews(1)).toMatchObject({
      JSON: { columns: ['id'], rows: [['1']], isTruncated: true },
      CSV: { columns: ['id', 'name'], rows: rows.slice(0, 1), isTruncated: true },
    });
  });

  it.each([0, 51, -1])('has 1 to 50 rows, so that %d is rejected before any SQL', async (rows) => {
    for (const query of [document, document.replace('= 10', `= ${rows}`)]) {
      const variables = query === document ? { rows } : {};
      const { status, errors, statements } = await gateway.query(query, variables);
      const message = `rows must be between 1 and 50, not ${rows}.`;
      const extensions = { code: 'BAD_USER_INPUT', argument: 'rows' };
      expect({ status, errors }).toEqual({ status: 400, errors: [{ message, extensions }] });
      expect(statements).toEqual([]);
    }
  });
});

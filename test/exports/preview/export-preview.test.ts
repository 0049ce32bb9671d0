import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { readConfig } from '../../../src/config/config.js';
import { ExportFileKind } from '../../../src/exports/export-file.js';
import { apiKeyRow, keyNamed } from '../../auth/credentials.js';
import { embedded } from '../../support/engines.js';
import { keysRequired, startGateway, useGateway, type Gateway } from '../../support/gateway.js';
import { exportId, exportRow, fileRow } from '../../support/rows.js';
import { until } from '../../support/until.js';

const { JSON: json, CSV: csv } = ExportFileKind;
const id = exportId(0);
const selection = 'files { kind preview(rows: $rows) { columns rows isTruncated } }';
const document = `query ($rows: Int! = 10) { export(id: "${id}") { ${selection} } }`;

interface ExportWithFiles {
  readonly files: readonly { readonly kind: string; readonly preview: object | null }[];
}

describe('the preview of a file', () => {
  const key = keyNamed('A');
  const past = new Date(Date.now() - 1_000);
  const gateway = useGateway(embedded, {
    config: keysRequired,
    keys: [apiKeyRow(key, 'org_demo'), apiKeyRow(keyNamed('B'), 'other')],
    exports: [exportRow(0), exportRow(1, { expiresAt: past })],
    files: [fileRow(0, json), fileRow(0, csv), fileRow(1, csv)],
  });
  const headers = { 'x-api-key': key };
  beforeAll(async () => {
    await gateway.store(fileRow(0, csv).objectKey, 'id,name\r\n1,"Zoë ""Z"""\r\n2,\r\n3\r\n');
    await gateway.store(fileRow(0, json).objectKey, '[{"id": 1}, {"id": 2, "tags": ["a", 1.50]}]');
    await gateway.store(fileRow(1, csv).objectKey, 'id\n1\n');
  });

  async function previews(rows?: number, exportedId = id) {
    const query = document.replace(id, exportedId);
    const { data, errors } = await gateway.query<{ export: ExportWithFiles | null }>(
      query,
      { rows },
      headers,
    );
    expect(errors).toBeUndefined();
    return data.export?.files.map(({ preview }) => preview);
  }

  it('is a table of its first rows, for files that exist', async () => {
    const rows = [['1', 'Zoë "Z"'], ['2', ''], ['3', null]]; // prettier-ignore
    // The second time and later, graphql-jit executes it.
    for (let execution = 1; execution <= 3; execution++) {
      expect(await previews()).toEqual([
        { columns: ['id', 'tags'], rows: [['1', null], ['2', '["a",1.50]']], isTruncated: false }, // prettier-ignore
        { columns: ['id', 'name'], rows, isTruncated: false },
        null,
        null,
      ]);
      expect(await previews(1)).toEqual([
        { columns: ['id'], rows: [['1']], isTruncated: true },
        { columns: ['id', 'name'], rows: rows.slice(0, 1), isTruncated: true },
        null,
        null,
      ]);
    }
  });

  it('is null when the export has expired', async () => {
    expect(await previews(10, exportId(1))).toEqual([null, null, null, null]);
  });

  it('is not there for another organization', async () => {
    const { data } = await gateway.query(document, {}, { 'x-api-key': keyNamed('B') });
    expect(data).toEqual({ export: null });
  });

  it.each([
    `{ export(id: "${id}") { ${selection} } }`,
    `{ exports(limit: 1) { data { ${selection} } } }`,
    `{ exports(limit: 1) { edges { node { ${selection} } } } }`,
    `{ exportsByIds(ids: ["${id}"]) { ${selection} } }`,
    `{ _entities(representations: [{ __typename: "Export", id: "${id}" }]) { ... on Export { ${selection} } } }`,
    `subscription { exportUpdated(id: "${id}") { ${selection} } }`,
  ])('is disclosed with a line in the log, and counted, by %s', async (operation) => {
    const query = operation.replace('$rows', '1');
    const name = /^exports_gateway_previews_disclosed_total\{kind="csv"\} (\d+)$/m;
    const count = async () => Number(name.exec((await gateway.send({ path: '/metrics' })).text)?.[1]); // prettier-ignore
    const before = await count();
    const accept = query.startsWith('{') ? 'application/json' : 'text/event-stream';
    const requestId = `preview-${operation.length}`;
    const asked = ['x-api-key', key, 'accept', accept, 'x-request-id', requestId];
    // Browsers may cache the response to a GET, unless it discloses a file.
    const path = `/graphql?query=${encodeURIComponent(query)}`;
    const { text, headers: received } = await gateway.send({ path, headers: ['apollo-require-preflight', '1', ...asked] }); // prettier-ignore
    expect(text).toContain('"columns":["id","name"],"rows":[["1","Zoë \\"Z\\""]]');
    expect(received['cache-control']).toContain('no-store');
    const line = await until(
      () =>
      gateway.log.find((each) => each['msg'] === 'previews disclosed' && each['requestId'] === requestId), // prettier-ignore
    );
    expect(line).toMatchObject({ exportIds: [id], exports: 1, kinds: ['json', 'csv'], clientAddress: '127.0.0.1' }); // prettier-ignore
    expect(gateway.log.some((each) => each['msg'] === 'links disclosed')).toBe(false);
    expect(await count()).toBe(before + 1);
  });

  it.each([0, 51, -1])('has 1 to 50 rows: %d is rejected before any SQL', async (rows) => {
    const literal = `{ exports { data { ${selection.replace('$rows', String(rows))} } } }`;
    const byDefault = document.replace('= 10', `= ${rows}`);
    const subscription = document.replace('query', 'subscription').replace('export(', 'exportUpdated('); // prettier-ignore
    for (const query of [document, literal, byDefault, subscription]) {
      const variables = query === document || query === subscription ? { rows } : {};
      const { status, errors, statements } = await gateway.query(query, variables, headers);
      const message = `rows must be between 1 and 50, not ${rows}.`;
      const extensions = { code: 'BAD_USER_INPUT', argument: 'rows' };
      expect({ status, errors }).toEqual({ status: 400, errors: [{ message, extensions }] });
      expect(statements).toEqual([]);
    }
  });

  it('costs as much as 153 fields, so that a page of 100 exports has none', async () => {
    const page = `query ($rows: Int! = 10) { exports(limit: 100) { data { ${selection} } } }`;
    const { errors } = await gateway.query(page, {}, headers);
    const message = expect.stringMatching(/^The query costs 62\d{3}; at most 15000 are allowed\./);
    expect(errors).toMatchObject([{ message, extensions: { code: 'QUERY_TOO_COMPLEX' } }]);
  });
});

describe('the preview of a file in a bucket that does not respond', () => {
  const silent = createServer();
  let gateway: Gateway;
  let dispose: () => Promise<void>;
  beforeAll(async () => {
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const FILES_URL = `s3://exports?region=us-east-1&endpoint=${endpoint}`;
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' });
    const database = await embedded.provide();
    const { files } = readConfig({ FILES_URL });
    const rows = { exports: [exportRow(0)], files: [fileRow(0, csv)] };
    gateway = await startGateway(database, { ...rows, config: { files } });
    dispose = async () => {
      await gateway.close();
      await database.dispose();
    };
  });
  afterAll(async () => {
    await dispose();
    silent.close();
  });

  it('fails alone, and the cause is in the log', async () => {
    const query = document.replace('kind', 'kind url').replace(`"${id}"`, `"${id}", includeCsv: true`); // prettier-ignore
    const { status, data, errors } = await gateway.query<{ export: ExportWithFiles }>(query);
    expect(status).toBe(200);
    expect(data.export.files).toMatchObject([
      { preview: null },
      { kind: 'CSV', preview: null, url: expect.stringContaining('X-Amz-Signature') },
      {},
      {},
    ]);
    const message = 'The file cannot be read right now. Try again in a moment.';
    const extensions = { code: 'SERVICE_UNAVAILABLE' };
    const path = ['export', 'files', 1, 'preview'];
    expect(errors).toMatchObject([{ message, extensions, path }]);
    const line = gateway.log.find(({ msg }) => msg === message);
    expect(line).toMatchObject({ level: 40, err: { message: 'no response within 2000 ms' } });
    const { text } = await gateway.send({ path: '/metrics' });
    expect(text).toMatch(/^exports_gateway_preview_read_duration_seconds_count\{outcome="failure"\} 1$/m); // prettier-ignore
  });
});

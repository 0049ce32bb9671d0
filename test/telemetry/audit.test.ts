import { describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { apiKeyRow, keyNamed, signToken, tokensAccepted } from '../auth/credentials.js';
import { embedded } from '../support/engines.js';
import { useGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRows, fileRow } from '../support/rows.js';
import { until } from '../support/until.js';

const key = keyNamed('A');
const keyRow = apiKeyRow(key, 'org_demo');
const [first, second] = [exportId(0), exportId(1)];
const { JSON: json, CSV: csv, CSV_ERROR: csvError, CSV_SANITIZED: csvSanitized } = ExportFileKind;
const csvKinds = [csv, csvError, csvSanitized];
const rows = {
  keys: [keyRow],
  exports: exportRows(120),
  files: [
    ...Object.values(ExportFileKind).map((kind) => fileRow(0, kind)),
    ...[...Array(119).keys()].map((index) => fileRow(index + 1, csv)),
  ],
};

let requests = 0;
/** Sends a query. Resolves to the line of its request and, if there is one, that of the audit. */
async function linesOf(gateway: Gateway, query: string, headers = ['x-api-key', key]) {
  const requestId = `audit-${(requests += 1)}`;
  const { text } = await gateway.send({
    body: { query },
    headers: ['x-request-id', requestId, ...headers],
  });
  expect(text).toContain('"data"');
  const lineOf = (msg: string) =>
    gateway.log.find((line) => line['msg'] === msg && line['requestId'] === requestId);
  return { request: await until(() => lineOf('request')), audit: lineOf('links disclosed') };
}

describe('the audit of links', () => {
  const gateway = useGateway(embedded, { ...rows, config: tokensAccepted() });
  const one = (selection: string) =>
    `{ export(id: "${first}", includeCsv: true, includeJson: true) ${selection} }`;

  it.each<[query: string, kinds: string[], exportIds?: string[]]>([
    [one('{ jsonUrl }'), [json]],
    [one('{ csvUrl }'), [csv]],
    [one('{ csvErrorUrl }'), [csvError]],
    [one('{ csvSanitizedUrl }'), [csvSanitized]],
    [one('{ files { url } }'), [json, ...csvKinds]],
    [one('{ csvUrl again: csvUrl files { url } }'), [csv, json, csvError, csvSanitized]],
    ['{ exports(limit: 2, includeCsv: true) { data { csvUrl } } }', [csv], [first, second]],
    [
      '{ exports(limit: 2, includeCsv: true) { data { files { url } } } }',
      csvKinds,
      [first, second],
    ],
    [`{ exportsByIds(ids: ["${second}", "${first}"]) { csvUrl } }`, [csv], [second, first]],
    [
      `{ _entities(representations: [{ __typename: "Export", id: "${second}" }]) { ... on Export { csvUrl } } }`,
      [csv],
      [second],
    ],
  ])('names who received which links by %s', async (query, kinds, exportIds = [first]) => {
    // The second time and later, graphql-jit executes it.
    for (let execution = 1; execution <= 3; execution++) {
      const { request, audit } = await linesOf(gateway, query);
      const client = { organization: 'org_demo', viewer: keyRow.id };
      expect(request).toMatchObject({ status: 200, ...client });
      expect(audit).toMatchObject({
        ...{ level: 30, ...client, clientAddress: '127.0.0.1' },
        ...{ exportIds, exports: exportIds.length, kinds },
      });
    }
  });

  it.each([
    '{ exports(includeCsv: true) { data { id name } } }',
    '{ exports { data { csvUrl files { kind state url } } } }',
    one('{ files { urlExpiresAt } }'),
    '{ export(id: "unknown", includeCsv: true) { csvUrl } }',
  ])('has no line for a response without links: %s', async (query) => {
    for (let execution = 1; execution <= 3; execution++) {
      expect((await linesOf(gateway, query)).audit).toBeUndefined();
    }
  });

  it('names a hundred exports at most, and counts all', async () => {
    const page = (number: number) =>
      `page${number}: exports(limit: 60, page: ${number}, includeCsv: true) { data { csvUrl } }`;
    const { audit } = await linesOf(gateway, `{ ${page(1)} ${page(2)} }`);
    const exportIds = rows.exports.slice(0, 100).map(({ id }) => id);
    expect(audit).toMatchObject({ exportIds, exports: 120, kinds: [csv] });
  });

  it('names the `sub` of a token, and believes no address that a client claims', async () => {
    const token = await signToken({ org_id: 'org_demo', sub: 'jane' });
    const headers = ['authorization', `Bearer ${token}`, 'x-forwarded-for', '192.0.2.1'];
    const { request, audit } = await linesOf(gateway, one('{ csvUrl }'), headers);
    expect(request).toMatchObject({ viewer: 'jane' });
    expect(audit).toMatchObject({ viewer: 'jane', clientAddress: '127.0.0.1' });
  });
});

describe('the audit of links behind a trusted proxy', () => {
  const gateway = useGateway(embedded, { ...rows, config: { trustProxy: true } });

  it.each([
    [[], '127.0.0.1'],
    [['x-forwarded-for', '192.0.2.1'], '192.0.2.1'],
    [['x-forwarded-for', '203.0.113.9, 192.0.2.1'], '192.0.2.1'],
    [['x-forwarded-for', '203.0.113.9', 'x-forwarded-for', '2001:db8::1'], '2001:db8::1'],
  ])('takes the address that the last proxy added: %j', async (headers, clientAddress) => {
    const query = '{ exports(limit: 1, includeCsv: true) { data { csvUrl } } }';
    const { audit } = await linesOf(gateway, query, headers);
    expect(audit).toMatchObject({ organization: 'org_demo', clientAddress });
    expect(audit).not.toHaveProperty('viewer');
  });
});

import { beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import { engines } from '../support/engines.js';
import { keysRequired, useGateway, type RawRequest } from '../support/gateway.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { until } from '../support/until.js';

const key = keyNamed('private');
const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlLW9mLWphbmU';
const person = 'jane.doe@example.com';
const name = 'Contacts of Jane Doe';
/** A value that a client sends. */
const typed = 'typed-by-jane';

describe.each(engines)('the log on $engine at level debug', (engine) => {
  const gateway = useGateway(engine, {
    config: keysRequired,
    keys: [apiKeyRow(key, 'org_demo')],
    exports: [exportRow(0, { name, requestedBy: person, failureReason: `Not for ${person}` })],
    files: [fileRow(0, ExportFileKind.CSV, { fileName: `${name}.csv` })],
  });
  beforeAll(() => gateway.store(`exports/${exportId(0)}/csv`, `${person}\n`));

  const fields = '{ id name requestedBy failureReason csvUrl files { fileName url sha256 } }';
  const list = `query List($search: String) { exports(filter: { search: $search }, includeCsv: true) { data ${fields} pagination { totalCount endCursor } } }`;

  it('holds no personal data, credentials or signatures, and names the request of every failure', async () => {
    const start = gateway.log.length;
    let sentCount = 0;
    const send = async (request: RawRequest): Promise<string> => {
      sentCount++;
      return (await gateway.send(request)).text;
    };
    const query = (document: string, search: unknown = 'jane', headers = ['x-api-key', key]) =>
      send({ body: { query: document, variables: { search } }, headers });

    const response = await query(list);
    expect(response).toContain(person);
    const [, target = '', signature = ''] =
      /"csvUrl":"http:\/\/[^/]+([^"]+&signature=([\w-]{20,}))"/.exec(response) ?? [];
    const targets = [
      target,
      target.replace(signature, `${signature.slice(1)}x`),
      // Links that a mail client has altered, and what a proxy may send.
      `/files/a%3Fsignature%3D${signature}`,
      `/files/a%253Fsignature%253D${signature}`,
      `/files/a#signature=${signature}`,
      `http://${typed}:${typed}@127.0.0.1/files/a`,
      `/nowhere/${person}`,
    ];
    for (const each of targets) await send({ target: each });
    const variables = JSON.stringify({ search: typed });
    const search = new URLSearchParams({ query: list, variables }).toString();
    const preflighted = ['x-api-key', key, 'apollo-require-preflight', 'true'];
    await send({ path: `/graphql?${search}`, headers: preflighted });

    // Mistakes, which messages repeat.
    await query(list, [typed]);
    await query(list, typed.repeat(100));
    await query(`{ exports(filter: { search: ${typed} }) { data { id } } }`);
    await query(`{ exports(after: "${typed}") { data { id } } }`);
    await query(`{ export(id: "${typed}") { id } } ${typed}`);
    // Invalid credentials.
    await query(list, 'jane', ['x-api-key', `${key}x`]);
    await query(list, 'jane', ['authorization', `Bearer ${token}`]);
    await query(list, 'jane', ['authorization', `Basic ${typed}`]);
    await query(list, 'jane', ['x-api-key', key, 'authorization', `Bearer ${token}`]);
    // Defects of a row and of SQL queries.
    await gateway.source.query(`UPDATE exports SET count_total = -1 WHERE id = ?`, [exportId(0)]);
    await gateway.source.query('ALTER TABLE export_files RENAME TO moved_files');
    await query(list);
    await gateway.source.query('ALTER TABLE exports RENAME TO moved_exports');
    expect(await query(list, typed)).toContain('INTERNAL_SERVER_ERROR');

    const lines = await until(() => {
      const found = gateway.log.slice(start);
      return found.filter(({ msg }) => msg === 'request').length < sentCount ? undefined : found;
    });
    const levels = new Set(lines.map(({ level }) => level));
    expect([...levels]).toEqual(expect.arrayContaining([20, 30, 50]));
    for (const line of lines.filter(({ level }) => level === 50)) {
      expect(line).toMatchObject({ msg: 'A request failed', requestId: expect.any(String) });
    }
    const text = JSON.stringify(lines);
    const secrets = [person, 'Jane Doe', typed, key, token, signature, signature.slice(1, 20)];
    for (const secret of secrets) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(encodeURIComponent(secret));
    }
  });
});

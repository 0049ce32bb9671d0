import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { addKeys, apiKeyRow, keyNamed } from '../auth/credentials.js';
import { until } from '../support/until.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';

const key = keyNamed('private');
const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlLW9mLWphbmU';
const person = 'jane.doe@example.com';
const name = 'Contacts of Jane Doe';
/** What a client sends. */
const typed = 'typed-by-jane';

describe.each(engines)('the log on $engine, with every statement in it', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;
  beforeAll(async () => {
    database = await provide();
    await addKeys(database, [apiKeyRow(key, 'org_demo')]);
    gateway = await startGateway(database, { config: { auth: { kind: 'required', jwt: null } } });
    await insertRows(gateway.source, {
      exports: [exportRow(0, { name, requestedBy: person, failureReason: `Not for ${person}` })],
      files: [fileRow(0, ExportFileKind.CSV, { fileName: `${name}.csv` })],
    });
    const path = join(gateway.filesDirectory, `exports/${exportId(0)}`);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'csv'), `${person}\n`);
  });
  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  async function ask(
    body: object,
    headers: Record<string, string> = { 'x-api-key': key },
  ): Promise<string> {
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return response.text();
  }
  /** Asks for exactly this target, which fetch would tidy up. */
  async function get(target: string): Promise<void> {
    const { hostname, port } = new URL(gateway.origin);
    const [answer] = (await once(request({ hostname, port, path: target }).end(), 'response')) as [
      IncomingMessage,
    ];
    await text(answer);
  }

  const everything = '{ id name requestedBy failureReason csvUrl files { fileName url sha256 } }';

  it('holds no data of people, no credentials and no signatures, whatever is asked and whatever fails', async () => {
    const before = gateway.log.length;
    let requests = 0;
    const asked = async (...args: Parameters<typeof ask>) => {
      requests++;
      return ask(...args);
    };
    const list = `query List($search: String) { exports(filter: { search: $search }, includeCsv: true) { data ${everything} pagination { totalCount endCursor } } }`;
    const answer = await asked({ query: list, variables: { search: 'jane' } });
    expect(answer).toContain(person);
    const { csvUrl } = (JSON.parse(answer) as { data: { exports: { data: { csvUrl: string }[] } } })
      .data.exports.data[0] ?? { csvUrl: '' };
    const signature = new URL(csvUrl).searchParams.get('signature') ?? '';
    expect(signature.length).toBeGreaterThan(20);

    // Downloads, good and bad.
    for (const url of [csvUrl, csvUrl.replace(signature, `${signature.slice(1)}x`)]) {
      requests++;
      await (await fetch(url)).text();
    }
    // Links that somebody's mail program has spoilt, and what a proxy may send.
    for (const target of [
      `/files/a%3Fsignature%3D${signature}`,
      `/files/a%253Fsignature%253D${signature}`,
      `/files/a#signature=${signature}`,
      `http://${typed}:${typed}@127.0.0.1/files/a`,
      `/nowhere/${person}`,
    ]) {
      requests++;
      await get(target);
    }
    // By GET all of it stands in the path.
    const search = new URLSearchParams({
      query: list,
      variables: JSON.stringify({ search: typed }),
    });
    requests++;
    await (
      await fetch(`${gateway.origin}/graphql?${search.toString()}`, {
        headers: { 'x-api-key': key, 'apollo-require-preflight': 'true' },
      })
    ).text();
    // Mistakes, whose messages repeat what is wrong.
    await asked({ query: list, variables: { search: [typed] } });
    await asked({ query: `{ exports(filter: { search: ${typed} }) { data { id } } }` });
    await asked({ query: `{ exports(after: "${typed}") { data { id } } }` });
    await asked({ query: `{ export(id: "${typed}") { id } } ${typed}` });
    await asked({ query: list, variables: { search: typed.repeat(100) } });
    // Credentials that do not hold.
    await asked({ query: list }, { 'x-api-key': `${key}x` });
    await asked({ query: list }, { authorization: `Bearer ${token}` });
    await asked({ query: list }, { authorization: `Basic ${typed}` });
    await asked({ query: list }, { 'x-api-key': key, authorization: `Bearer ${token}` });
    // Defects: of a row, and of statements that hold values.
    await gateway.source.query(`UPDATE exports SET count_total = -1 WHERE id = ?`, [exportId(0)]);
    await gateway.source.query('ALTER TABLE export_files RENAME TO moved_files');
    await asked({ query: list, variables: { search: 'jane' } });
    await gateway.source.query('ALTER TABLE exports RENAME TO moved_exports');
    expect(await asked({ query: list, variables: { search: typed } })).toContain(
      'INTERNAL_SERVER_ERROR',
    );

    const lines = await until(() => {
      const found = gateway.log.slice(before);
      return found.filter(({ msg }) => msg === 'request').length < requests ? undefined : found;
    });
    const levels = new Set(lines.map(({ level }) => level));
    expect([...levels]).toEqual(expect.arrayContaining([20, 30, 50]));
    const logged = JSON.stringify(lines);
    const secrets = [person, 'Jane Doe', typed, key, token, signature, signature.slice(1, 20)];
    for (const secret of secrets) {
      expect(logged).not.toContain(secret);
      expect(logged).not.toContain(encodeURIComponent(secret));
    }
  });

  it('names with every error the request in which it was met', async () => {
    const before = gateway.log.length;
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key, 'x-request-id': 'mine' },
      body: '{"query":"query Mine { exports { data { id } } }"}',
    });
    await response.text();
    const line = await until(() => gateway.log.slice(before).find(({ msg }) => msg === 'request'));
    expect(line).toMatchObject({
      requestId: 'mine',
      operation: 'Mine',
      code: 'INTERNAL_SERVER_ERROR',
      status: 200,
    });
    expect(gateway.log.slice(before).filter(({ level }) => level === 50)).toEqual([
      expect.objectContaining({ requestId: 'mine', msg: 'A request failed' }),
    ]);
  });
});

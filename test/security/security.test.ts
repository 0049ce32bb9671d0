import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { Export } from '../../src/exports/export.js';
import { embedded, engines } from '../support/engines.js';
import { startGateway, useGateway, type Gateway, type GraphqlError } from '../support/gateway.js';
import { expectNoInternals } from '../support/no-internals.js';
import { exportId, exportRow, fileRow } from '../support/rows.js';
import { allAttacks, databaseAttacks, jwt, keys, publicKey, SECRET } from './attacks.js';

const ROWS = 110;
/** Two cores serve the whole test run. */
const MAX_MS = 3_000;

const auth = {
  kind: 'required',
  jwt: {
    ...jwt,
    key: { kind: 'public', publicKey, algorithm: 'RS256' },
    organizationClaim: 'org_id',
  },
} as const;

/** Writes to a bare connection and reads until the server closes it. */
async function sendRaw({ origin, log }: Gateway, request: string) {
  const logBefore = log.length;
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk;
  });
  // The server may close the connection before it has read everything.
  socket.on('error', () => undefined);
  socket.write(request);
  await new Promise((resolve) => socket.on('close', resolve));
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1]);
  const text = received.slice(received.indexOf('\r\n\r\n') + 4);
  const logged = log.slice(logBefore);
  return { status, text, logged, statements: logged.filter(({ sql }) => sql !== undefined) };
}

function errorCodes(text: string): string[] {
  if (!text.startsWith('{')) return [];
  const { errors = [] } = JSON.parse(text) as { errors?: readonly GraphqlError[] };
  return [...new Set(errors.map(({ extensions }) => extensions.code))];
}

describe.each(engines)('a gateway under attack on $engine', (engine) => {
  // Before the gateway that provides their database closes.
  afterAll(async () => {
    await gateways.production.close();
    await gateways.guarded.close();
  });

  const indexes = [...Array(ROWS).keys()];
  const open = useGateway(engine, {
    keys,
    exports: [
      ...indexes.map((index) => exportRow(index)),
      exportRow(ROWS, { organizationId: 'org_other' }),
    ],
    files: indexes.flatMap((index) =>
      Object.values(ExportFileKind).map((kind) => fileRow(index, kind)),
    ),
  });
  let gateways: Record<'open' | 'production' | 'guarded', Gateway>;

  beforeAll(async () => {
    const database = { config: open.config.database };
    const production = { config: { introspection: false, graphiql: false } };
    gateways = {
      open,
      production: await startGateway(database, production),
      guarded: await startGateway(database, { config: { auth } }),
    };
    await writeFile(`${open.filesDirectory}/one.csv`, 'the file of org_demo');
    // The first request to a gateway takes longer than any other.
    for (const gateway of Object.values(gateways)) await gateway.query('{ __typename }');
  });

  it.each(engine === embedded ? allAttacks : databaseAttacks)(
    'responds with $status $code to $name',
    async ({ on = 'open', request, status, code, statements = 0, ...expected }) => {
      const gateway = gateways[on];
      const start = performance.now();
      const response =
        'raw' in request ? await sendRaw(gateway, request.raw) : await gateway.send(request);
      expect(performance.now() - start).toBeLessThan(MAX_MS);
      const codes = errorCodes(response.text);
      expect([response.status, ...codes]).toEqual(code === null ? [status] : [status, code]);
      expect(response.statements).toHaveLength(statements);
      if (expected.says) expect(response.text).toMatch(expected.says);
      if (expected.conceals) expect(response.text).not.toMatch(expected.conceals);
      if (status !== 200 || code !== null) {
        expect(response.text.length).toBeLessThan(expected.maxLength ?? 65_536);
        expectNoSecrets(response.text, gateway);
      }
      // A rejection is the client's mistake and must not alert an operator.
      expect(response.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    },
  );

  it('still has all rows after these attacks', async () => {
    expect(await open.source.getRepository(Export).count()).toBe(ROWS + 1);
  });

  it('responds to an id of another organization as to an unknown id', async () => {
    const send = (index: number) =>
      open.send({ body: { query: `{ export(id: "${exportId(index)}") { id } }` } });
    const [foreign, unknown] = [await send(ROWS), await send(ROWS + 1)];
    expect(foreign.text).toBe(unknown.text);
  });
});

function expectNoSecrets(text: string, { filesDirectory }: Gateway): void {
  expectNoInternals(text);
  for (const secret of [filesDirectory, SECRET, 'api_keys', 'key_hash', '127.0.0.1']) {
    expect(text).not.toContain(secret);
  }
}

describe('an open gateway', () => {
  const gateway = useGateway(embedded);

  it('sends no CORS headers to a foreign origin', async () => {
    const origin = ['origin', 'https://evil.example.com'];
    const post = await gateway.send({ body: { query: '{ __typename }' }, headers: origin });
    const preflight = await gateway.send({
      method: 'OPTIONS',
      headers: [...origin, 'access-control-request-method', 'POST'],
    });
    const names = Object.keys({ ...post.headers, ...preflight.headers });
    expect(names.filter((name) => name.startsWith('access-control-'))).toEqual([]);
    expect([post.status, preflight.status]).toEqual([200, 404]);
  });

  it('keeps unknown operation names out of the metrics', async () => {
    const readMetrics = async () => (await gateway.send({ path: '/metrics' })).text;
    const send = (index: number) =>
      gateway.send({ body: { query: '{ __typename }', operationName: `unknown${index}` } });
    await send(0);
    const before = await readMetrics();
    for (let index = 1; index <= 500; index += 1) await send(index);
    const after = await readMetrics();
    expect(after).not.toContain('unknown');
    // Default metrics vary with what the process has open; the names would add thousands of lines.
    expect(after.split('\n').length - before.split('\n').length).toBeLessThan(100);
  });

  it('gives up a slow body after 10 s without a statement', async () => {
    const start = performance.now();
    const head = 'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json';
    const { status, text, statements } = await sendRaw(
      gateway,
      `${head}\r\nContent-Length: 100\r\n\r\n{"query"`,
    );
    expect([status, statements]).toEqual([408, []]);
    const ms = performance.now() - start;
    expect(ms > 9_000 && ms < 20_000).toBe(true);
    expectNoSecrets(text, gateway);
  });
});

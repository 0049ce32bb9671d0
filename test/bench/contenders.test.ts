import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { createConnection, type Connection } from 'mysql2/promise';

import { startGateway, type Gateway } from '../support/gateway.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { ask, checkAnswers, LINK_SECRET, type Answerer } from './check.js';
import { createLimitServer } from './contenders/limit-server.js';
import { createMercuriusServer } from './contenders/mercurius-server.js';
import { PlainSql } from './contenders/plain-sql.js';
import { fill, ORGANIZATION } from './data.js';
import { workloadNamed, workloads } from './workloads.js';

const ROWS = 4_000;

let database: TestDatabase;
let connection: Connection;
let gateway: Gateway;
let sql: PlainSql;
let limit: Server;
let mercurius: FastifyInstance;
let contenders: Answerer[];

beforeAll(async () => {
  database = await createTestDatabase();
  const config = { kind: 'mysql', url: database.url } as const;
  gateway = await startGateway(
    { config },
    {
      config: {
        auth: { kind: 'off', organization: ORGANIZATION },
        files: { kind: 'local', directory: tmpdir(), secret: { value: LINK_SECRET }, linkTtl: 900 },
      },
    },
  );
  connection = await createConnection({ uri: database.url });
  await fill(connection, { rows: ROWS, say: () => undefined });

  sql = new PlainSql(database.url, ORGANIZATION);
  limit = createLimitServer(sql, { origin: 'http://127.0.0.1', secret: LINK_SECRET, ttl: 900 });
  mercurius = createMercuriusServer(sql);
  contenders = [
    { name: 'limit', origin: await listen(limit) },
    { name: 'gateway', origin: gateway.origin },
    { name: 'mercurius', origin: await mercurius.listen({ host: '127.0.0.1', port: 0 }) },
  ];
});

afterAll(async () => {
  await mercurius.close();
  limit.close();
  await sql.close();
  await connection.end();
  await gateway.close();
  await database.drop();
});

describe('the contenders of the bench', () => {
  it.each(workloads.map(({ name }) => name))(
    'answer %s alike, and as the database does',
    (name) => {
      const able = contenders.filter((each) => name !== 'W8' || each.name !== 'mercurius');
      return checkAnswers(workloadNamed(name), { contenders: able, connection, rows: ROWS });
    },
  );

  it('are found out when they answer something else', async () => {
    const otherSql = new PlainSql(database.url, 'org_1');
    const other = createLimitServer(otherSql, {
      origin: 'http://127.0.0.1',
      secret: LINK_SECRET,
      ttl: 9,
    });
    const wrong = { name: 'wrong', origin: await listen(other) };
    const check = (checked: Answerer[]) =>
      checkAnswers(workloadNamed('W2'), { contenders: checked, connection, rows: ROWS });
    try {
      await expect(check([...contenders, wrong])).rejects.toThrow(/^\s+wrong: {$/m);
      await expect(check([wrong])).rejects.toThrow('W2: wrong is not the database');
    } finally {
      other.close();
      await otherSql.close();
    }
  });

  it('make 200 links in W8', async () => {
    const answer = await ask(gateway.origin, workloadNamed('W8').request(0, ROWS));
    expect(JSON.stringify(answer).match(/"verdict":"valid"/g)).toHaveLength(200);
  });
});

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

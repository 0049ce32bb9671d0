import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createConnection, type Connection } from 'mysql2/promise';

import { mysql } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { checkResponses, LINK_SECRET, query } from './check.js';
import { createLimitServer } from './contenders/limit-server.js';
import { PlainSql } from './contenders/plain-sql.js';
import { fill, ORGANIZATION } from './data.js';
import { findWorkload, workloads } from './workloads.js';

const ROWS = 4_000;

const gateway = useGateway(mysql, {
  config: {
    auth: { kind: 'off', organization: ORGANIZATION },
    files: { kind: 'local', directory: tmpdir(), secret: { value: LINK_SECRET }, linkTtl: 900 },
  },
});
let connection: Connection;
let contenders: { name: string; origin: string }[];
/** Returns the exports of another organization. */
let incorrect: { name: string; origin: string };
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  const { database } = gateway.config;
  const uri = database.kind === 'mysql' ? database.url : '';
  connection = await createConnection({ uri });
  await fill(connection, ROWS);
  contenders = [
    { name: 'limit', origin: await startLimit(uri, ORGANIZATION) },
    { name: 'gateway', origin: gateway.origin },
  ];
  incorrect = { name: 'incorrect', origin: await startLimit(uri, 'org_1') };
  cleanups.push(() => connection.end());
});
afterAll(async () => {
  for (const cleanup of cleanups) await cleanup();
});

async function startLimit(uri: string, organization: string): Promise<string> {
  const sql = new PlainSql(uri, organization);
  const links = { origin: 'http://127.0.0.1', secret: LINK_SECRET, ttl: 900 };
  const server: Server = createLimitServer(sql, links).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(
    () => server.close(),
    () => sql.close(),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it.each(workloads)('both contenders return the rows of the database for $name', (workload) =>
  checkResponses(workload, contenders, { connection, rows: ROWS }),
);

it('the check rejects a contender that differs from the others or from the database', async () => {
  const check = (checked: typeof contenders) =>
    checkResponses(findWorkload('W2'), checked, { connection, rows: ROWS });
  await expect(check([...contenders, incorrect])).rejects.toThrow(/^\s+incorrect: {$/m);
  await expect(check([incorrect])).rejects.toThrow('W2: incorrect is not the database');
});

it('a response of W8 has 200 valid links', async () => {
  const response = await query(gateway.origin, findWorkload('W8').request(0, ROWS));
  expect(JSON.stringify(response).match(/"verdict":"valid"/g)).toHaveLength(200);
});

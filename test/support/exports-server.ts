import { createConnection, type RowDataPacket } from 'mysql2/promise';

import { createTables } from './data-source.js';
import { mysqlConfig } from './mysql-config.js';
import { post } from './post.js';
import type { PrivateServer } from './private-server.js';
import type { Rows } from './rows.js';

/** More than twice the promised two seconds, for a machine that is busy. */
export const RESPONSE_TIMEOUT_MS = 5_000;

/** The rows of a statement, on a connection of its own. */
export async function runSql(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<RowDataPacket[]> {
  const connection = await createConnection({ uri: url });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql, [...values]);
    return rows;
  } finally {
    await connection.end();
  }
}

export function exportsUrl({ url }: Pick<PrivateServer, 'url'>): string {
  return new URL('/exports', url).href;
}

/** Creates the database `exports` on a server, with the gateway's tables and these rows. */
export async function createExportsDatabase(
  server: Pick<PrivateServer, 'url'>,
  rows: Rows,
): Promise<void> {
  await runSql(server.url, 'CREATE DATABASE exports CHARACTER SET utf8mb4');
  await createTables(mysqlConfig(exportsUrl(server)), rows);
}

/** The response to a query. Throws when it takes longer than `timeoutMs`. */
export async function postQuery<Data>(
  origin: string,
  query: string,
  { headers = {}, timeoutMs = RESPONSE_TIMEOUT_MS } = {},
): Promise<{ status: number; data: Data; code: string | undefined }> {
  const { status, text } = await post(`${origin}/graphql`, { query }, { headers, timeoutMs });
  const { data, errors } = JSON.parse(text) as {
    data: Data;
    errors?: { extensions: { code: string } }[];
  };
  return { status, data, code: errors?.[0]?.extensions.code };
}

import { deepStrictEqual } from 'node:assert/strict';

import type { Connection, RowDataPacket } from 'mysql2/promise';

import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import { post } from '../support/post.js';
import type { ListVariables } from './contenders/plain-sql.js';
import { ORGANIZATION } from './data.js';
import type { GraphqlRequest, Workload } from './workloads.js';

/** The secret that all contenders sign links with. */
export const LINK_SECRET = 'the secret of the bench';

const signer = new LocalUrlSigner({ secrets: () => [LINK_SECRET], ttl: 900, origin: () => '' });

interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly pagination?: { readonly totalCount?: number };
}

/**
 * Sends some requests of a workload to every contender, of which LIMIT is the first. Throws when a
 * response differs from LIMIT's, or LIMIT's from the database, and shows the difference.
 */
export async function checkResponses(
  { name: workload, request: createRequest }: Workload,
  contenders: readonly { readonly name: string; readonly origin: string }[],
  {
    connection,
    rows,
    indexes,
  }: {
    connection: Pick<Connection, 'query'>;
    rows: number;
    /** Which requests of the workload. */
    indexes: readonly number[];
  },
): Promise<void> {
  for (const index of indexes) {
    const request = createRequest(index, rows);
    let expected: unknown;
    for (const { name, origin } of contenders) {
      const response = await query(origin, request);
      if (expected === undefined) {
        expected = response;
        const stored = await queryDatabase(connection, request);
        deepStrictEqual(idsAndCount(response), stored, `${workload}: ${name} is not the database`);
      }
      // Without a message, so that the error shows the difference.
      deepStrictEqual({ [name]: response }, { [name]: expected });
    }
  }
}

/** Returns the response to a request, with the verification of every link in its place. */
export async function query(origin: string, request: GraphqlRequest): Promise<unknown> {
  const { text } = await post(`${origin}/graphql`, request);
  return JSON.parse(text, (_key, value: unknown) => {
    const isLink = typeof value === 'string' && /^http:\/\/[^/]+\/files\//.test(value);
    return isLink ? signer.verify(value.replace(/^http:\/\/[^/]+/, '')) : value;
  });
}

function idsAndCount(response: unknown): unknown {
  const { exports: page, ...exports } = (
    response as { data: { exports?: Page } & Record<string, { id: string }> }
  ).data;
  if (page === undefined) return { ids: Object.values(exports).map(({ id }) => id) };
  return { ids: page.data.map(({ id }) => id), totalCount: page.pagination?.totalCount };
}

/** Reads the ids and the count with one query each that uses no index. */
async function queryDatabase(
  connection: Pick<Connection, 'query'>,
  { operationName, variables }: GraphqlRequest,
): Promise<unknown> {
  const { last = 0 } = variables as { last?: number };
  if (variables['page'] === undefined && last === 0) return { ids: Object.values(variables) };
  const {
    filter = {},
    page = 1,
    limit = last,
  } = variables as unknown as Partial<ListVariables> & { last?: number };
  const { gte = '2000-01-01', lt = '2100-01-01' } = filter.createdAt ?? {};
  const matching = `FROM exports WHERE organization_id = ? AND FIND_IN_SET(resource, ?)
    AND FIND_IN_SET(status, ?) AND INSTR(LOWER(name), ?)
    AND created_at + INTERVAL 0 SECOND BETWEEN ? AND ? - INTERVAL 1000 MICROSECOND`;
  const values = [
    ORGANIZATION,
    (filter.resource ?? Object.keys(ExportResource).join()).toLowerCase(),
    (filter.statuses ?? Object.keys(ExportStatus)).join().toLowerCase(),
    filter.search ?? '',
    ...[gte, lt].map((time) => time.replace(/[TZ]/g, ' ').trim()),
  ];
  const descending = last > 0 ? 'DESC' : '';
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT id ${matching} ORDER BY created_at ${descending}, id ${descending} LIMIT ? OFFSET ?`,
    [...values, limit, (page - 1) * limit],
  );
  if (last > 0) rows.reverse();
  const count = `SELECT COUNT(*) AS total ${matching}`;
  const [[counted]] = await connection.query<RowDataPacket[]>(count, values);
  const totalCount = /^ExportsAnd(Count|Facets)$/.test(operationName)
    ? Number(counted?.['total'])
    : undefined;
  return { ids: rows.map((row) => String(row['id'])), totalCount };
}

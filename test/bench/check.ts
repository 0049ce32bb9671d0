import { deepStrictEqual } from 'node:assert/strict';

import type { Connection, RowDataPacket } from 'mysql2/promise';

import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { LocalUrlSigner } from '../../src/storage/local-url-signer.js';
import type { PlainFilter } from './contenders/plain-sql.js';
import { ORGANIZATION } from './data.js';
import type { GraphqlRequest, Workload } from './workloads.js';

/** What all contenders sign links with. */
export const LINK_SECRET = 'the secret of the bench';

/** A contender as far as its answers go. */
export interface Answerer {
  readonly name: string;
  readonly origin: string;
}

interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly pagination: { readonly totalCount?: number };
}

/**
 * Asks every contender for some requests of a workload. Throws, with the difference, when an answer is not LIMIT's, or when
 * LIMIT's is not what the database itself says. `contenders` begins with LIMIT.
 */
export async function checkAnswers(
  workload: Workload,
  {
    contenders,
    connection,
    rows,
  }: {
    contenders: readonly Answerer[];
    connection: Pick<Connection, 'query'>;
    rows: number;
  },
): Promise<void> {
  for (const index of [0, 1, 24]) {
    const request = workload.request(index, rows);
    let expected: unknown;
    for (const { name, origin } of contenders) {
      const answer = await ask(origin, request);
      if (expected === undefined) {
        expected = answer;
        const found = await askDatabase(connection, request);
        deepStrictEqual(essenceOf(answer), found, `${workload.name}: ${name} is not the database`);
      }
      // Without a message of our own, so that the difference is shown.
      deepStrictEqual({ [name]: answer }, { [name]: expected });
    }
  }
}

/** The answer to a request, with what a link turns out to be instead of the link, which changes from second to second. */
export async function ask(origin: string, request: GraphqlRequest): Promise<unknown> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(request),
  });
  return JSON.parse(await response.text(), (_key, value: unknown) => {
    const link =
      typeof value === 'string' ? /^http:\/\/[^/]+(\/files\/.*)$/.exec(value)?.[1] : undefined;
    return link === undefined ? value : links.verify(link);
  });
}

const links = new LocalUrlSigner({ secret: LINK_SECRET, ttl: 900, origin: () => '' });

/** What an answer says without the details of the rows: their ids in order, and the count where it was asked for. */
function essenceOf(answer: unknown): unknown {
  const { data } = answer as { data: Record<string, unknown> };
  const page = data['exports'] as Page | undefined;
  if (page === undefined) return Object.values(data).map((found) => (found as { id: string }).id);
  const { totalCount } = page.pagination;
  return [page.data.map(({ id }) => id), ...(totalCount === undefined ? [] : [totalCount])];
}

/** The same from one statement that knows no index and no shortcut. */
async function askDatabase(
  connection: Pick<Connection, 'query'>,
  { operationName, variables }: GraphqlRequest,
): Promise<unknown> {
  const {
    filter = {},
    page,
    limit,
  } = variables as {
    filter?: PlainFilter;
    page?: number;
    limit?: number;
  };
  if (page === undefined || limit === undefined) return Object.values(variables);
  const where =
    'organization_id = ? AND FIND_IN_SET(resource, ?) AND FIND_IN_SET(status, ?) AND INSTR(LOWER(name), ?)';
  const values = [
    ORGANIZATION,
    (filter.resource ?? Object.keys(ExportResource).join()).toLowerCase(),
    (filter.statuses ?? Object.keys(ExportStatus)).join().toLowerCase(),
    filter.search ?? '',
  ];
  const [ids] = await connection.query<RowDataPacket[]>(
    `SELECT id FROM exports WHERE ${where} ORDER BY created_at, id LIMIT ? OFFSET ?`,
    [...values, limit, (page - 1) * limit],
  );
  const found = [ids.map((row) => String(row['id']))];
  if (operationName !== 'ExportsAndCount') return found;
  const [count] = await connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS total FROM exports WHERE ${where}`,
    values,
  );
  return [...found, Number(count[0]?.['total'])];
}

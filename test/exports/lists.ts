import { expect } from '@jest/globals';

import { ExportOrderBy, SortDirection } from '../../src/exports/export-filter.js';
import type { Export } from '../../src/exports/export.js';
import {
  startGateway,
  type Gateway,
  type GraphqlError,
  type RawResponse,
} from '../support/gateway.js';
import { expectNoInternals } from '../support/no-internals.js';

export interface Order {
  readonly orderBy: ExportOrderBy;
  readonly direction: SortDirection;
}

export const chronological: Order = { orderBy: 'createdAt', direction: SortDirection.ASC };

/** Every order of a list, also as the arguments of a query. */
export const orders = Object.entries(ExportOrderBy).flatMap(([name, orderBy]) =>
  Object.values(SortDirection).map((direction) => ({
    orderBy,
    direction,
    args: `orderBy: ${name}, direction: ${direction.toUpperCase()}`,
  })),
);

/** Returns the ids of rows in an order, without a database. Ids compare by their bytes. */
export function idsInOrder(rows: readonly Export[], { orderBy, direction }: Order): string[] {
  const ascending = [...rows].sort(
    (one, other) => Number(one[orderBy]) - Number(other[orderBy]) || (one.id < other.id ? -1 : 1),
  );
  return (direction === SortDirection.ASC ? ascending : ascending.reverse()).map(({ id }) => id);
}

interface Pagination {
  readonly page: number;
  readonly limit: number;
  readonly hasMore: boolean;
  readonly totalCount: number;
  readonly totalPages: number;
  readonly endCursor: string | null;
}

/** A page of a list, reduced to the ids of its exports. */
export interface Page {
  readonly ids: readonly string[];
  readonly pagination: Pagination;
}

const pageFields = 'data { id } pagination { page limit hasMore totalCount totalPages endCursor }';

/** Reads a page and expects no errors. */
export async function readPage(
  gateway: Gateway,
  args = '',
  after: string | null = null,
): Promise<Page> {
  const query = `query ($after: String) { exports(after: $after, ${args}) { ${pageFields} } }`;
  const { text } = await gateway.send({ body: { query, variables: { after } } });
  const { data, errors } = JSON.parse(text) as {
    data: { exports: { data: { id: string }[]; pagination: Pagination } };
    errors?: object;
  };
  expect(errors).toBeUndefined();
  return { ids: data.exports.data.map(({ id }) => id), pagination: data.exports.pagination };
}

/** Reads a list from the first to the last page by cursors; `onPage` runs before the next is read. */
export async function readAllPages(
  gateway: Gateway,
  args: string,
  onPage?: (page: Page, number: number) => Promise<void>,
): Promise<Page[]> {
  const pages: Page[] = [];
  let page: Page | undefined;
  do {
    page = await readPage(gateway, args, page?.pagination.endCursor);
    pages.push(page);
    await onPage?.(page, pages.length);
    if (pages.length > 1_000) throw new Error('The list does not end.');
  } while (page.pagination.hasMore);
  return pages;
}

export function idsOf(pages: readonly Page[]): string[] {
  return pages.flatMap(({ ids }) => ids);
}

/** Runs `work` with a gateway that serves another organization from the same database. */
export async function asOrganization(
  { config }: Gateway,
  organization: string,
  work: (gateway: Gateway) => Promise<void>,
): Promise<void> {
  const auth = { kind: 'off', organization } as const;
  const gateway = await startGateway({ config: config.database }, { config: { auth } });
  await work(gateway).finally(() => gateway.close());
}

/** Returns the errors of a response that rejects the client's input before any statement. */
export function rejectionIn({ status, text, statements }: RawResponse): readonly GraphqlError[] {
  expect(status).toBeLessThan(500);
  expectNoInternals(text);
  expect(statements).toEqual([]);
  const { errors = [] } = JSON.parse(text) as { errors?: readonly GraphqlError[] };
  expect(errors).not.toEqual([]);
  for (const { extensions } of errors) expect(extensions.code).not.toBe('INTERNAL_SERVER_ERROR');
  return errors;
}

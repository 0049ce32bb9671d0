import { expect } from '@jest/globals';

import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { ExportOrderBy, ExportSortDirection } from '../../src/exports/export-filter.js';
import type { Export, ExportRow } from '../../src/exports/export.js';
import type { Gateway } from '../support/gateway.js';

interface Order {
  readonly orderBy: ExportOrderBy;
  readonly direction: ExportSortDirection;
}

export const chronological: Order = { orderBy: 'createdAt', direction: ExportSortDirection.ASC };

/** Every order of a list, also as the arguments of a query. */
export const orders = Object.entries(ExportOrderBy).flatMap(([name, orderBy]) =>
  Object.values(ExportSortDirection).map((direction) => ({
    orderBy,
    direction,
    args: `orderBy: ${name}, direction: ${direction.toUpperCase()}`,
  })),
);

/** A row of TypeORM as the gateway reads it. */
export function storedRow(row: object): ExportRow {
  const values = Object.entries(row).map(([field, value]: [string, unknown]) => [
    field,
    value instanceof Date ? toSqlDateTime(value) : value,
  ]);
  return Object.fromEntries(values) as ExportRow;
}

/** Sorts the ids of rows by an order, and ties by the bytes of the ids, without a database. */
export function idsInOrder(rows: readonly Export[], { orderBy, direction }: Order): string[] {
  const ascending = [...rows].sort(
    (one, other) => Number(one[orderBy]) - Number(other[orderBy]) || (one.id < other.id ? -1 : 1),
  );
  return (direction === ExportSortDirection.ASC ? ascending : ascending.reverse()).map(
    ({ id }) => id,
  );
}

/** Reads a page and expects no errors. Returns its ids in place of its exports. */
export async function readPage(
  gateway: Pick<Gateway, 'send'>,
  args: string,
  after: string | null = null,
  filter: object | null = null,
) {
  const query = `query ($after: String, $filter: ExportFilter) {
    exports(after: $after, ${args.includes('filter:') ? '' : 'filter: $filter, '}${args}) {
    data { id } pagination { page limit hasMore totalCount totalPages endCursor } } }`;
  const { text } = await gateway.send({ body: { query, variables: { after, filter } } });
  const { data, errors } = JSON.parse(text) as {
    data: {
      exports: {
        data: { id: string }[];
        pagination: { hasMore: boolean; endCursor: string | null };
      };
    };
    errors?: object;
  };
  expect(errors).toBeUndefined();
  return { ids: data.exports.data.map(({ id }) => id), pagination: data.exports.pagination };
}

/** Reads the facets and the total of a list, which come from one statement. */
export async function readFacets(gateway: Pick<Gateway, 'send'>, filter: object | null) {
  const query = `query ($filter: ExportFilter) { exports(filter: $filter) {
    facets { statuses { status count } resources { resource count } } pagination { totalCount } } }`;
  const { text } = await gateway.send({ body: { query, variables: { filter } } });
  const { data, errors } = JSON.parse(text) as { data: { exports: object }; errors?: object };
  expect(errors).toBeUndefined();
  return data.exports;
}

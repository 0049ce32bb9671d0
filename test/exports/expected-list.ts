import { ExportOrderBy, SortDirection } from '../../src/exports/export-args.js';
import type { exportRow } from '../support/rows.js';

export type Row = ReturnType<typeof exportRow>;

/** Every order a list can have, under the names of the API. */
export const orders = Object.entries(ExportOrderBy).flatMap(([orderBy, column]) =>
  Object.entries(SortDirection).map(([direction, value]) => ({
    orderBy,
    column,
    direction,
    isAscending: value === SortDirection.ASC,
  })),
);

export type Order = (typeof orders)[number];

export function orderOf(orderBy: string, direction: string): Order {
  const order = orders.find((each) => each.orderBy === orderBy && each.direction === direction);
  if (order === undefined) throw new Error(`There is no order by ${orderBy} ${direction}.`);
  return order;
}

/** The ids of the rows in the order of a list, told without a database. Ids compare by their bytes. */
export function idsInOrder(rows: readonly Row[], { column, isAscending }: Order): string[] {
  const ascending = [...rows].sort(
    (one, other) =>
      Number(orderedValue(one, column)) - Number(orderedValue(other, column)) ||
      (one.id < other.id ? -1 : 1),
  );
  return (isAscending ? ascending : ascending.reverse()).map(({ id }) => id);
}

/** The value of a row in the column of an order. */
export function orderedValue(row: Row, column: ExportOrderBy): Date | number {
  switch (column) {
    case ExportOrderBy.CREATED_AT:
      return row.createdAt;
    case ExportOrderBy.UPDATED_AT:
      return row.updatedAt;
    case ExportOrderBy.COUNT_BATCHES:
      return row.countBatches;
    case ExportOrderBy.COUNT_TOTAL:
      return row.countTotal;
  }
}

export interface Pagination {
  readonly page: number;
  readonly limit: number;
  readonly hasMore: boolean;
  readonly totalCount: number;
  readonly totalPages: number;
  readonly endCursor: string | null;
}

/** What `exports` answers for the ids of a page and everything about it. */
export interface Listed {
  readonly exports: {
    readonly data: readonly { readonly id: string }[];
    readonly pagination: Pagination;
  };
}

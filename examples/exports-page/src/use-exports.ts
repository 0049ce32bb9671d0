import { NetworkStatus } from '@apollo/client';
import { useQuery } from '@apollo/client/react';

import { LIST } from './documents.js';
import type { ExportFilter } from './gql/graphql.js';

export const PAGE_SIZE = 20;

/** The exports of a filter: one page by its number, or those that `loadMore` has loaded so far. */
export function useExports(filter: ExportFilter, page: number | null) {
  const variables = { filter, first: PAGE_SIZE, ...(page !== null && { page }) };
  const options = { variables, fetchPolicy: 'cache-and-network' } as const;
  const { data, previousData, error, networkStatus, ...list } = useQuery(LIST, options);
  const { edges, pageInfo } = (data ?? previousData)?.exports ?? {};
  return {
    rows: edges?.map(({ node }) => node),
    error,
    hasMore: page === null && data?.exports?.pageInfo.hasNextPage === true,
    /** Whether the rows are those of the filter, and not of the one before. */
    isCurrent: data !== undefined && networkStatus !== NetworkStatus.setVariables,
    isLoading: networkStatus !== NetworkStatus.ready && networkStatus !== NetworkStatus.error,
    reload: () => void list.refetch().catch(ignoreReported),
    loadMore: () =>
      void list
        .fetchMore({ variables: { after: pageInfo?.endCursor ?? null } })
        .catch(ignoreReported),
    updateQuery: list.updateQuery,
  };
}

/** The error is in the result of the hook, too. */
function ignoreReported(): void {}

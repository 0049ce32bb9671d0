import { graphql } from './gql/gql.js';

/** A row of the table. The live updates select the same fields, so that they replace it whole. */
export const ROW = graphql(`
  fragment Row on Export {
    id
    name
    resource
    status
    progress
    estimatedCompletionAt
    countTotal
    createdAt
    expiresAt
    isExpired
    requestedBy
    failureCode
    failureReason
    files {
      id
      kind
      state
    }
  }
`);

/** A page by its number, or the exports that follow a cursor. */
export const LIST = graphql(`
  query List($filter: ExportFilter!, $first: Int!, $page: Int, $after: String) {
    exports(filter: $filter, direction: DESC, first: $first, page: $page, after: $after) {
      edges {
        node {
          ...Row
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** Counting reads every row that matches, so the list does not wait for it. */
export const COUNTS = graphql(`
  query Counts($filter: ExportFilter!) {
    exports(filter: $filter) {
      facets {
        resources {
          resource
          count
        }
        statuses {
          status
          count
        }
      }
      pagination {
        totalCount
      }
    }
  }
`);

export const CHANGES = graphql(`
  subscription Changes($filter: ExportFilter!) {
    exportsUpdated(filter: $filter) {
      ...Row
    }
  }
`);

export const DETAILS = graphql(`
  query Details($id: ID!) {
    export(id: $id) {
      ...Row
      files {
        fileName
        sizeBytes
        rowCount
        preview(rows: 20) {
          columns
          rows
          isTruncated
        }
      }
    }
  }
`);

/** For the moment of a click: links expire. */
export const LINKS = graphql(`
  query Links($id: ID!, $json: Boolean!, $csv: Boolean!) {
    export(id: $id, includeJson: $json, includeCsv: $csv) {
      id
      files {
        id
        kind
        url
      }
    }
  }
`);

/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  fragment Row on Export {\n    id\n    name\n    resource\n    status\n    progress\n    estimatedCompletionAt\n    countTotal\n    createdAt\n    expiresAt\n    isExpired\n    requestedBy\n    failureCode\n    failureReason\n    files {\n      id\n      kind\n      state\n    }\n  }\n": typeof types.RowFragmentDoc,
    "\n  query List($filter: ExportFilter!, $first: Int!, $page: Int, $after: String) {\n    exports(filter: $filter, direction: DESC, first: $first, page: $page, after: $after) {\n      edges {\n        node {\n          ...Row\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.ListDocument,
    "\n  query Counts($filter: ExportFilter!) {\n    exports(filter: $filter) {\n      facets {\n        resources {\n          resource\n          count\n        }\n        statuses {\n          status\n          count\n        }\n      }\n      pagination {\n        totalCount\n      }\n    }\n  }\n": typeof types.CountsDocument,
    "\n  subscription Changes($filter: ExportFilter!) {\n    exportsUpdated(filter: $filter) {\n      ...Row\n    }\n  }\n": typeof types.ChangesDocument,
    "\n  query Details($id: ID!) {\n    export(id: $id) {\n      ...Row\n      files {\n        fileName\n        sizeBytes\n        rowCount\n        preview(rows: 20) {\n          columns\n          rows\n          isTruncated\n        }\n      }\n    }\n  }\n": typeof types.DetailsDocument,
    "\n  query Links($id: ID!, $json: Boolean!, $csv: Boolean!) {\n    export(id: $id, includeJson: $json, includeCsv: $csv) {\n      id\n      files {\n        id\n        kind\n        url\n      }\n    }\n  }\n": typeof types.LinksDocument,
};
const documents: Documents = {
    "\n  fragment Row on Export {\n    id\n    name\n    resource\n    status\n    progress\n    estimatedCompletionAt\n    countTotal\n    createdAt\n    expiresAt\n    isExpired\n    requestedBy\n    failureCode\n    failureReason\n    files {\n      id\n      kind\n      state\n    }\n  }\n": types.RowFragmentDoc,
    "\n  query List($filter: ExportFilter!, $first: Int!, $page: Int, $after: String) {\n    exports(filter: $filter, direction: DESC, first: $first, page: $page, after: $after) {\n      edges {\n        node {\n          ...Row\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.ListDocument,
    "\n  query Counts($filter: ExportFilter!) {\n    exports(filter: $filter) {\n      facets {\n        resources {\n          resource\n          count\n        }\n        statuses {\n          status\n          count\n        }\n      }\n      pagination {\n        totalCount\n      }\n    }\n  }\n": types.CountsDocument,
    "\n  subscription Changes($filter: ExportFilter!) {\n    exportsUpdated(filter: $filter) {\n      ...Row\n    }\n  }\n": types.ChangesDocument,
    "\n  query Details($id: ID!) {\n    export(id: $id) {\n      ...Row\n      files {\n        fileName\n        sizeBytes\n        rowCount\n        preview(rows: 20) {\n          columns\n          rows\n          isTruncated\n        }\n      }\n    }\n  }\n": types.DetailsDocument,
    "\n  query Links($id: ID!, $json: Boolean!, $csv: Boolean!) {\n    export(id: $id, includeJson: $json, includeCsv: $csv) {\n      id\n      files {\n        id\n        kind\n        url\n      }\n    }\n  }\n": types.LinksDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Row on Export {\n    id\n    name\n    resource\n    status\n    progress\n    estimatedCompletionAt\n    countTotal\n    createdAt\n    expiresAt\n    isExpired\n    requestedBy\n    failureCode\n    failureReason\n    files {\n      id\n      kind\n      state\n    }\n  }\n"): (typeof documents)["\n  fragment Row on Export {\n    id\n    name\n    resource\n    status\n    progress\n    estimatedCompletionAt\n    countTotal\n    createdAt\n    expiresAt\n    isExpired\n    requestedBy\n    failureCode\n    failureReason\n    files {\n      id\n      kind\n      state\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query List($filter: ExportFilter!, $first: Int!, $page: Int, $after: String) {\n    exports(filter: $filter, direction: DESC, first: $first, page: $page, after: $after) {\n      edges {\n        node {\n          ...Row\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query List($filter: ExportFilter!, $first: Int!, $page: Int, $after: String) {\n    exports(filter: $filter, direction: DESC, first: $first, page: $page, after: $after) {\n      edges {\n        node {\n          ...Row\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Counts($filter: ExportFilter!) {\n    exports(filter: $filter) {\n      facets {\n        resources {\n          resource\n          count\n        }\n        statuses {\n          status\n          count\n        }\n      }\n      pagination {\n        totalCount\n      }\n    }\n  }\n"): (typeof documents)["\n  query Counts($filter: ExportFilter!) {\n    exports(filter: $filter) {\n      facets {\n        resources {\n          resource\n          count\n        }\n        statuses {\n          status\n          count\n        }\n      }\n      pagination {\n        totalCount\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription Changes($filter: ExportFilter!) {\n    exportsUpdated(filter: $filter) {\n      ...Row\n    }\n  }\n"): (typeof documents)["\n  subscription Changes($filter: ExportFilter!) {\n    exportsUpdated(filter: $filter) {\n      ...Row\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Details($id: ID!) {\n    export(id: $id) {\n      ...Row\n      files {\n        fileName\n        sizeBytes\n        rowCount\n        preview(rows: 20) {\n          columns\n          rows\n          isTruncated\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query Details($id: ID!) {\n    export(id: $id) {\n      ...Row\n      files {\n        fileName\n        sizeBytes\n        rowCount\n        preview(rows: 20) {\n          columns\n          rows\n          isTruncated\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Links($id: ID!, $json: Boolean!, $csv: Boolean!) {\n    export(id: $id, includeJson: $json, includeCsv: $csv) {\n      id\n      files {\n        id\n        kind\n        url\n      }\n    }\n  }\n"): (typeof documents)["\n  query Links($id: ID!, $json: Boolean!, $csv: Boolean!) {\n    export(id: $id, includeJson: $json, includeCsv: $csv) {\n      id\n      files {\n        id\n        kind\n        url\n      }\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;
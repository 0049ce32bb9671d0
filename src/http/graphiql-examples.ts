/** What one tab of GraphiQL holds when it is opened for the first time. */
export interface GraphiqlExample {
  query: string;
  variables?: Record<string, unknown>;
}

const newestExports: GraphiqlExample = {
  query: `# The newest completed exports, with download links to
# their files. Press the play button, or Ctrl-Enter.
# Each id can go into the variables of the tab OneExport.
query NewestExports {
  exports(
    filter: { statuses: [COMPLETED] }
    direction: DESC
    limit: 3
    includeCsv: true
    includeJson: true
  ) {
    data {
      id
      name
      status
      jsonUrl
      csvUrl
    }
  }
}
`,
};

const filteredExports: GraphiqlExample = {
  query: `# One page of the contact exports that have ended and
# whose name contains "a", the largest first. A filter
# that is left out filters nothing.
query FilteredExports {
  exports(
    filter: {
      resource: CONTACT
      statuses: [COMPLETED, FAILED, TIMED_OUT]
      search: "a"
    }
    orderBy: COUNT_TOTAL
    direction: DESC
    page: 1
    limit: 5
  ) {
    data {
      id
      name
      resource
      status
      countTotal
      failureReason
      createdAt
    }
    pagination {
      page
      limit
      hasMore
    }
  }
}
`,
};

const nextExports: GraphiqlExample = {
  query: `# Paging by cursor, as fast on the last page as on the
# first: paste the endCursor of an answer into the
# variable "after" and run again, until hasMore is false.
query NextExports($after: String) {
  exports(limit: 5, after: $after) {
    data {
      id
      name
      status
      createdAt
    }
    pagination {
      hasMore
      endCursor
    }
  }
}
`,
  variables: { after: null },
};

const countedExports: GraphiqlExample = {
  query: `# How many exports there are: in all, and failed.
# The gateway counts only when totalCount or totalPages
# is selected.
query CountedExports {
  all: exports(limit: 100) {
    pagination {
      totalCount
      totalPages
    }
  }
  failed: exports(filter: { statuses: [FAILED, TIMED_OUT] }) {
    pagination {
      totalCount
      totalPages
    }
  }
}
`,
};

/** `id` stays empty where no id is known yet: the comment in the tab says where to find one. */
function oneExport(id: string): GraphiqlExample {
  return {
    query: `# One export with download links to its files; they work
# until urlExpiresAt. For another export put its id into
# the variables: the tab NewestExports lists some.
query OneExport($id: ID!) {
  export(id: $id, includeCsv: true, includeJson: true) {
    id
    name
    status
    jsonUrl
    csvUrl
    csvErrorUrl
    csvSanitizedUrl
    files {
      kind
      state
      fileName
      sizeBytes
      rowCount
      sha256
      url
      urlExpiresAt
    }
  }
}
`,
    variables: { id },
  };
}

/**
 * The worked examples, in the order of the tabs. Every one of them runs untouched, given the id of
 * an export that the reader may see and whose files have not expired. Without that id, an example
 * which finds exports by itself comes first.
 */
export function graphiqlExamples(exampleId?: string): readonly GraphiqlExample[] {
  const onePage = [filteredExports, nextExports, countedExports];
  return exampleId === undefined
    ? [newestExports, oneExport(''), ...onePage]
    : [oneExport(exampleId), newestExports, ...onePage];
}

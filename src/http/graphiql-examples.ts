const oneExport = `# One export with download links to its files; they work
# until urlExpiresAt. For another export put its id into
# the variables: the tab NewestExports lists some.
query OneExport($id: ID!) {
  export(id: $id, includeCsv: true, includeJson: true) {
    id name status
    jsonUrl csvUrl csvErrorUrl csvSanitizedUrl
    files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }
  }
}
`;

const newestExports = `# The newest completed exports, with download links to
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
    data { id name status jsonUrl csvUrl }
  }
}
`;

const filteredExports = `# The contact exports that have ended and whose name
# contains "a", the largest first, and how many there are.
# For the next page put the endCursor into the variables.
query FilteredExports($after: String) {
  exports(
    filter: {
      resource: CONTACT
      statuses: [COMPLETED, FAILED, TIMED_OUT]
      search: "a"
    }
    orderBy: COUNT_TOTAL
    direction: DESC
    limit: 5
    after: $after
  ) {
    data { id name resource status countTotal failureReason createdAt }
    pagination { hasMore endCursor totalCount totalPages }
  }
}
`;

const movingExports = `# Every export that changes, as it changes. The samples
# move by themselves. The button ends the subscription.
# An id of its results can go into the tab FollowedExport.
subscription MovingExports {
  exportsUpdated {
    id name status countProcessed countTotal progress
    estimatedCompletionAt
  }
}
`;

const followedExport = `# One export until it has ended, and then its files.
# For one that is not completed put an id of the tab
# MovingExports into the variables.
subscription FollowedExport($id: ID!) {
  exportUpdated(id: $id, includeCsv: true, includeJson: true) {
    id name status progress estimatedCompletionAt
    failureReason jsonUrl csvUrl
  }
}
`;

/** In the order of their tabs. Each runs unchanged, the first one even without an id. */
export function graphiqlExamples(exampleId?: string) {
  const variables = { id: exampleId ?? '' };
  const one = { query: oneExport, variables };
  const newest = { query: newestExports, variables: undefined };
  const filtered = { query: filteredExports, variables: { after: null } };
  const moving = { query: movingExports, variables: undefined };
  const followed = { query: followedExport, variables };
  const first = exampleId === undefined ? [newest, one] : [one, newest];
  return [...first, filtered, moving, followed];
}

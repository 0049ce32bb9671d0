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

/** In the order of their tabs. Each runs unchanged, the first one even without an id. */
export function graphiqlExamples(exampleId?: string) {
  const one = { query: oneExport, variables: { id: exampleId ?? '' } };
  const newest = { query: newestExports, variables: undefined };
  const filtered = { query: filteredExports, variables: { after: null } };
  return exampleId === undefined ? [newest, one, filtered] : [one, newest, filtered];
}

const oneExport = `# One export, links to its files, which work for a while,
# and the first rows of each file. For another export put
# its id into the variables: the tab NewestExports has some.
query OneExport($id: ID!) {
  export(id: $id, includeCsv: true, includeJson: true) {
    id name status isExpired
    jsonUrl csvUrl csvErrorUrl csvSanitizedUrl
    files {
      kind state sizeBytes rowCount urlExpiresAt
      preview(rows: 2) { columns rows isTruncated }
    }
  }
}
`;

const newestExports = `# The newest completed exports, with download links to
# their files. Press the play button, or Ctrl-Enter.
# Next page: put the endCursor into after. Page before:
# put null into first and after, 3 into last, and the
# startCursor into before.
query NewestExports(
  $first: Int, $after: String, $last: Int, $before: String
) {
  exports(
    filter: { statuses: [COMPLETED] }
    direction: DESC
    first: $first, after: $after
    last: $last, before: $before
    includeCsv: true
    includeJson: true
  ) {
    pageInfo {
      startCursor hasPreviousPage
      endCursor hasNextPage
    }
    edges { node { id name createdAt jsonUrl csvUrl } }
  }
}
`;

const filteredExports = `# The largest exports of two resources since a date, and
# how many there are of each resource and status, for a
# form that shows a number beside each of its checkboxes.
query FilteredExports($since: DateTime!) {
  exports(
    filter: {
      createdAt: { gte: $since }
      resources: [CONTACT, SHIPMENT]
      statuses: [COMPLETED, FAILED, TIMED_OUT]
      isExpired: false
    }
    orderBy: COUNT_TOTAL
    direction: DESC
    limit: 5
  ) {
    pagination { totalCount }
    facets {
      statuses { status count }
      resources { resource count }
    }
    data { id name resource status countTotal createdAt }
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
  const page = { first: 3, after: null, last: null, before: null };
  const newest = { query: newestExports, variables: page };
  const filtered = { query: filteredExports, variables: { since: lastWeek() } };
  const moving = { query: movingExports, variables: undefined };
  const followed = { query: followedExport, variables };
  const first = exampleId === undefined ? [newest, one] : [one, newest];
  return [...first, filtered, moving, followed];
}

/** The start of the day a week ago: samples reach back two weeks. */
function lastWeek(): string {
  const day = new Date(Date.now() - 7 * 86_400_000).toISOString().slice(0, 10);
  return `${day}T00:00:00Z`;
}

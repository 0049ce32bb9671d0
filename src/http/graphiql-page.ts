import type { GraphiqlExample } from './graphiql-examples.js';

export interface GraphiqlPageOptions {
  /** One tab each. A browser that has kept its tabs from an earlier visit shows those instead. */
  examples: readonly GraphiqlExample[];
  /** What the header editor of every tab starts with, as JSON: `{ "X-API-Key": "" }`. */
  headers?: string;
}

export interface GraphiqlDocument {
  html: string;
  /** The text of the only script in it. */
  script: string;
}

const title = 'Exports Gateway';
const icon = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="#d60590"' +
    ' stroke-width="2"><path d="M8 1v9M4 6l4 4 4-4M2 11v4h12v-4"/></svg>',
)}`;

/**
 * GraphiQL shows its first default tab without the variables, and adds an empty tab whenever it is
 * reloaded before an edit (graphql/graphiql #3392, #4435). So the page says what to open: the query
 * of a link (`?query=…&variables=…`), else the tab of the last visit, else the first example.
 * Edits stay out of the address, from where they would reach access logs.
 */
const openTheRightTab = `
const link = new URLSearchParams(location.search);
if (link.has('query'))
  props.defaultTabs.unshift({ query: link.get('query'), variables: link.get('variables') });
const visit = link.has('query') ? null : JSON.parse(localStorage.getItem('graphiql:tabState'));
const opened = visit?.tabs[visit.activeTabIndex] ?? props.defaultTabs[0];
props.initialQuery = opened?.query ?? '';
props.initialVariables = opened?.variables ?? '';
props.onEditQuery = undefined;
`;

/** A tab that gets the focus would jump aside under the pointer, and the click would miss it. */
const clickableTabs = '.graphiql-tab { transform: none !important }';

/**
 * GraphiQL as one page of 9 MB that asks nobody for anything but the answers to its queries. The
 * import is dynamic because a gateway without GraphiQL should not load it at all.
 */
export async function graphiqlDocument(options: GraphiqlPageOptions): Promise<GraphiqlDocument> {
  const graphiql = await import('@graphql-yoga/render-graphiql/graphiql');
  // The keys are Monaco's names for its workers.
  const workers = {
    editorWorkerService: graphiql.editorWorkerService,
    graphql: graphiql.graphqlWorker,
    json: graphiql.jsonWorker,
  };
  const script = `
const workers = ${scriptLiteral(workers)};
for (const [name, source] of Object.entries(workers))
  workers[name] = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
self.MonacoEnvironment = { getWorkerUrl: (moduleId, name) => workers[name] };
${graphiql.js};
const props = ${scriptLiteral(graphiqlProps(options))};${openTheRightTab}
YogaGraphiQL.renderYogaGraphiQL(document.getElementById('root'), props);
`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title}</title>
<link rel="icon" href="${icon}">
<style>${graphiql.css}${clickableTabs}</style>
</head>
<body>
<noscript>GraphiQL needs JavaScript.</noscript>
<div id="root"></div>
<script>${script}</script>
</body>
</html>
`;
  return { html, script };
}

function graphiqlProps({ examples, headers }: GraphiqlPageOptions) {
  return {
    title,
    logo: `<img src="${icon}" alt="" width="24" height="24">`,
    defaultTabs: examples.map(({ query, variables }) => ({
      query,
      variables: variables && JSON.stringify(variables, null, 2),
      headers,
    })),
    headers,
    // An API key typed into the header editor has no business in localStorage.
    shouldPersistHeaders: false,
  };
}

/** JSON in which no string can end the script (`</script>`) or hide its end (`<!--`). */
function scriptLiteral(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

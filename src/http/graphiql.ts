import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import type * as Graphiql from '@graphql-yoga/render-graphiql/graphiql';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { withDeadline } from '../deadline.js';
import { matchesEtag } from './etag.js';
import { credentialsForm, credentialsScript, credentialsStyle } from './graphiql-credentials.js';
import { graphiqlExamples } from './graphiql-examples.js';

export interface GraphiqlOptions {
  /** For the first example. Null for a public page: it has a form for a key or a token instead. */
  readonly findExampleId: (() => Promise<string | undefined>) | null;
}

/** The page does not wait longer for the id of its example. */
const EXAMPLE_TIMEOUT_MS = 2_000;
/** How long a page without the id is sent before another one is rendered. */
const RETRY_INTERVAL_MS = 5_000;

type Page = Awaited<ReturnType<typeof renderPage>>;

/** Renders the page at the first request: building and compressing 9 MB takes half a second. */
export function createGraphiql({ findExampleId }: GraphiqlOptions) {
  let rendered: Promise<Page> | null = null;
  let expiresAt = Infinity;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const omitId = (error: unknown) => {
      request.log.warn({ err: error }, 'GraphiQL opens without the id of an example');
      expiresAt = Date.now() + RETRY_INTERVAL_MS;
      return undefined;
    };
    const findInTime =
      findExampleId && (() => withDeadline(findExampleId(), EXAMPLE_TIMEOUT_MS).catch(omitId));
    if (rendered === null || Date.now() >= expiresAt) {
      expiresAt = Infinity;
      rendered = renderPage({ findExampleId: findInTime });
    }
    return sendPage(request, reply, await rendered);
  };
}

/** Browsers rarely revalidate the page: each query is a POST to its URL, which evicts it. */
function sendPage(request: FastifyRequest, reply: FastifyReply, page: Page): FastifyReply {
  // `gzip;q=0` means that the client does not accept gzip.
  const acceptsGzip = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i;
  const isZipped = acceptsGzip.test(String(request.headers['accept-encoding']));
  // A strong ETag identifies bytes, so each encoding has its own.
  const etag = isZipped ? `"${page.digest}-gzip"` : `"${page.digest}"`;
  void reply.headers({
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': page.contentSecurityPolicy,
    ETag: etag,
  });
  if (matchesEtag(request, etag)) return reply.code(304).send();
  if (isZipped) void reply.header('Content-Encoding', 'gzip');
  return reply.type('text/html; charset=utf-8').send(isZipped ? page.gzip : page.html);
}

const title = 'Exports Gateway';
const icon = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="#d60590"' +
    ' stroke-width="2"><path d="M8 1v9M4 6l4 4 4-4M2 11v4h12v-4"/></svg>',
)}`;

/**
 * Opens the query of the URL (`?query=…&variables=…`), else the last visit's tab, else the first
 * example. GraphiQL would show its first tab without variables, and add an empty tab on a reload
 * before an edit (graphql/graphiql #3392, #4435). Edits stay out of the URL, and so out of logs.
 * Queries go to the page's own path, which has the prefix of PUBLIC_URL.
 */
const openInitialTab = `
props.endpoint = location.pathname;
const link = new URLSearchParams(location.search);
if (link.has('query'))
  props.defaultTabs.unshift({ query: link.get('query'), variables: link.get('variables') });
const visit = link.has('query') ? null : JSON.parse(localStorage.getItem('graphiql:tabState'));
const opened = visit?.tabs[visit.activeTabIndex] ?? props.defaultTabs[0];
props.initialQuery = opened?.query ?? '';
props.initialVariables = opened?.variables ?? '';
props.onEditQuery = undefined;
`;

/** A tab that receives the focus would move away from the pointer, and the click would miss it. */
const clickableTabs = '.graphiql-tab { transform: none !important }';

/** Monaco needs inline styles, which can neither load nor send anything. */
const contentSecurityPolicy =
  "default-src 'none'; worker-src blob:; connect-src 'self'; style-src 'unsafe-inline'; " +
  "img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  'script-src';

/**
 * As a CommonJS module, which Node can forget: its 9 MB would take four times as much for good, as
 * source and as strings, in two bytes a character.
 */
function loadGraphiql(): typeof Graphiql {
  const require = createRequire(import.meta.url);
  const path = require.resolve('@graphql-yoga/render-graphiql/graphiql');
  const graphiql = require(path) as typeof Graphiql;
  Reflect.deleteProperty(require.cache, path);
  return graphiql;
}

/** One page that loads nothing else. It loads GraphiQL only when the page is requested. */
async function renderPage({ findExampleId }: GraphiqlOptions) {
  const examples = graphiqlExamples(await findExampleId?.());
  const graphiql = loadGraphiql();
  // The keys are Monaco's names for its workers.
  const workers = {
    editorWorkerService: graphiql.editorWorkerService,
    graphql: graphiql.graphqlWorker,
    json: graphiql.jsonWorker,
  };
  const [form, style, formScript] = findExampleId
    ? ['', '', '']
    : [credentialsForm, credentialsStyle, credentialsScript];
  const props = {
    title,
    logo: `<img src="${icon}" alt="" width="24" height="24">`,
    defaultTabs: examples.map(({ query, variables }) => ({
      query,
      variables: variables && JSON.stringify(variables, null, 2),
    })),
    // Also of subscriptions, which would otherwise put variables into URLs, and so into logs.
    method: 'POST',
    // The history would keep headers, and so secrets, in localStorage.
    isHeadersEditorEnabled: false,
    shouldPersistHeaders: false,
  };
  const script = `
const workers = ${scriptLiteral(workers)};
for (const [name, source] of Object.entries(workers))
  workers[name] = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
self.MonacoEnvironment = { getWorkerUrl: (moduleId, name) => workers[name] };
${withHistory(graphiql.js)};
const props = ${scriptLiteral(props)};${openInitialTab}${formScript}
YogaGraphiQL.renderYogaGraphiQL(document.getElementById('root'), props);
`;
  const html = Buffer.from(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title}</title>
<link rel="icon" href="${icon}">
<style>${graphiql.css}${clickableTabs}${style}</style>
</head>
<body>
<noscript>GraphiQL needs JavaScript.</noscript>
${form}
<div id="root"></div>
<script>${script}</script>
</body>
</html>
`);
  const scriptHash = createHash('sha256').update(script).digest('base64');
  return {
    html,
    gzip: await promisify(gzip)(html),
    digest: createHash('sha256').update(html).digest('base64url'),
    contentSecurityPolicy: `${contentSecurityPolicy} 'sha256-${scriptHash}'`,
  };
}

/** Beside Yoga's plug-in, which replaces GraphiQL's own: no property of the page can add both. */
function withHistory(js: string): string {
  return js.replace(/\b(\w)===void 0\?\[(\w+)\]:\1\b/, '[$2,...$1??[]]');
}

/** JSON in which no string can end the script (`</script>`) or hide its end (`<!--`). */
function scriptLiteral(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

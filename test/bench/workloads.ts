import { createHash } from 'node:crypto';

import {
  EXPORTS_PER_DAY,
  exportId,
  FIRST_CREATED_AT,
  RARE_WORDS,
  rareWord,
  STORED_EXPORTS,
} from './data.js';

/** The body of a request. */
export interface GraphqlRequest {
  readonly operationName: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface Workload {
  readonly name: string;
  readonly title: string;
  /** The least requests per second of the gateway, as a ratio to LIMIT. */
  readonly goal: number;
  /** The most CPU time per request, as a ratio to LIMIT; null where there is no goal. */
  readonly cpuGoal: number | null;
  /** The `index`-th request to a database with `rows` exports, always the same. */
  readonly request: (index: number, rows: number) => GraphqlRequest;
}

const FIELDS =
  'id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt';
const aliases = Array.from({ length: 20 }, (_, index) => `id${index}`);

const listDocument = (
  name: string,
  pagination: string,
  { flags = '', urls = '', facets = '' } = {},
) =>
  `query ${name}($filter: ExportFilter, $page: Int!, $limit: Int!) ` +
  `{ exports(filter: $filter, page: $page, limit: $limit${flags}) ` +
  `{ data { ${FIELDS}${urls} } pagination { ${pagination} }${facets} } }`;

const documents = {
  Export: `query Export($id: ID!) { export(id: $id) { ${FIELDS} } }`,
  TwentyExports:
    `query TwentyExports(${aliases.map((id) => `$${id}: ID!`).join(', ')}) ` +
    `{ ${aliases.map((id) => `${id}: export(id: $${id}) { ...Fields }`).join(' ')} } ` +
    `fragment Fields on Export { ${FIELDS} }`,
  Exports: listDocument('Exports', 'page limit hasMore'),
  ExportsAndCount: listDocument('ExportsAndCount', 'page limit hasMore totalCount'),
  ExportsAndLinks: listDocument('ExportsAndLinks', 'page limit hasMore', {
    flags: ', includeCsv: true, includeJson: true',
    urls: ' csvUrl jsonUrl',
  }),
  ExportsAndFacets: listDocument('ExportsAndFacets', 'page limit hasMore totalCount', {
    facets: ' facets { statuses { status count } resources { resource count } }',
  }),
  LastExports:
    'query LastExports($last: Int!, $before: String) { exports(last: $last, before: $before) ' +
    `{ data { ${FIELDS} } pageInfo { hasPreviousPage } } }`,
  Previews:
    'query Previews($id: ID!) { export(id: $id) ' +
    '{ id files { kind preview(rows: 10) { columns rows isTruncated } } } }',
  // The following are only for the gateway.
  ExportsInOrder:
    'query ExportsInOrder($filter: ExportFilter, $orderBy: ExportOrderBy! = CREATED_AT, $limit: Int!) ' +
    `{ exports(filter: $filter, orderBy: $orderBy, limit: $limit) { data { ${FIELDS} } } }`,
  CountOnly:
    'query CountOnly($filter: ExportFilter) { exports(filter: $filter, limit: 1) ' +
    '{ pagination { totalCount } } }',
  CountAndFacets:
    'query CountAndFacets($filter: ExportFilter) { exports(filter: $filter, limit: 1) ' +
    '{ pagination { totalCount } facets { statuses { status count } resources { resource count } } } }',
  ExportsByCursor:
    'query ExportsByCursor($after: String, $page: Int! = 1) { exports(after: $after, page: $page) ' +
    `{ data { ${FIELDS} } pagination { limit hasMore endCursor } } }`,
  Follow: `subscription Follow($id: ID!) { exportUpdated(id: $id) { ${FIELDS} } }`,
  FollowList: `subscription FollowList { exportsUpdated { ${FIELDS} } }`,
};

export function createRequest(
  operationName: keyof typeof documents,
  variables: Readonly<Record<string, unknown>>,
): GraphqlRequest {
  return { operationName, query: documents[operationName], variables };
}

const someNumber = (index: number) =>
  createHash('md5').update(`request ${index}`).digest().readUInt32LE();

/** The id of a pseudo-random export of the organization. */
function someId(index: number, rows: number): string {
  return exportId(2 * (someNumber(index) % (rows / 2)));
}

/** A filter for 24 hours from a pseudo-random minute, in which the organization created 720 exports. */
export function someDay(index: number, rows: number): object {
  const minutes = someNumber(index) % (rows - EXPORTS_PER_DAY);
  const start = FIRST_CREATED_AT + minutes * 60_000;
  const [gte, lt] = [start, start + 86_400_000].map((time) => new Date(time).toISOString());
  return { createdAt: { gte, lt } };
}

type Variables = (index: number, rows: number) => Readonly<Record<string, unknown>>;
const someExport: Variables = (index, rows) => ({ id: someId(index, rows) });
const tens: Variables = (index) => ({ page: 1 + (index % 20), limit: 10 });
const farTens: Variables = (index, rows) => ({ page: rows / 50 + (index % 20), limit: 10 });
/** Lists that differ, without the cost of skipping earlier pages. */
const hundreds: Variables = (index) => ({ page: 1, limit: 100 - (index % 5) });
const sameHundred: Variables = () => ({ page: 1, limit: 100 });
const resources = ['CONTACT', 'GROUP', 'LOCATION', 'SHIPMENT', 'TRACKER'];
const failures: Variables = (index) => ({
  filter: { resource: resources[index % 5], statuses: ['FAILED', 'TIMED_OUT'] },
  page: 1,
  limit: 20,
});
const rareWords: Variables = (index) => ({
  filter: { search: rareWord(index % RARE_WORDS) },
  page: 1,
  limit: 10,
});
const days: Variables = (index, rows) => ({ filter: someDay(index, rows), page: 1, limit: 20 });
const lastTens: Variables = (index) => ({ last: 10 + (index % 20) });
const someFiles: Variables = (index) => ({ id: exportId(2 * (index % STORED_EXPORTS)) });
const twentyIds: Variables = (index, rows) =>
  Object.fromEntries(aliases.map((alias, at) => [alias, someId(20 * index + at, rows)]));

type Row = readonly [string, number, number | null, string, keyof typeof documents, Variables];
const table: readonly Row[] = [
  ['W1', 1, 1.25, 'one export, 10 fields', 'Export', someExport],
  ['W2', 1.1, 1.3, 'list of 10, no count, pages 1–20 in turn', 'Exports', tens],
  ['W3n', 1.2, 0.7, 'list of 100 (to 96, in turn), no count', 'Exports', hundreds],
  ['W3', 1, null, 'the same, with totalCount of half the table', 'ExportsAndCount', hundreds],
  ['W3same', 8, null, 'list of 100 with it, requests all alike', 'ExportsAndCount', sameHundred],
  ['W4', 4, null, 'resource and 2 statuses, 20, count of 1 %', 'ExportsAndCount', failures],
  ['W5', 25, null, 'pages of 10 from page 20,000 on', 'Exports', farTens],
  ['W6', 6, null, 'search of a rare word, 10', 'Exports', rareWords],
  ['W7', 0.8, 1.6, 'twenty aliased export(id)', 'TwentyExports', twentyIds],
  ['W8', 0.9, 1.1, 'list of 100 with csvUrl and jsonUrl', 'ExportsAndLinks', hundreds],
  ['W9', 0.9, null, 'list of 20 of a day', 'Exports', days],
  ['W10', 8, null, 'W4 with facets', 'ExportsAndFacets', failures],
  ['W11', 0.7, null, 'the last 10 (to 29, in turn) exports', 'LastExports', lastTens],
  ['W12', 1.5, null, 'previews of the JSON and CSV file of an export', 'Previews', someFiles],
];

/** Concurrent requests differ, except in W3same, which shows how equal ones share work. */
export const workloads = table.map(
  ([name, goal, cpuGoal, title, operation, variables]): Workload => ({
    name,
    title,
    goal,
    cpuGoal,
    request: (index, rows) => createRequest(operation, variables(index, rows)),
  }),
);

export function findWorkload(name: string): Workload {
  const found = workloads.find((each) => each.name === name);
  if (found === undefined) throw new Error(`There is no workload ${name}.`);
  return found;
}

/** The requests of a workload, which a load repeats. */
export function createRequests({ request }: Workload, rows: number): GraphqlRequest[] {
  return Array.from({ length: 6_400 }, (_, index) => request(index, rows));
}

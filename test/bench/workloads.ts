import { createHash } from 'node:crypto';

import { exportId, RARE_WORDS, rareWord } from './data.js';

/** What a client posts. */
export interface GraphqlRequest {
  readonly operationName: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface Workload {
  readonly name: string;
  readonly title: string;
  /** Requests a second of the gateway, as a ratio to LIMIT. */
  readonly goal: number;
  /** The request of this number, on a database of `rows` exports: the same whenever and for whomever it is asked. */
  request(index: number, rows: number): GraphqlRequest;
}

const FIELDS =
  'id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt';
const aliases = Array.from({ length: 20 }, (_, index) => `id${index}`);

const documents = {
  Export: `query Export($id: ID!) { export(id: $id) { ${FIELDS} } }`,
  TwentyExports:
    `query TwentyExports(${aliases.map((id) => `$${id}: ID!`).join(', ')}) ` +
    `{ ${aliases.map((id) => `${id}: export(id: $${id}) { ...Fields }`).join(' ')} } ` +
    `fragment Fields on Export { ${FIELDS} }`,
  Exports: listDocument('Exports', { pagination: 'page limit hasMore' }),
  ExportsAndCount: listDocument('ExportsAndCount', { pagination: 'page limit hasMore totalCount' }),
  ExportsAndLinks: listDocument('ExportsAndLinks', {
    flags: ', includeCsv: true, includeJson: true',
    urls: ' csvUrl jsonUrl',
    pagination: 'page limit hasMore',
  }),
  /** Only the gateway is asked for it. */
  ExportsByCursor:
    'query ExportsByCursor($after: String, $page: Int! = 1) { exports(after: $after, page: $page) ' +
    `{ data { ${FIELDS} } pagination { limit hasMore endCursor } } }`,
};

function listDocument(
  name: string,
  { flags = '', urls = '', pagination }: { flags?: string; urls?: string; pagination: string },
): string {
  return (
    `query ${name}($filter: ExportFilter, $page: Int!, $limit: Int!) ` +
    `{ exports(filter: $filter, page: $page, limit: $limit${flags}) ` +
    `{ data { ${FIELDS}${urls} } pagination { ${pagination} } } }`
  );
}

/** A request of one of the operations of the bench. */
export function request(
  operationName: keyof typeof documents,
  variables: Readonly<Record<string, unknown>>,
): GraphqlRequest {
  return { operationName, query: documents[operationName], variables };
}

/** The id of some export of the organization that is asked for. */
function someId(index: number, rows: number): string {
  const random = createHash('md5').update(`request ${index}`).digest().readUInt32LE();
  return exportId(2 * (random % (rows / 2)));
}

const resources = ['CONTACT', 'GROUP', 'LOCATION', 'SHIPMENT', 'TRACKER'];

/** Lists of about 100 that are not the same list, without the cost of reading over the rows of earlier pages. */
const aHundred = (index: number) => ({ page: 1, limit: 100 - (index % 5) });

/**
 * What is measured. Requests that are on their way at once differ as those of different clients would: a contender that shares
 * work between equal ones shows it in W3same, which is there for that.
 */
export const workloads: readonly Workload[] = [
  {
    name: 'W1',
    title: 'one export, 10 fields',
    goal: 0.95,
    request: (index, rows) => request('Export', { id: someId(index, rows) }),
  },
  {
    name: 'W2',
    title: 'list of 10, no count, pages 1–20 in turn',
    goal: 0.9,
    request: (index) => request('Exports', { page: 1 + (index % 20), limit: 10 }),
  },
  {
    name: 'W3n',
    title: 'list of 100 (to 96, in turn), no count',
    goal: 0.9,
    request: (index) => request('Exports', aHundred(index)),
  },
  {
    name: 'W3',
    title: 'the same, with totalCount of half the table',
    goal: 1,
    request: (index) => request('ExportsAndCount', aHundred(index)),
  },
  {
    name: 'W3same',
    title: 'list of 100 with that count, requests all alike',
    goal: 8,
    request: () => request('ExportsAndCount', { page: 1, limit: 100 }),
  },
  {
    name: 'W4',
    title: 'resource and 2 statuses, 20, totalCount of 1 % of the table',
    goal: 1.6,
    request: (index) => {
      const filter = { resource: resources[index % 5], statuses: ['FAILED', 'TIMED_OUT'] };
      return request('ExportsAndCount', { filter, page: 1, limit: 20 });
    },
  },
  {
    name: 'W5',
    title: 'pages of 10 from page 20,000 on',
    goal: 25,
    request: (index, rows) => request('Exports', { page: rows / 50 + (index % 20), limit: 10 }),
  },
  {
    name: 'W6',
    title: 'search of a rare word, 10',
    goal: 3,
    request: (index) =>
      request('Exports', {
        filter: { search: rareWord(index % RARE_WORDS) },
        page: 1,
        limit: 10,
      }),
  },
  {
    name: 'W7',
    title: 'twenty aliased export(id)',
    goal: 0.65,
    request(index, rows) {
      const ids = aliases.map((id, at) => [id, someId(20 * index + at, rows)]);
      return request('TwentyExports', Object.fromEntries(ids) as Record<string, string>);
    },
  },
  {
    name: 'W8',
    title: 'list of 100 with csvUrl and jsonUrl',
    goal: 0.8,
    request: (index) => request('ExportsAndLinks', aHundred(index)),
  },
];

/** How many requests are made ready for a load; then they begin anew. */
const REQUESTS = 6_400;

/** What a load with a workload posts. */
export function requestsOf(workload: Workload, rows: number): GraphqlRequest[] {
  return Array.from({ length: REQUESTS }, (_, index) => workload.request(index, rows));
}

/** Throws when there is none of this name. */
export function workloadNamed(name: string): Workload {
  const found = workloads.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new Error(`There is no ${name}, only ${workloads.map((each) => each.name).join(', ')}.`);
}

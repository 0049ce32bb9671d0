import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildClientSchema, buildSchema, getIntrospectionQuery } from 'graphql';
import type { IntrospectionQuery } from 'graphql';

import { toSqlDateTime } from '../../src/database/sql-datetime.js';
import { useDocumentedCode } from '../docs/documented-code.js';
import { createDatabaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { describeWith } from '../support/describe-with.js';
import { embedded } from '../support/engines.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { exportId } from '../support/rows.js';
import { createTestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import {
  fromFederationSdl,
  startApolloGateway,
  stitch,
  type Graph,
  type QueryOptions,
  type Source,
  type StitchableSchema,
} from './graphs.js';
import { useHiveGateways } from './hive-gateway.js';
import {
  FOREIGN,
  foreign,
  foreignApiKey,
  indexes,
  own,
  OWN_EXPORTS,
  SECOND,
  UNKNOWN,
  WITH_ALL_FILES,
  useSubgraphs,
  type MeasuredSubgraphs,
} from './subgraphs.js';

/** A kind of graph, and where it differs from others. */
interface GraphKind {
  readonly name: string;
  start(subgraphs: MeasuredSubgraphs): Graph | Promise<Graph>;
  /** How it subscribes to this gateway; null: not at all. */
  readonly subscribesBy: 'sse' | 'websocket' | null;
  /** The error for an export that resolves to null although the shipments have its id. */
  readonly nullError?: object;
  /** The credentials of a viewer of the other organization, unless a token. */
  readonly foreign?: Readonly<Record<string, string>>;
}

const documented = useDocumentedCode();

// A stitched graph already has the id of the export, and reports that the name is missing.
const nullError = { message: 'Cannot return null for non-nullable field Export.name.' };

const graphs: readonly GraphKind[] = [
  {
    name: '@apollo/gateway with the documented data source',
    subscribesBy: null,
    async start(subgraphs) {
      const module = await documented.load<{ ExportsSource: Source }>('exports-source.ts');
      return startApolloGateway(subgraphs, module.ExportsSource);
    },
  },
  {
    name: 'a graph stitched from _sdl',
    subscribesBy: 'sse',
    nullError,
    foreign: foreignApiKey,
    async start(subgraphs) {
      const { data } = await subgraphs.gateway.query<{ _sdl: string }>('{ _sdl }', {}, own);
      return stitch(subgraphs, { schema: buildSchema(data._sdl) });
    },
  },
  {
    name: 'a graph stitched from _service.sdl',
    subscribesBy: 'sse',
    nullError,
    start: (subgraphs) => stitch(subgraphs, fromFederationSdl(subgraphs.exports)),
  },
  {
    name: 'a graph stitched from introspection with the documented merge configuration',
    subscribesBy: 'sse',
    nullError,
    async start(subgraphs) {
      const query = getIntrospectionQuery();
      const { data } = await subgraphs.gateway.query<IntrospectionQuery>(query, {}, own);
      const { merge } =
        await documented.load<Required<Pick<StitchableSchema, 'merge'>>>('exports-merge.ts');
      return stitch(subgraphs, { schema: buildClientSchema(data), merge });
    },
  },
];

/** `npm run test:hive` tests only Hive Gateway, which takes a large download. */
const tested: readonly GraphKind[] = process.env['TEST_HIVE'] === '1' ? useHiveGateways() : graphs;

const linkTo = (index: number, kind: string) =>
  expect.stringContaining(`/files/exports/${exportId(index)}/${kind}?`);

const crossings = [
  {
    behavior: 'loads the exports of 120 shipments, with links, in one request and two statements',
    document: `query ($count: Int!) {
      shipments(first: $count) { id lastExport { id name csvUrl jsonUrl shipments { id } } } }`,
    variables: { count: OWN_EXPORTS },
    data: {
      shipments: indexes(OWN_EXPORTS).map((index) => ({
        id: `shp_${index}`,
        lastExport: {
          id: exportId(index),
          name: `Export ${index}`,
          csvUrl: linkTo(index, 'csv'),
          jsonUrl: index < WITH_ALL_FILES ? linkTo(index, 'json') : null,
          shipments: [index, ...(index === 0 ? [SECOND] : [])].map((n) => ({ id: `shp_${n}` })),
        },
      })),
    },
    requests: { exports: 1 },
    statements: 2,
  },
  {
    behavior: 'reads no files for links that are not selected',
    document: '{ shipments(first: 50) { lastExport { name } } }',
    data: { shipments: indexes(50).map((index) => ({ lastExport: { name: `Export ${index}` } })) },
    requests: { exports: 1, shipments: 1 },
    statements: 1,
  },
  {
    behavior: 'loads the shipments of exports and their exports again; only the list obeys flags',
    document: `{ exports(limit: 2) { data { csvUrl shipments { id lastExport { name csvUrl } } } } }`,
    data: {
      exports: {
        data: [0, 1].map((index) => {
          const lastExport = { name: `Export ${index}`, csvUrl: linkTo(index, 'csv') };
          const ids = [index, ...(index === 0 ? [SECOND] : [])].map((n) => `shp_${n}`);
          return { csvUrl: null, shipments: ids.map((id) => ({ id, lastExport })) };
        }),
      },
    },
    requests: { exports: 2, shipments: 1 },
    statements: 3,
  },
  {
    behavior: 'forwards variables, fragments, aliases, @include and @skip',
    document: `query ($id: ID!, $links: Boolean!, $filter: ExportFilter!) {
        shipment(id: $id) {
          lastExport { ...Name ... on Export @include(if: $links) { csvUrl } jsonUrl @skip(if: true) } }
        exports(filter: $filter, limit: 1, includeCsv: $links) {
          data { ...Name link: csvUrl shipments @include(if: $links) { id } } }
      }
      fragment Name on Export { name }`,
    variables: { id: 'shp_3', links: false, filter: { search: 'export 7', resource: 'CONTACT' } },
    data: {
      shipment: { lastExport: { name: 'Export 3' } },
      exports: { data: [{ name: 'Export 7', link: null }] },
    },
    requests: { shipments: 1 },
    statements: 2,
  },
];

const lists = indexes(12)
  .map((n) => `a${n}: exports(limit: 100) { data { id name status createdAt csvUrl updatedAt } }`)
  .join(' ');
const both = '{ exports { data { id } } shipment(id: "shp_1") { id lastExport { csvUrl } } }';
const onlyShipments = { exports: null, shipment: { id: 'shp_1', lastExport: { csvUrl: null } } };

const subgraphs = useSubgraphs(embedded);

describe.each(tested)('$name', (kind) => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await kind.start(subgraphs);
  });
  afterAll(() => graph.close());

  const query = (document: string, options: QueryOptions = { headers: own }) =>
    subgraphs.measure(() => graph.query<unknown>(document, options));

  it.each(crossings)('$behavior', async ({ document, variables, ...expected }) => {
    const { data, errors, requests, statements } = await query(document, {
      headers: own,
      variables,
    });
    expect([data, errors, statements.length]).toEqual([
      expected.data,
      undefined,
      expected.statements,
    ]);
    expect(requests).toMatchObject(expected.requests);
  });

  it('returns null alike for an unknown export and one of another organization', async () => {
    const document = `{
        foreign: shipment(id: "shp_${FOREIGN}") { lastExport { csvUrl name } }
        unknown: shipment(id: "shp_${UNKNOWN}") { lastExport { csvUrl name } } }`;
    const errors = kind.nullError && [kind.nullError, kind.nullError];
    const unknown = { lastExport: null };
    const result = await query(document);
    expect([result.data, result.errors]).toMatchObject([{ foreign: unknown, unknown }, errors]);

    const lastExport = { name: `Export ${FOREIGN}`, csvUrl: linkTo(FOREIGN, 'csv') };
    const seenByOwner = await query(document, { headers: kind.foreign ?? foreign });
    expect(seenByOwner.data).toEqual({ foreign: { lastExport }, unknown });
  });

  if (kind.subscribesBy !== null)
    it('follows an export, with the fields of another subgraph', async () => {
      const logged = subgraphs.gateway.log.length;
      const change = (status: string) => {
        const values = [status, toSqlDateTime(new Date()), exportId(7)];
        const sql = 'UPDATE exports SET status = ?, updated_at = ? WHERE id = ?';
        return subgraphs.gateway.source.query(sql, values);
      };
      await change('processing');
      const document = `subscription {
      exportUpdated(id: "${exportId(7)}", includeCsv: true) { status csvUrl shipments { id } } }`;
      const results = graph.subscribe?.(document, { headers: own })[Symbol.asyncIterator]();
      const others = { csvUrl: linkTo(7, 'csv'), shipments: [{ id: 'shp_7' }] };
      const expectStatus = async (status: string) => {
        const value = { data: { exportUpdated: { status, ...others } } };
        expect(await results?.next()).toEqual({ done: false, value });
      };
      await expectStatus('PROCESSING');
      await change('completed');
      await expectStatus('COMPLETED');
      expect(await results?.next()).toEqual({ done: true, value: undefined });
      const line = await until(() =>
        subgraphs.gateway.log.slice(logged).find(({ transport }) => transport !== undefined),
      );
      expect(line['transport']).toBe(kind.subscribesBy);
    });

  it('keeps the code of an invalid argument and the data of other fields', async () => {
    const message = 'limit must be between 1 and 100, not 101.';
    const extensions = { code: 'BAD_USER_INPUT' };
    const document = '{ exports(limit: 101) { data { id } } shipment(id: "shp_1") { id } }';
    expect(await query(document)).toMatchObject({
      data: { exports: null, shipment: { id: 'shp_1' } },
      errors: [{ message, path: ['exports'], extensions }],
    });
  });

  it('keeps the code of missing credentials and the data of other subgraphs', async () => {
    const error = { extensions: { code: 'UNAUTHENTICATED' } };
    const result = await query(both, {});
    expect(result).toMatchObject({ data: onlyShipments, errors: [error, error], statements: [] });
  });

  it('keeps the code of a query that is too expensive and the data of other subgraphs', async () => {
    const {
      data,
      errors = [],
      statements,
    } = await query(`{ ${lists} shipment(id: "shp_1") { id } }`);
    expect([data, statements]).toMatchObject([{ a0: null, shipment: { id: 'shp_1' } }, []]);
    const codes = errors.map(({ extensions }) => extensions?.['code']);
    expect(new Set(codes)).toEqual(new Set(['QUERY_TOO_COMPLEX']));
  });
});

describeWith('mysql', 'while the database of the exports is unavailable', () => {
  let proxy: DatabaseProxy;
  const unavailable = useSubgraphs({
    engine: 'MySQL behind a proxy',
    async provide() {
      const database = await createTestDatabase();
      proxy = await createDatabaseProxy(database.url);
      await proxy.open();
      return { config: mysqlConfig(proxy.url), dispose: () => database.drop() };
    },
  });
  beforeAll(() => proxy.close());

  it.each(tested)('$name keeps the code and the data of other subgraphs', async (kind) => {
    const graph = await kind.start(unavailable);
    try {
      const error = { extensions: { code: 'SERVICE_UNAVAILABLE' } };
      const result = await graph.query(both, { headers: own });
      expect(result).toMatchObject({ data: onlyShipments, errors: [error, error] });
    } finally {
      await graph.close();
    }
  });
});

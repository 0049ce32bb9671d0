import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { addKeys, apiKeyRow, keyNamed } from '../auth/credentials.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { exportId } from '../support/rows.js';
import { startFederatedGraph, type AskOptions, type FederatedGraph } from './federated-graph.js';
import {
  bearing,
  FOREIGN,
  SECOND,
  startSubgraphs,
  withoutDatabase,
  UNKNOWN,
  type Subgraphs,
} from './subgraphs.js';
import { composed, supergraphOf } from './supergraph.js';

interface ExportFields {
  readonly id: string;
  readonly name: string;
  readonly csvUrl: string | null;
  readonly jsonUrl: string | null;
  readonly shipments: readonly ShipmentFields[];
}
interface ShipmentFields {
  readonly id: string;
  readonly trackingNumber: string;
  readonly lastExport: ExportFields | null;
}
interface Data {
  readonly shipments: readonly ShipmentFields[];
  readonly shipment: ShipmentFields;
  readonly exports: { readonly data: readonly ExportFields[] } | null;
}

/** A page of shipments. */
const LIST = 50;
const apiKey = keyNamed('federated');
const ofB = await bearing('org_b');
const ofA = await bearing('org_a');

const isLinkTo = (index: number) =>
  expect.stringContaining(`/files/exports/${exportId(index)}/csv?`);

describe.each(engines)('a graph of Apollo Federation 2 on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let subgraphs: Subgraphs;
  let graph: FederatedGraph;

  beforeAll(async () => {
    database = await provide();
    await addKeys(database, [apiKeyRow(apiKey, 'org_b')]);
    subgraphs = await startSubgraphs(database);
    graph = await startFederatedGraph(supergraphOf([subgraphs.exports, subgraphs.shipments]));
  });
  afterAll(async () => {
    await graph.close();
    await subgraphs.close();
    await database.dispose();
  });

  const ask = (document: string, options: AskOptions = { headers: ofA }) =>
    subgraphs.counting(() => graph.query<Data>(document, options));

  it('is composed without errors or hints', () => {
    const { errors, hints } = composed([subgraphs.exports, subgraphs.shipments]);
    expect([errors, hints]).toEqual([undefined, []]);
  });

  it('crosses from 50 shipments to their exports and back: one request and two statements, with links', async () => {
    const { data, errors, requests, statements } = await ask(
      `{ shipments(first: ${LIST}) { id lastExport { id name csvUrl jsonUrl shipments { id } } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.shipments).toEqual(
      [...Array(LIST).keys()].map((index) => ({
        id: `shp_${index}`,
        lastExport: {
          id: exportId(index),
          name: `Export ${index}`,
          // Asked for by being selected; and there is no file of JSON.
          csvUrl: isLinkTo(index),
          jsonUrl: null,
          shipments: [{ id: `shp_${index}` }, ...(index === 0 ? [{ id: `shp_${SECOND}` }] : [])],
        },
      })),
    );
    expect(requests['exports']).toBe(1);
    expect(statements).toHaveLength(2);
  });

  it('crosses from exports to their shipments and back; in the list the flags decide', async () => {
    const { data, errors, requests, statements } = await ask(
      `{ exports(limit: 2) { data { name csvUrl shipments { trackingNumber lastExport { name csvUrl } } } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.exports?.data[1]).toEqual({
      name: 'Export 1',
      csvUrl: null,
      shipments: [
        { trackingNumber: '1Z000001', lastExport: { name: 'Export 1', csvUrl: isLinkTo(1) } },
      ],
    });
    expect(requests).toEqual({ exports: 2, shipments: 1 });
    expect(statements).toHaveLength(3);
  });

  it('takes variables, fragments, aliases, @include and @skip to the subgraph', async () => {
    const { data, errors, statements } = await ask(
      `query ($id: ID!, $links: Boolean!, $filter: ExportFilter!) {
         shipment(id: $id) { lastExport { ...Named ... on Export @include(if: $links) { csvUrl } jsonUrl @skip(if: true) } }
         exports(filter: $filter, limit: 1, includeCsv: $links) { data { ...Named link: csvUrl shipments @include(if: $links) { id } } }
       }
       fragment Named on Export { name }`,
      {
        headers: ofA,
        variables: {
          id: 'shp_3',
          links: false,
          filter: { search: 'export 7', resource: 'CONTACT' },
        },
      },
    );
    expect(errors).toBeUndefined();
    expect(data).toEqual({
      shipment: { lastExport: { name: 'Export 3' } },
      exports: { data: [{ name: 'Export 7', link: null }] },
    });
    expect(statements).toHaveLength(2);
  });

  it('is null for an export of another organization as for one of nobody', async () => {
    const document = `{
      foreign: shipment(id: "shp_${FOREIGN}") { id lastExport { name csvUrl } }
      unknown: shipment(id: "shp_${UNKNOWN}") { id lastExport { name csvUrl } } }`;
    const { data, errors } = await ask(document);
    expect([data, errors]).toEqual([
      {
        foreign: { id: `shp_${FOREIGN}`, lastExport: null },
        unknown: { id: `shp_${UNKNOWN}`, lastExport: null },
      },
      undefined,
    ]);
    const { data: theirs } = await ask(document, { headers: ofB });
    expect(theirs).toMatchObject({
      foreign: { lastExport: { name: `Export ${FOREIGN}`, csvUrl: isLinkTo(FOREIGN) } },
      unknown: { lastExport: null },
    });
  });

  it('passes an API key on, too', async () => {
    const { data } = await ask('{ exports { data { id } } }', {
      headers: { 'X-API-Key': apiKey },
    });
    expect(data.exports?.data).toEqual([{ id: exportId(FOREIGN) }]);
  });

  describe('an error', () => {
    it('of an argument keeps its code, and the other fields are answered', async () => {
      const { data, errors } = await ask(
        '{ exports(limit: 101) { data { id } } shipment(id: "shp_1") { lastExport { name } } }',
      );
      expect(data).toEqual({ exports: null, shipment: { lastExport: { name: 'Export 1' } } });
      expect(errors).toEqual([
        {
          message: 'limit must be between 1 and 100, not 101.',
          path: ['exports'],
          extensions: { code: 'BAD_USER_INPUT', serviceName: 'exports' },
        },
      ]);
    });

    it('of missing credentials keeps its code, and what needs none is answered', async () => {
      const { data, errors, statements } = await ask(
        '{ exports { data { id } } shipment(id: "shp_1") { id lastExport { name } } }',
        {},
      );
      expect(data).toEqual({ exports: null, shipment: { id: 'shp_1', lastExport: null } });
      expect(errors?.map(({ extensions }) => extensions.code)).toEqual([
        'UNAUTHENTICATED',
        'UNAUTHENTICATED',
      ]);
      expect(statements).toEqual([]);
    });

    const dear = `{ ${[...Array(12).keys()].map((n) => `a${n}: exports(limit: 100) { data { id name status createdAt csvUrl updatedAt } }`).join(' ')} shipment(id: "shp_1") { id } }`;
    const tooComplex = {
      message: expect.stringMatching(/^The query costs \d+; at most 15000 are allowed/),
      extensions: { code: 'QUERY_TOO_COMPLEX' },
    };

    it('of a query that costs too much is told within what Apollo makes of status 400', async () => {
      const { data, errors, statements } = await ask(dear);
      expect(data).toMatchObject({ a0: null, shipment: { id: 'shp_1' } });
      expect(errors).toMatchObject([
        {
          message: '400: Bad Request',
          extensions: {
            code: 'INTERNAL_SERVER_ERROR',
            response: { status: 400, body: { errors: [tooComplex] } },
          },
        },
      ]);
      expect(statements).toEqual([]);
    });

    it('of a query that costs too much keeps its code with the source of the README', async () => {
      const withCodes = await startFederatedGraph(
        supergraphOf([subgraphs.exports, subgraphs.shipments]),
        { withCodes: true },
      );
      try {
        const { data, errors } = await withCodes.query<Data>(dear, { headers: ofA });
        expect(data.shipment).toEqual({ id: 'shp_1' });
        expect(errors).toEqual([tooComplex]);
        const stranger = await withCodes.query<Data>('{ exports { data { id } } }');
        expect(stranger.errors?.map(({ extensions }) => extensions)).toEqual([
          { code: 'UNAUTHENTICATED' },
        ]);
      } finally {
        await withCodes.close();
      }
    });
  });
});

describe('a graph of Apollo Federation 2 whose exports have lost their database', () => {
  it('answers what it can; the code of the rest is within status 503, or plain with the source of the README', async () => {
    await withoutDatabase(async ({ exports, shipments }) => {
      const supergraph = supergraphOf([exports, shipments]);
      const graph = await startFederatedGraph(supergraph);
      const withCodes = await startFederatedGraph(supergraph, { withCodes: true });
      const document =
        '{ exports { data { id } } shipment(id: "shp_1") { id lastExport { name } } }';
      const received = { exports: null, shipment: { id: 'shp_1', lastExport: null } };
      const unavailable = { extensions: { code: 'SERVICE_UNAVAILABLE' } };
      try {
        const plain = await graph.query<Data>(document, { headers: ofA });
        expect(plain.data).toEqual(received);
        const wrapped = {
          message: '503: Service Unavailable',
          extensions: { response: { status: 503, body: { errors: [unavailable] } } },
        };
        expect(plain.errors).toMatchObject([wrapped, wrapped]);

        const coded = await withCodes.query<Data>(document, { headers: ofA });
        expect(coded.data).toEqual(received);
        expect(coded.errors).toMatchObject([unavailable, unavailable]);
      } finally {
        await withCodes.close();
        await graph.close();
      }
    });
  });
});

import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { afterAll, beforeAll } from '@jest/globals';
import { parse } from 'graphql';
import { SignJWT } from 'jose';

import { readConfig } from '../../src/config/config.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { apiKeyRow, keyNamed } from '../auth/credentials.js';
import type { Engine } from '../support/engines.js';
import { useGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, fileRow, type Rows } from '../support/rows.js';
import type { Subgraphs } from './graphs.js';

export const indexes = (count: number) => [...Array(count).keys()];

/** The number of exports of the viewer's organization, whose indexes start at 0. */
export const OWN_EXPORTS = 120;
/** The number of exports that have a file of each kind; the others have only a CSV file. */
export const WITH_ALL_FILES = 100;
/** The index of an export of another organization, and one without an export. */
export const [FOREIGN, UNKNOWN] = [OWN_EXPORTS, OWN_EXPORTS + 1];
const FOREIGN_ORGANIZATION = 'org_other';

/** Exports of two organizations. */
export const tenantRows: Rows = {
  exports: indexes(UNKNOWN).map((index) =>
    exportRow(index, index === FOREIGN ? { organizationId: FOREIGN_ORGANIZATION } : {}),
  ),
  files: indexes(UNKNOWN).flatMap((index) =>
    Object.values(ExportFileKind)
      .filter((kind) => index < WITH_ALL_FILES || kind === ExportFileKind.CSV)
      .map((kind) => fileRow(index, kind)),
  ),
};

const secret = 'a secret of the tests with 40 characters';

/** The settings of a gateway that requires these credentials. */
export const authRequired = readConfig({ AUTH: 'required', JWT_SECRET: secret }).auth;

/** The credentials of viewers of the two organizations, as HTTP headers. */
export const own = await bearerToken('org_demo');
export const foreign = await bearerToken(FOREIGN_ORGANIZATION);
export const foreignApiKey = { 'x-api-key': keyNamed('federation') };

async function bearerToken(organization: string): Promise<{ authorization: string }> {
  const token = await new SignJWT({ org_id: organization })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
  return { authorization: `Bearer ${token}` };
}

/** The index of a shipment that has the same last export as shipment 0. */
export const SECOND = UNKNOWN + 1;

/** The last export of every other shipment has its index, also where no such export exists. */
const shipments = indexes(SECOND + 1).map((index) => ({
  id: `shp_${index}`,
  lastExport: { id: exportId(index === SECOND ? 0 : index) },
}));

export const link =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])';
export const shipmentsTypes = `
  type Query { shipments(first: Int): [Shipment!]! shipment(id: ID!): Shipment }
  type Shipment { id: ID! lastExport: Export }
  type Export @key(fields: "id") { id: ID! shipments: [Shipment!]! }
`;
const shipmentsSdl = link + shipmentsTypes;

const shipmentsSchema = buildSubgraphSchema({
  typeDefs: parse(shipmentsSdl),
  resolvers: {
    Query: {
      shipments: (_: unknown, { first }: { first?: number }) => shipments.slice(0, first),
      shipment: (_: unknown, { id }: { id: string }) => shipments.find((each) => each.id === id),
    },
    Export: {
      shipments: ({ id }: { id: string }) => shipments.filter((each) => each.lastExport.id === id),
    },
  },
});

/** The gateway, with authentication, and a subgraph that adds shipments to each export. */
export interface MeasuredSubgraphs extends Subgraphs {
  readonly gateway: Gateway;
  /** Adds to the result of a query the requests of the subgraphs and the SQL statements of the gateway. */
  measure<Result>(query: () => Promise<Result>): Promise<
    Result & {
      readonly requests: Readonly<Record<'exports' | 'shipments', number>>;
      readonly statements: readonly string[];
    }
  >;
}

/** Starts both subgraphs before the tests of the enclosing `describe` and stops them after. */
export function useSubgraphs(engine: Engine): MeasuredSubgraphs {
  const keys = [apiKeyRow(foreignApiKey['x-api-key'], FOREIGN_ORGANIZATION)];
  const gateway = useGateway(engine, { ...tenantRows, keys, config: { auth: authRequired } });
  const server = new ApolloServer({
    schema: shipmentsSchema,
    stopOnTerminationSignals: false,
    plugins: [ApolloServerPluginInlineTraceDisabled()],
  });
  let shipmentRequests = 0;
  const subgraphs = {
    gateway,
    async measure<Result>(query: () => Promise<Result>) {
      shipmentRequests = 0;
      const logBefore = gateway.log.length;
      const result = await query();
      const logged = gateway.log.slice(logBefore);
      const exports = logged.filter(({ path }) => path === '/graphql').length;
      const statements = logged.flatMap(({ sql }) => (typeof sql === 'string' ? [sql] : []));
      return { ...result, requests: { exports, shipments: shipmentRequests }, statements };
    },
  } as MeasuredSubgraphs;
  beforeAll(async () => {
    const { url } = await startStandaloneServer(server, {
      listen: { port: 0, host: '127.0.0.1' },
      // Apollo Server calls this once per request.
      context: async () => ({ requests: (shipmentRequests += 1) }),
    });
    const query = '{ _service { sdl } }';
    const { data } = await gateway.query<{ _service: { sdl: string } }>(query, {}, own);
    Object.assign(subgraphs, {
      exports: { name: 'exports', url: `${gateway.origin}/graphql`, ...data._service },
      shipments: { name: 'shipments', url, sdl: shipmentsSdl },
    });
  });
  afterAll(() => server.stop());
  return subgraphs;
}

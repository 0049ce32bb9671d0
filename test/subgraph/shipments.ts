import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';

import { exportId } from '../support/rows.js';

export interface Shipment {
  readonly id: string;
  readonly trackingNumber: string;
  /** The id of an export, which lives elsewhere. */
  readonly lastExport: string;
}

/** A second subgraph: it knows of exports only their ids, and adds to each the shipments that it holds. */
export interface ShipmentsSubgraph {
  readonly url: string;
  readonly sdl: string;
  close(): Promise<void>;
}

const sdl = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])

  type Query {
    shipments(first: Int): [Shipment!]!
    shipment(id: ID!): Shipment
  }

  type Shipment @key(fields: "id") {
    id: ID!
    trackingNumber: String!
    lastExport: Export
  }

  type Export @key(fields: "id") {
    id: ID!
    shipments: [Shipment!]!
  }
`;

/** The `index`-th shipment of the tests, whose last export is the `exportIndex`-th. */
export function shipment(index: number, exportIndex = index): Shipment {
  return {
    id: `shp_${index}`,
    trackingNumber: `1Z${String(index).padStart(6, '0')}`,
    lastExport: exportId(exportIndex),
  };
}

/** Starts the subgraph on a free port. */
export async function startShipments(shipments: readonly Shipment[]): Promise<ShipmentsSubgraph> {
  const find = ({ id }: { id: string }) => shipments.find((each) => each.id === id) ?? null;
  const schema = buildSubgraphSchema({
    typeDefs: parse(sdl),
    resolvers: {
      Query: {
        shipments: (_root: unknown, { first }: { first?: number }) => shipments.slice(0, first),
        shipment: (_root: unknown, reference: { id: string }) => find(reference),
      },
      Shipment: {
        __resolveReference: find,
        lastExport: ({ lastExport }: Shipment) => ({ id: lastExport }),
      },
      Export: {
        __resolveReference: ({ id }: { id: string }) => ({ id }),
        shipments: ({ id }: { id: string }) =>
          shipments.filter(({ lastExport }) => lastExport === id),
      },
    },
  });
  const server = new ApolloServer({
    schema,
    stopOnTerminationSignals: false,
    plugins: [ApolloServerPluginInlineTraceDisabled()],
  });
  const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
  return { url, sdl, close: () => server.stop() };
}

import { buildHTTPExecutor } from '@graphql-tools/executor-http';
import { stitchSchemas } from '@graphql-tools/stitch';
import { federationToStitchingSDL, stitchingDirectives } from '@graphql-tools/stitching-directives';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  graphql,
  type ExecutionResult,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';

import type { AskOptions } from './federated-graph.js';
import { read, type Subgraph } from './supergraph.js';

/** What is stitched: a schema, and how its types are found and fetched. */
type Subschema = Exclude<
  NonNullable<NonNullable<Parameters<typeof stitchSchemas>[0]>['subschemas']>[number],
  GraphQLSchema
>;

export interface StitchedAnswer<Data> {
  readonly data: Data;
  readonly errors: ExecutionResult['errors'];
  /** How often the graph asked each subgraph for it. */
  readonly requests: Readonly<Record<string, number>>;
}

/** A graph that is stitched from subgraphs, each of them over HTTP. */
export interface StitchedGraph {
  query<Data>(document: string, options?: AskOptions): Promise<StitchedAnswer<Data>>;
  close(): Promise<void>;
}

/** Each way of saying how a stitched graph finds exports, with the credentials to read the schema by. */
const ways = {
  async 'stitching directives'({ url }: Subgraph, headers: Record<string, string>) {
    const { _sdl: sdl } = await read<{ _sdl: string }>(url, '{ _sdl }', headers);
    return { schema: buildSchema(sdl) };
  },

  async federationToStitchingSDL({ sdl }: Subgraph) {
    return { schema: ofFederation(sdl) };
  },

  async introspection({ url }: Subgraph, headers: Record<string, string>) {
    const introspection = await read<IntrospectionQuery>(url, getIntrospectionQuery(), headers);
    return {
      schema: buildClientSchema(introspection),
      merge: {
        Export: {
          selectionSet: '{ id }',
          fieldName: 'exportsByIds',
          key: ({ id }: { id: string }) => id,
          argsFromKeys: (ids: readonly string[]) => ({ ids }),
        },
      },
    };
  },
} satisfies Record<
  string,
  (exports: Subgraph, headers: Record<string, string>) => Promise<Omit<Subschema, 'executor'>>
>;

export type Way = keyof typeof ways;
export const wayNames = Object.keys(ways) as readonly Way[];

/** Stitches exports, found in one of the ways, and shipments. The headers of clients are passed on to both. */
export async function stitch(
  { exports, shipments }: { exports: Subgraph; shipments: Subgraph },
  { way, headers }: { way: Way; headers: Record<string, string> },
): Promise<StitchedGraph> {
  let requests: Record<string, number> = {};
  const executorOf = ({ name, url }: Subgraph) =>
    buildHTTPExecutor({
      endpoint: url,
      headers: (request) => (request?.context as AskOptions).headers ?? {},
      fetch(input: string, init?: RequestInit) {
        requests[name] = (requests[name] ?? 0) + 1;
        return fetch(input, init);
      },
    });
  const executors = { exports: executorOf(exports), shipments: executorOf(shipments) };
  const schema = stitchSchemas({
    subschemaConfigTransforms: [stitchingDirectives().stitchingDirectivesTransformer, inHundreds],
    subschemas: [
      { ...(await ways[way](exports, headers)), executor: executors.exports, batch: true },
      { schema: ofFederation(shipments.sdl), executor: executors.shipments, batch: true },
    ],
  });

  return {
    async query<Data>(source: string, options: AskOptions = {}) {
      requests = {};
      const { data, errors } = await graphql({
        schema,
        source,
        variableValues: options.variables ?? null,
        contextValue: options,
      });
      return { data: data as Data, errors, requests };
    },
    async close() {
      for (const executor of Object.values(executors)) await executor[Symbol.asyncDispose]();
    },
  };
}

/** graphql-js does not know `@link`, nor needs to. */
function ofFederation(sdl: string): GraphQLSchema {
  return buildSchema(federationToStitchingSDL(sdl), { assumeValidSDL: true });
}

/** `exportsByIds` takes at most 100 ids, and a list may lead to more exports. */
function inHundreds(subschema: Subschema): Subschema {
  const found = subschema.merge?.['Export'];
  if (found === undefined) return subschema;
  const inBatches = { ...found, dataLoaderOptions: { maxBatchSize: 100 } };
  return { ...subschema, merge: { ...subschema.merge, Export: inBatches } };
}

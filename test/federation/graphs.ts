import type { IncomingHttpHeaders } from 'node:http';

import {
  composeServices,
  type CompositionResult,
  type CompositionSuccess,
} from '@apollo/composition';
import { ApolloGateway, type RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildHTTPExecutor } from '@graphql-tools/executor-http';
import { stitchSchemas } from '@graphql-tools/stitch';
import { federationToStitchingSDL, stitchingDirectives } from '@graphql-tools/stitching-directives';
import {
  buildSchema,
  graphql,
  parse,
  subscribe,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import { createClient } from 'graphql-sse';

import { post } from '../support/post.js';

export interface Subgraph {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
}

/** The two subgraphs of a graph. */
export type Subgraphs = Readonly<Record<'exports' | 'shipments', Subgraph>>;

export interface QueryOptions {
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Result<Data> {
  readonly data: Data;
  readonly errors?: readonly GraphQLFormattedError[] | undefined;
}

/** A running graph over several subgraphs. */
export interface Graph {
  query<Data>(document: string, options: QueryOptions): Promise<Result<Data>>;
  /** Missing where a graph has no subscriptions. */
  subscribe?(document: string, options: QueryOptions): AsyncIterable<object>;
  close(): Promise<void>;
}

/** Queries the graph at a URL. */
export function overHttp(url: string): Graph['query'] {
  return async <Data>(query: string, { variables, headers = {} }: QueryOptions) => {
    const { text } = await post(url, { query, variables }, { headers });
    return JSON.parse(text) as Result<Data>;
  };
}

/** Subscribes by Server-Sent Events. */
export function overSse(url: string): Required<Graph>['subscribe'] {
  return (query, { headers = {} }) => createClient({ url, headers }).iterate({ query });
}

/** Apollo's composition, with its errors and hints. */
export function compose(subgraphs: readonly Subgraph[]): CompositionResult {
  return composeServices(subgraphs.map(({ sdl, ...rest }) => ({ ...rest, typeDefs: parse(sdl) })));
}

/** Throws when the composition has an error or a hint. */
export function composeSupergraph(subgraphs: readonly Subgraph[]): CompositionSuccess {
  const composition = compose(subgraphs);
  const problems = [...(composition.errors ?? []), ...(composition.hints ?? [])];
  if (composition.schema === undefined || problems.length > 0) throw new AggregateError(problems);
  return composition;
}

export type Source = new (config: { url: string }) => RemoteGraphQLDataSource;

/** Starts @apollo/gateway over the composed subgraphs, on a free port. */
export async function startApolloGateway(
  { exports, shipments }: Subgraphs,
  SubgraphSource: Source,
): Promise<Graph> {
  // Otherwise it queries the metadata services of four clouds, and reports usage to its vendor.
  process.env['APOLLO_TELEMETRY_DISABLED'] = 'true';
  const { supergraphSdl } = composeSupergraph([exports, shipments]);
  const server = new ApolloServer<IncomingHttpHeaders>({
    gateway: new ApolloGateway({
      supergraphSdl,
      buildService: ({ url = '' }) => new SubgraphSource({ url }),
    }),
    stopOnTerminationSignals: false,
    includeStacktraceInErrorResponses: false,
  });
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: async ({ req }) => req.headers,
  });
  return { query: overHttp(url), close: () => server.stop() };
}

type Subschema = Exclude<
  NonNullable<NonNullable<Parameters<typeof stitchSchemas>[0]>['subschemas']>[number],
  GraphQLSchema
>;
/** The schema of a subgraph, and how a stitched graph loads its objects by key. */
export type StitchableSchema = Pick<Subschema, 'schema' | 'merge'>;

export function fromFederationSdl({ sdl }: Subgraph): StitchableSchema {
  // graphql-js has no definition of `@link`, and needs none.
  return { schema: buildSchema(federationToStitchingSDL(sdl), { assumeValidSDL: true }) };
}

/** Stitches both subgraphs, which it queries over HTTP with the headers of each client. */
export function stitch({ exports, shipments }: Subgraphs, stitchable: StitchableSchema): Graph {
  const headers = (request?: { context?: QueryOptions }) => request?.context?.headers ?? {};
  const subschemas = [
    { ...stitchable, url: exports.url },
    { ...fromFederationSdl(shipments), url: shipments.url },
  ].map(({ url, ...subschema }) => {
    const executor = buildHTTPExecutor({ endpoint: url, headers });
    return { ...subschema, batch: true, executor };
  });
  const schema = stitchSchemas({
    subschemaConfigTransforms: [
      stitchingDirectives().stitchingDirectivesTransformer,
      // A merge configuration of its own limits the batches itself.
      ...(stitchable.merge === undefined ? [limitBatches] : []),
    ],
    subschemas,
  });
  return {
    async query<Data>(source: string, options: QueryOptions) {
      const variableValues = options.variables ?? null;
      const result = await graphql({ schema, source, variableValues, contextValue: options });
      return { data: result.data as Data, errors: result.errors?.map((error) => error.toJSON()) };
    },
    async *subscribe(document, contextValue) {
      const results = await subscribe({ schema, document: parse(document), contextValue });
      if (Symbol.asyncIterator in results) yield* results;
      else yield results;
    },
    async close() {
      for (const { executor } of subschemas) await executor[Symbol.asyncDispose]();
    },
  };
}

/** `exportsByIds` accepts at most 100 ids, and a query can lead to more exports. */
function limitBatches(subschema: Subschema): Subschema {
  const merged = subschema.merge?.['Export'];
  if (merged === undefined) return subschema;
  const Export = { ...merged, dataLoaderOptions: { maxBatchSize: 100 } };
  return { ...subschema, merge: { ...subschema.merge, Export } };
}

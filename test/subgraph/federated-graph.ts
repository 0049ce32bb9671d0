import { RemoteGraphQLDataSource, type GraphQLDataSourceProcessOptions } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';

import type { GraphqlError } from '../support/gateway.js';
import { apolloGateway } from './supergraph.js';

/** What the gateway of a federated graph knows of a request. */
interface ClientRequest {
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
}

type Sent = GraphQLDataSourceProcessOptions<ClientRequest>;
type Fetched = Parameters<RemoteGraphQLDataSource['errorFromResponse']>[0];

/** Passes credentials on to a subgraph. */
class SubgraphSource extends RemoteGraphQLDataSource<ClientRequest> {
  override willSendRequest({ request, context }: Sent): void {
    const { headers } = context as ClientRequest;
    for (const name of ['authorization', 'x-api-key']) {
      const value = headers?.[name];
      if (typeof value === 'string') request.http?.headers.set(name, value);
    }
  }
}

/** Gives the error of a subgraph in the subgraph's own words, where Apollo's source tells only the HTTP status of it. */
class SubgraphSourceWithCodes extends SubgraphSource {
  override async errorFromResponse(response: Fetched): Promise<GraphQLError> {
    const error = await super.errorFromResponse(response);
    const { body } = error.extensions['response'] as {
      body?: { errors?: GraphQLFormattedError[] };
    };
    const own = body?.errors?.[0];
    return own === undefined
      ? error
      : new GraphQLError(own.message, { extensions: own.extensions ?? null });
  }
}

export interface FederatedError extends GraphqlError {
  readonly extensions: GraphqlError['extensions'] & {
    /** What Apollo's source keeps of an answer that was not 2xx. */
    readonly response?: { readonly status: number; readonly body: unknown };
  };
}

export interface FederatedAnswer<Data> {
  readonly status: number;
  readonly data: Data;
  readonly errors: readonly FederatedError[] | undefined;
  /** How often the gateway asked each subgraph for it. */
  readonly requests: Readonly<Record<string, number>>;
}

/** What a client sends beside its document. */
export interface AskOptions {
  readonly variables?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

/** @apollo/gateway over a supergraph, behind @apollo/server, on a free port. */
export interface FederatedGraph {
  query<Data = Record<string, never>>(
    document: string,
    options?: AskOptions,
  ): Promise<FederatedAnswer<Data>>;
  close(): Promise<void>;
}

export async function startFederatedGraph(
  supergraphSdl: string,
  { withCodes = false }: { withCodes?: boolean } = {},
): Promise<FederatedGraph> {
  let requests: Record<string, number> = {};
  const gateway = apolloGateway(supergraphSdl, ({ name, url = '' }) => {
    const source = withCodes ? new SubgraphSourceWithCodes({ url }) : new SubgraphSource({ url });
    return {
      process(options) {
        requests[name] = (requests[name] ?? 0) + 1;
        return source.process(options);
      },
    };
  });
  const server = new ApolloServer<ClientRequest>({
    gateway,
    stopOnTerminationSignals: false,
    includeStacktraceInErrorResponses: false,
  });
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: async ({ req }) => ({ headers: req.headers }),
  });

  return {
    async query<Data>(document: string, { variables, headers = {} }: AskOptions = {}) {
      requests = {};
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: document, variables }),
      });
      const { data, errors } = (await response.json()) as Pick<
        FederatedAnswer<Data>,
        'data' | 'errors'
      >;
      return { status: response.status, data, errors, requests };
    },
    close: () => server.stop(),
  };
}

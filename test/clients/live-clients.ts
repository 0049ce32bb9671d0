import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { RetryLink } from '@apollo/client/link/retry';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client as Urql, subscriptionExchange } from '@urql/core';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';

type Data = Readonly<Record<string, { readonly status?: string } | null>>;

/** What a client reports about a subscription: its results, and then how it ended. */
export interface Report {
  readonly data?: Data | null | undefined;
  /** An error of the client, or the errors of a result. */
  readonly error?: unknown;
  readonly isComplete?: true;
}

type Reporter = (reported: Report) => void;

export interface Request {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
}

/** The headers, or the parameters of a WebSocket; called for each connection. */
export type Credentials = () => Record<string, string>;

interface Endpoint {
  readonly url: string;
  readonly credentials: Credentials;
}

/** A client library with the settings that docs/api.md recommends for its own retries. */
export interface LiveClient {
  readonly name: string;
  /** Whether it connects again after rejected credentials; the others report them. */
  readonly retriesUnauthorized: boolean;
  /** Subscribes with a client of its own; returns what unsubscribes. */
  readonly subscribe: (endpoint: Endpoint, request: Request, report: Reporter) => () => void;
}

// That of browsers, which Node 20 lacks.
Object.assign(globalThis, { WebSocket });

/** Far shorter than in production, where many clients return at once. */
const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 100));

const wsClient = ({ url, credentials }: Endpoint) =>
  createWsClient({
    url,
    connectionParams: credentials,
    retryAttempts: Infinity,
    retryWait: pause,
    shouldRetry: () => true,
  });

const sseClient = ({ url, credentials }: Endpoint) =>
  createSseClient({
    url,
    headers: credentials,
    retryAttempts: Infinity,
    retry: pause,
    fetchFn: async (...request: Parameters<typeof fetch>) => {
      const response = await fetch(...request);
      // The client retries every response that is not 2xx, but an invalid document stays invalid.
      if (response.status !== 400) return response;
      return new Response(
        `event: next\ndata: ${await response.text()}\n\nevent: complete\ndata:\n\n`,
      );
    },
  });

/** The interface of the clients of graphql-ws and graphql-sse. */
interface ProtocolClient {
  subscribe(request: Request, sink: Sink): () => void;
}
interface Sink {
  next(result: { readonly data?: Data | null | undefined; readonly errors?: unknown }): void;
  error(error: unknown): void;
  complete(): void;
}

function alone(client: ProtocolClient, request: Request, report: Reporter): () => void {
  return client.subscribe(request, {
    next: ({ data, errors }) => {
      report({ data, error: errors });
    },
    error: (error) => {
      report({ error });
    },
    complete: () => {
      report({ isComplete: true });
    },
  });
}

function throughApollo(
  link: ApolloLink,
  { query, variables = {} }: Request,
  report: Reporter,
): () => void {
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  const subscription = client.subscribe<Data>({ query: gql(query), variables }).subscribe({
    next: report,
    complete: () => {
      report({ isComplete: true });
    },
  });
  return () => {
    subscription.unsubscribe();
    client.stop();
  };
}

function throughUrql(
  url: string,
  client: ProtocolClient,
  { query, variables = {} }: Request,
  report: Reporter,
): () => void {
  const subscriptions = subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => ({
        unsubscribe: client.subscribe({ query: request.query ?? '', variables }, sink),
      }),
    }),
  });
  const urql = new Urql({ url, exchanges: [subscriptions], preferGetMethod: false });
  const subscription = urql.subscription<Data>(query, variables).subscribe((result) => {
    const { data, error, hasNext } = result;
    // The result at the end repeats the last one.
    report(hasNext || error !== undefined ? { data, error } : { isComplete: true });
  });
  return () => {
    subscription.unsubscribe();
  };
}

export const liveClients: readonly LiveClient[] = [
  {
    name: "graphql-ws's client",
    retriesUnauthorized: true,
    subscribe: (endpoint, request, report) => alone(wsClient(endpoint), request, report),
  },
  {
    name: "graphql-sse's client",
    retriesUnauthorized: true,
    subscribe: (endpoint, request, report) => alone(sseClient(endpoint), request, report),
  },
  {
    name: 'Apollo Client by multipart',
    retriesUnauthorized: false,
    subscribe: ({ url, credentials }, request, report) => {
      const retry = new RetryLink({
        attempts: { max: Infinity },
        delay: { initial: 100, max: 100 },
      });
      const authorize = new SetContextLink(() => ({ headers: credentials() }));
      const link = ApolloLink.from([retry, authorize, new HttpLink({ uri: url })]);
      return throughApollo(link, request, report);
    },
  },
  {
    name: 'Apollo Client by graphql-ws',
    retriesUnauthorized: true,
    subscribe: (endpoint, request, report) =>
      throughApollo(new GraphQLWsLink(wsClient(endpoint)), request, report),
  },
  {
    name: 'urql by graphql-ws',
    retriesUnauthorized: true,
    subscribe: (endpoint, request, report) =>
      throughUrql(endpoint.url, wsClient(endpoint), request, report),
  },
  {
    name: 'urql by graphql-sse',
    retriesUnauthorized: true,
    subscribe: (endpoint, request, report) =>
      throughUrql(endpoint.url, sseClient(endpoint), request, report),
  },
];

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';

import { accessToken, discardToken, SignInNeeded } from './session.js';

const url = `${import.meta.env['VITE_GATEWAY_URL'] as string}/graphql`;

/** The close code of rejected and of expired credentials. */
const FORBIDDEN = 4403;
const MAX_RETRY_MS = 8_000;

/** One WebSocket for all subscriptions, which connects again whatever ends it. */
export const live = createClient({
  url: url.replace(/^http/, 'ws'),
  // An error here would end the retries; without a token the gateway closes the connection.
  connectionParams: async () => ({
    authorization: `Bearer ${await accessToken().catch(() => '')}`,
  }),
  shouldRetry: () => true,
  retryAttempts: Infinity,
  // The random part spreads the pages when the gateway restarts.
  retryWait: (retries) =>
    new Promise((resolve) =>
      setTimeout(resolve, Math.min(1_000 * 2 ** retries, MAX_RETRY_MS) * (0.5 + Math.random() / 2)),
    ),
  // A change of the filter replaces the subscription, and keeps the connection.
  lazyCloseTimeout: 5_000,
  on: {
    closed: (event) => {
      if ((event as CloseEvent).code === FORBIDDEN) discardToken();
    },
  },
});

const withNewToken = new ErrorLink(({ error, operation, forward }) => {
  if (errorCode(error) !== 'UNAUTHENTICATED' || error instanceof SignInNeeded) return undefined;
  discardToken();
  return forward(operation);
});
const authorize = new SetContextLink(async () => ({
  headers: { authorization: `Bearer ${await accessToken()}` },
}));

export const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(live),
    ApolloLink.from([withNewToken, authorize, new HttpLink({ uri: url })]),
  ),
  cache: new InMemoryCache({
    typePolicies: {
      Query: {
        fields: {
          // A numbered page stands alone; the others continue one list.
          exports: relayStylePagination((args) =>
            args?.['page'] === undefined ? ['filter'] : ['filter', 'page'],
          ),
        },
      },
    },
  }),
});

/** The code of an error of the gateway. */
export function errorCode(error: unknown): unknown {
  if (error instanceof SignInNeeded) return 'UNAUTHENTICATED';
  if (!CombinedGraphQLErrors.is(error)) return undefined;
  return error.errors[0]?.extensions?.['code'];
}

/** In how many whole seconds a request may succeed that failed with this error; null: not by itself. */
export function retryDelay(error: unknown): number | null {
  if (!CombinedGraphQLErrors.is(error) || errorCode(error) === 'SERVICE_UNAVAILABLE') return 3;
  const seconds: unknown = error.errors[0]?.extensions?.['retryAfter'];
  return typeof seconds === 'number' ? seconds : null;
}

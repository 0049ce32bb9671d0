import type { ApolloServerPlugin } from '@apollo/server';
import {
  createSourceEventStream,
  execute,
  OperationTypeNode,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';

import type { Viewer } from '../auth/viewer.js';
import { ServiceUnavailableError, StreamRequiredError, toError } from '../errors.js';
import type { ExportRow } from '../exports/export.js';
import type { PendingExports } from '../exports/live-exports.js';
import type { Context, OperationResult } from './context.js';
import type { CostBudgets } from './cost-budgets.js';
import { costOf } from './cost.js';
import { EventTurns } from './event-turns.js';
import type { FormatError } from './format-error.js';
import { toGraphQLResponse } from './graphql-response.js';
import { ResultStream, type EventResult, type Transport } from './result-stream.js';
import { SharedResults } from './shared-results.js';
import type { Subscriptions } from './subscriptions.js';
import { forbidSubscriptionConditions } from './validation-rules.js';

export interface SubscriptionOptions {
  readonly subscriptions: Subscriptions;
  /** Runs the work of an event; resolves to undefined where an overload prevents it. */
  readonly schedule: <Result>(
    organization: string,
    work: () => Promise<Result>,
  ) => Promise<Result | undefined>;
  /** Each event has a context of its own, because its links and queries are those of one response. */
  readonly createEventContext: (viewer: Viewer, requestId: string) => Context;
  readonly observer: SubscriptionObserver;
}

export interface SubscriptionObserver {
  readonly eventSent: (transport: Transport) => void;
  readonly subscriptionEnded: (ended: {
    readonly transport: Transport;
    /** The code is null for one that is complete, and ABORTED for one that the client ended. */
    readonly operationResult: OperationResult;
  }) => void;
}

interface Operation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

interface SubscriptionRequest extends Operation {
  readonly context: Context;
}

interface SubscribedOperation extends Operation {
  readonly viewer: Viewer;
  readonly requestId: string;
}

/**
 * Begins subscriptions, after what all operations have in common: documents, validation and limits.
 * Each event is an execution, whose result subscriptions of the same operation and rights share.
 */
export function subscriptionExecution(
  schema: GraphQLSchema,
  {
    subscriptions,
    schedule,
    createEventContext,
    observer,
    budgets,
    formatError,
  }: SubscriptionOptions & {
    readonly budgets: CostBudgets | null;
    readonly formatError: FormatError;
  },
): ApolloServerPlugin<Context> {
  const shared = new SharedResults();
  const turns = new EventTurns();

  async function begin(request: SubscriptionRequest): Promise<void> {
    const { document, operation, variables, context } = request;
    const { viewer, stream } = context;
    const { organization } = viewer;
    if (stream === null) throw new StreamRequiredError();
    const { transport } = stream;
    subscriptions.checkRoom(organization);
    const pending = await createSource(schema, request);
    try {
      // Meanwhile others may have begun, or the gateway may be closing.
      subscriptions.checkRoom(organization);
    } catch (error) {
      pending.close();
      throw error;
    }
    const operationName = operation.name?.value ?? null;
    const { cost } = costOf(operation, { schema, query: document, variables, operationName });
    const key = shared.keyOf(operation, variables, viewer);
    // Without the context, which would stay in memory as long as the subscription.
    const subscribed = { document, operation, variables, viewer, requestId: context.requestId };
    const results = new ResultStream(viewer, transport, pending, {
      turn: () => turns.wait(organization),
      pay: () => budgets?.pay(organization, cost) ?? 0,
      execute: (row) =>
        shared.get(row, key, () => schedule(organization, () => executeEvent(subscribed, row))),
      onSent: () => {
        observer.eventSent(transport);
      },
      onEnd: (ended, code) => {
        subscriptions.remove(ended);
        const result = { type: operation.operation, name: operationName };
        observer.subscriptionEnded({ transport, operationResult: { operation: result, code } });
      },
    });
    subscriptions.add(results);
    stream.onStream(results);
  }

  async function executeEvent(
    { document, operation, variables, viewer, requestId }: SubscribedOperation,
    row: ExportRow | null,
  ): Promise<EventResult> {
    const contextValue = createEventContext(viewer, requestId);
    const result = await execute({
      ...{ schema, document, contextValue, operationName: operation.name?.value },
      variableValues: variables,
      rootValue: row,
    });
    const { body } = toGraphQLResponse(result, { formatError, requestId });
    const isUnavailable =
      result.errors?.some(
        ({ originalError }) => originalError instanceof ServiceUnavailableError,
      ) ?? false;
    return { result: body.singleResult, disclosed: contextValue.links.disclosed, isUnavailable };
  }

  return {
    requestDidStart: async () => ({
      async validationDidStart({ document }) {
        forbidSubscriptionConditions(document, schema.getSubscriptionType()?.name);
      },
      async responseForOperation({ document, operation, request, contextValue }) {
        // Contrary to its types, Apollo may pass no operation.
        const type = (operation as typeof operation | undefined)?.operation;
        if (type !== OperationTypeNode.SUBSCRIPTION) return null;
        const variables = declaredVariables(operation, request.variables ?? {});
        try {
          await begin({ document, operation, variables, context: contextValue });
          // The transport sends the results instead.
          return toGraphQLResponse({ data: null }, { formatError, requestId: '' });
        } catch (thrown) {
          const { requestId } = contextValue;
          return toGraphQLResponse({ errors: [toError(thrown)] }, { formatError, requestId });
        }
      },
    }),
  };
}

/** Clients may send others, of any size, which would stay in memory as long as the subscription. */
function declaredVariables(
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const names = variableDefinitions.map(({ variable }) => variable.name.value);
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(given, name)).map((name) => [name, given[name]]),
  );
}

/** Calls the `subscribe` function of the operation's field. Throws what this throws. */
async function createSource(
  schema: GraphQLSchema,
  { document, operation, variables, context }: SubscriptionRequest,
): Promise<PendingExports> {
  const source = await createSourceEventStream({
    ...{ schema, document, operationName: operation.name?.value },
    variableValues: variables,
    contextValue: context,
  });
  // graphql-js hides that it returns what the field returned.
  if (Symbol.asyncIterator in source) return source as PendingExports;
  throw source.errors?.[0] ?? new Error('A subscription has neither a source nor errors');
}

import type { ApolloServerPlugin } from '@apollo/server';

import type { Context, OperationResult } from './context.js';

/** Tells what came of an operation, and keeps in which request an error was met. */
export const operationMetrics: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    let told: OperationResult['operation'];
    return {
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) requestIds.set(error, contextValue.requestId);
      },
      // Before there is an answer, for who hangs up gets none.
      async didResolveOperation({ operation, contextValue }) {
        told = operation && {
          type: operation.operation,
          name: operation.name?.value.slice(0, MAX_NAME_LENGTH) ?? null,
        };
        contextValue.onOperationResult({ operation: told, code: null });
      },
      async willSendResponse({ response: { body }, contextValue }) {
        const [error] = (body.kind === 'single' && body.singleResult.errors) || [];
        const code = error?.extensions?.['code'];
        contextValue.onOperationResult({
          operation: told,
          code: error === undefined ? null : String(code),
        });
      },
    };
  },
};

/** Clients choose the names of operations: they may be of any length. */
const MAX_NAME_LENGTH = 80;

const requestIds = new WeakMap<object, string>();

/** The id of the request in which an error was met: whoever forms its answer is told the error alone. */
export function requestIdOf(error: unknown): string | undefined {
  return error instanceof Error ? requestIds.get(error) : undefined;
}

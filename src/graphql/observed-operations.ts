import type { ApolloServerPlugin } from '@apollo/server';

import type { Context } from './context.js';

/** Tells what came of an operation, and keeps in which request an error was met. */
export const observedOperations: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    return {
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) requestIds.set(error, contextValue.requestId);
      },
      async willSendResponse({ operation, response: { body }, contextValue }) {
        const [error] = (body.kind === 'single' && body.singleResult.errors) || [];
        const code = error?.extensions?.['code'];
        contextValue.onOutcome({
          operation: operation && {
            type: operation.operation,
            name: operation.name?.value ?? null,
          },
          code: error === undefined ? null : String(code),
        });
      },
    };
  },
};

const requestIds = new WeakMap<object, string>();

/** The id of the request in which an error was met: whoever forms its answer is told the error alone. */
export function requestIdOf(error: unknown): string | undefined {
  return error instanceof Error ? requestIds.get(error) : undefined;
}

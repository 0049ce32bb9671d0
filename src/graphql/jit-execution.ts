import type { ApolloServerPlugin } from '@apollo/server';

import type { CompiledOperations } from './compiled-operations.js';
import type { Context } from './context.js';
import type { FormatError } from './format-error.js';
import { toGraphQLResponse } from './graphql-response.js';

/** Runs compiled operations, instead of what Apollo Server prepares for executors. */
export function jitExecution(
  operations: CompiledOperations,
  formatError: FormatError,
): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      async responseForOperation({ document, operation, request, contextValue }) {
        // Contrary to its types, Apollo may pass no operation. It responds with an error next.
        const found = operation as typeof operation | undefined;
        const run = found === undefined ? null : operations.use(found, document);
        if (run === null) return null;
        const result = await run(contextValue, request.variables ?? {});
        return toGraphQLResponse(result, { formatError, requestId: contextValue.requestId });
      },
    }),
  };
}
